"""Parts of the reference gateway with something around them: each class passes everything on, a twin overrides one method."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, Outbound, Upstream
from reference_gateway.ledger.accounts import (
    Account,
    Accounts,
    AccountTerms,
    Act,
    ApiKey,
    AuditEntry,
    Issued,
    NewKey,
    Revise,
)
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Held,
    Ledger,
    Refused,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins.keeping.exchange import Exchange

__all__ = [
    "AccountsAround",
    "Exchange",
    "Hearing",
    "LedgerAround",
    "UpstreamAround",
    "around_app",
    "noting",
    "overheard",
    "sending",
    "served",
]


def around_app(parts: Parts, around: Callable[[App], App]) -> Parts:
    """The gateway with one more thing around its application."""
    inner = parts.app
    return replace(parts, app=lambda app: around(inner(app)))


def sending(parts: Parts, around: Callable[[Upstream], Upstream]) -> Parts:
    """The gateway with something around its way to the provider."""
    upstream = parts.upstream
    return replace(parts, upstream=lambda config, rule, dialer: around(upstream(config, rule, dialer)))


class LedgerAround:
    """A ledger with something around it."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner

    async def authorise(self, message: Authorise) -> Standing | Refused:
        return await self.inner.authorise(message)

    async def balance(self, message: AskBalance) -> Balance | Refused:
        return await self.inner.balance(message)

    async def reserve(self, message: Reserve) -> Held | Refused:
        return await self.inner.reserve(message)

    def settle(self, message: Settle) -> None:
        self.inner.settle(message)

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        self.inner.on_revoked(listener)


class AccountsAround:
    """Accounts with something around them."""

    def __init__(self, inner: Accounts) -> None:
        self.inner = inner

    async def create(self, new: NewKey, by: str) -> Issued:
        return await self.inner.create(new, by)

    async def rotate(self, key_id: int, by: str) -> Issued | None:
        return await self.inner.rotate(key_id, by)

    async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
        return await self.inner.revise(key_id, revise, by)

    async def delete(self, key_id: int, by: str) -> bool:
        return await self.inner.delete(key_id, by)

    async def get(self, key_id: int) -> ApiKey | None:
        return await self.inner.get(key_id)

    async def page(self, offset: int, size: int) -> tuple[ApiKey, ...]:
        return await self.inner.page(offset, size)

    async def create_account(self, terms: AccountTerms, by: str) -> Account:
        return await self.inner.create_account(terms, by)

    async def revise_account(
        self, account_id: int, revise: Callable[[Account], AccountTerms], by: str
    ) -> Account | None:
        return await self.inner.revise_account(account_id, revise, by)

    async def account(self, account_id: int) -> Account | None:
        return await self.inner.account(account_id)

    async def account_page(self, offset: int, size: int) -> tuple[Account, ...]:
        return await self.inner.account_page(offset, size)

    async def note(self, act: Act, by: str) -> None:
        await self.inner.note(act, by)

    async def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        return await self.inner.audit(after, size)


def noting(known: list[str]) -> type[AccountsAround]:
    """Accounts that put every key they issue into a list."""

    class Noting(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            known.append(issued.key)
            return issued

    return Noting


class UpstreamAround:
    """The way to the provider with something around it: bodies may be changed, answers listened to."""

    def __init__(self, inner: Upstream) -> None:
        self.inner = inner

    def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
        """What is sent instead of a body."""
        return body

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        body = json.dumps(self.rewritten(json.loads(unsealed(request.body)))).encode()
        async with self.inner.send(replace(request, body=Sealed(body))) as answer:
            yield answer

    async def close(self) -> None:
        await self.inner.close()


# The exchange that the running task serves; the way to the provider is told of it so.
_SERVED: ContextVar[Exchange | None] = ContextVar("served", default=None)


def served() -> Exchange | None:
    """The exchange that this task is about, as far as it went."""
    return _SERVED.get()


@dataclass(frozen=True, slots=True)
class _Heard:
    """A provider's answer that is written down while it passes."""

    answer: Answer
    exchange: Exchange

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def media(self) -> str:
        return self.answer.media

    @property
    def retry_after(self) -> int | None:
        return self.answer.retry_after

    async def pieces(self) -> AsyncGenerator[Sealed, None]:
        async with aclosing(self.answer.pieces()) as pieces:
            async for piece in pieces:
                self.exchange.provider_answer += unsealed(piece)
                yield piece


class Hearing(UpstreamAround):
    """Writes down what providers say, in the exchange that it belongs to."""

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        exchange = served()
        async with self.inner.send(request) as answer:
            if exchange is None:
                yield answer
                return
            exchange.provider_status, exchange.provider_media = answer.status, answer.media
            yield _Heard(answer, exchange)


def overheard(tell: Callable[[Exchange], None], *, first: bool = False) -> Callable[[App], App]:
    """An application whose exchanges are told to somebody, each at its end.

    `first`: each request is read to its end before the application gets it, as by a proxy that buffers.
    """

    def around(app: App) -> App:
        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            hearing = _Hearer(_begun(scope), receive, send)
            _SERVED.set(hearing.exchange)
            try:
                if first:
                    await hearing.read()
                await app(scope, hearing.received, hearing.sent)
            finally:
                hearing.close()
                tell(hearing.exchange)

        return listening

    return around


def _begun(scope: Scope) -> Exchange:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    _, _, key = headers.get("authorization", "").partition(" ")
    public = "_".join(key.split("_")[:3])  # all of a key but its secret
    return Exchange(
        path=scope["path"], headers=headers, key=public, query=scope["query_string"].decode("latin-1")
    )


class _Hearer:
    """Writes down one exchange while it passes."""

    def __init__(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        self.exchange = exchange
        self._receive, self._send = receive, send
        self._asked, self._told = bytearray(), bytearray()
        self._waiting: deque[Message] = deque()

    async def read(self) -> None:
        """Receive all of the request, for whoever asks for it later."""
        more = True
        while more:
            message = await self._heard()
            self._waiting.append(message)
            more = message.get("more_body", False)

    async def received(self) -> Message:
        return self._waiting.popleft() if self._waiting else await self._heard()

    async def sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.exchange.status = message["status"]
            self.exchange.id = dict(message["headers"]).get(b"x-request-id", b"").decode("latin-1")
            self.exchange.left |= self.exchange.received and await self._gone()
        self._told += message.get("body", b"")
        await self._send(message)
        if message["type"] == "http.response.body":
            self.exchange.whole = not self.exchange.left and not message.get("more_body", False)

    def close(self) -> None:
        """Put down what was said."""
        self.exchange.request, self.exchange.answer = bytes(self._asked), bytes(self._told)

    async def _heard(self) -> Message:
        message = await self._receive()
        self._asked += message.get("body", b"")
        self.exchange.left |= message["type"] == "http.disconnect" and not self.exchange.whole
        self.exchange.received |= message["type"] == "http.request" and not message.get("more_body", False)
        return message

    async def _gone(self) -> bool:
        """Whether the caller left before anything was answered; behind a whole request nothing else can be received."""
        waiting = asyncio.ensure_future(self._receive())
        await asyncio.sleep(0)
        left = waiting.done()
        waiting.cancel()
        return left
