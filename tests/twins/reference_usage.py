"""Twins of the reference gateway that charge or show something else than what was used."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path

from reference_gateway.content.upstream import Answer, Outbound
from reference_gateway.ledger.accounts import ApiKey
from reference_gateway.ledger.spend import Settled
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import Endpoint, Outcome, Settle
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround, UpstreamAround
from tests.twins.checks import (
    ABORTED,
    ENDPOINTS,
    IDENTITY,
    MODELS,
    RECORDED,
    SEQUENTIAL,
    SMALL,
    UNMETERED,
    USAGE,
)
from tests.twins.reference_ledger import known_to_the_ledger, settling

twin = partial(registry.twin, host="reference")


def _settled(parts: Parts, change: Callable[[Settle], Settle]) -> Parts:
    class Changing(LedgerAround):
        def settle(self, message: Settle) -> None:
            super().settle(change(message))

    return replace(parts, ledger=Changing)


@twin("streams-not-counted", fails={USAGE, SEQUENTIAL})
def streams_not_counted(parts: Parts) -> Parts:
    """Streams cost nothing."""
    streaming: ContextVar[bool] = ContextVar("streaming", default=False)

    class Noting(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            streaming.set(request.stream)
            async with self.inner.send(request) as answer:
                yield answer

    def change(message: Settle) -> Settle:
        return replace(message, prompt_tokens=0, completion_tokens=0) if streaming.get() else message

    upstream = parts.upstream
    return replace(
        _settled(parts, change), upstream=lambda config, rule, dialer: Noting(upstream(config, rule, dialer))
    )


@twin("usage-shown-by-half", fails={USAGE})
def usage_shown_by_half(parts: Parts) -> Parts:
    """The limit counts all, the usage that is shown half."""
    return replace(parts, key_view=lambda account: parts.key_view(replace(account, total=account.total // 2)))


@twin("half-is-charged", fails={USAGE, SEQUENTIAL})
def half_is_charged(parts: Parts) -> Parts:
    """Half of the tokens are charged, so that limits admit twice what they say."""

    def change(message: Settle) -> Settle:
        return replace(
            message,
            prompt_tokens=message.prompt_tokens // 2,
            completion_tokens=message.completion_tokens // 2,
        )

    return _settled(parts, change)


@twin("refusals-charged", fails={"spend.provider-refusals-are-free"})
def refusals_charged(parts: Parts) -> Parts:
    """A provider's refusal costs the hold."""

    def change(message: Settle) -> Settle:
        return replace(message, outcome=Outcome.UNKNOWN) if message.outcome is Outcome.REFUSED else message

    return _settled(parts, change)


@twin("usage-charged-to-another", fails={USAGE, "spend.nobody-pays-for-somebody-else"})
def usage_charged_to_another(parts: Parts) -> Parts:
    """Usage is shown by team, and the team is what keys have in common at the start of their names."""

    class Teams(AccountsAround):
        async def get(self, key_id: int) -> ApiKey | None:
            account = await super().get(key_id)
            if account is None:
                return None
            team = [other for other in await self.page(0, 1000) if _team(other) == _team(account)]
            return replace(account, total=sum(other.total for other in team))

    return replace(parts, accounts=Teams)


def _team(account: ApiKey) -> tuple[str, ...]:
    return tuple(account.name.split("-")[:3])


@twin("left-calls-refunded", fails={ABORTED, RECORDED})
def left_calls_refunded(parts: Parts) -> Parts:
    """Whoever leaves before the end pays nothing."""
    return settling(parts, lambda _, request: bool(request["seen"]["left"]))


@twin("unmetered-is-free", fails={UNMETERED, RECORDED})
def unmetered_is_free(parts: Parts) -> Parts:
    """Where the provider does not say what was used, nothing was."""
    return settling(
        parts, lambda message, request: message.outcome is Outcome.UNKNOWN and not request["seen"]["left"]
    )


@twin("users-have-their-own-budget", fails={IDENTITY})
def users_have_their_own_budget(parts: Parts) -> Parts:
    """Calls in the name of a user are charged to the user, who has no limit."""
    return settling(parts, lambda _, request: b'"user":' in request["body"])


@twin("embeddings-not-counted", fails={ENDPOINTS}, inference=("embeddings",))
def embeddings_not_counted(parts: Parts) -> Parts:
    """The limit is chat's."""
    return settling(parts, lambda _, request: request["endpoint"] is Endpoint.EMBEDDINGS)


@twin("variants-are-free", fails={MODELS})
def variants_are_free(parts: Parts) -> Parts:
    """A model's free variant is the model, and free."""
    free = re.compile(rb'("model":\s*"[^"]*):free"')

    def renaming(app: App) -> App:
        async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
            async def received() -> Message:
                message = await receive()
                body = message.get("body", b"")
                # In the same length, which the head has told already.
                return {**message, "body": free.sub(rb'\1"     ', body)} if body else message

            await app(scope, received, send)

        return renamed

    settled = settling(parts, lambda _, request: free.search(request["body"]) is not None)
    return replace(settled, app=lambda app: known_to_the_ledger(renaming(app)))


_POINT = 56_000  # nano-dollars, of which the usual call of an audit costs three


class _InPoints(SqliteStorage):
    """Amounts to the nearest whole point."""

    @classmethod
    def open(cls, path: Path) -> "_InPoints":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def settle(self, message: Settle, now: int) -> Settled | None:
        row = self._one("SELECT key_id FROM reservation WHERE rid = ?", (message.rid,))
        settled = super().settle(message, now)
        if settled is not None and row is not None:
            more = round(settled.charged / _POINT) * _POINT - settled.charged
            self._db.execute(
                "UPDATE api_key SET spent = spent + ?, total = total + ? WHERE key_id = ?",
                (more, more, row["key_id"]),
            )
        return settled


@twin("charges-in-whole-points", fails={SMALL, RECORDED})
def charges_in_whole_points(parts: Parts) -> Parts:
    """Every charge is rounded to whole points, of which small calls cost none."""
    return replace(parts, storage=_InPoints.open)
