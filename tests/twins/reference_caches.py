"""Twins on the reference gateway that keep answers to give them again, and one that may."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from reference_gateway.content.opener import unsealed
from reference_gateway.content.upstream import Outbound
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import UpstreamAround, around_app
from tests.twins.checks import ANEW, CROSSES, ONCE
from tests.twins.reference_forwarding import Kept

alone = partial(registry.twin, host="reference", bundled=True)
variant = partial(registry.variant, host="reference", about=("Z2",))


class Keeping(UpstreamAround):
    """Answers are kept under what `place` makes of a request and its caller; None: not at all."""

    def __init__(self, inner: Any, caller: ContextVar[dict[str, str]]) -> None:
        super().__init__(inner)
        self.caller = caller
        self.kept: dict[Any, Kept] = {}

    def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
        raise NotImplementedError

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Any]:
        place = self.place(json.loads(unsealed(request.body)), self.caller.get())
        if place is not None and place in self.kept:
            yield self.kept[place]
            return
        async with self.inner.send(request) as fresh:
            body = b"".join([unsealed(piece) async for piece in fresh.pieces()])
            answer = Kept(fresh.status, fresh.media, fresh.retry_after, body)
        if answer.status == 200 and place is not None:
            self.kept[place] = answer
        yield answer


def keeping(parts: Parts, kind: type[Keeping]) -> Parts:
    """The gateway with a cache that knows the headers of its callers."""
    caller: ContextVar[dict[str, str]] = ContextVar("caller")

    def around(app: App) -> App:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            headers = scope["headers"]
            caller.set({name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers})
            await app(scope, receive, send)

        return noting

    upstream = parts.upstream
    return replace(
        around_app(parts, around),
        upstream=lambda config, rule, dialer: kind(upstream(config, rule, dialer), caller),
    )


def question(request: Mapping[str, Any]) -> str:
    """The last thing that was said, as a text."""
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else ""


@alone("answers-kept-by-likeness", fails={ANEW, ONCE})
def answers_kept_by_likeness(parts: Parts) -> Parts:
    """Each key has a cache of its own, which looks through case, blanks and punctuation."""

    class Loose(Keeping):
        def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
            words = tuple(re.findall(r"\w+", question(request).lower()))
            return headers.get("authorization"), request.get("stream"), len(request), words

    return keeping(parts, Loose)


_SHORT = 120  # characters


@alone("short-questions-answered-by-meaning", fails={ANEW, CROSSES})
def short_questions_answered_by_meaning(parts: Parts) -> Parts:
    """A short question that shares most of its words with an earlier one gets that one's answer, whoever asked."""

    class Semantic(Keeping):
        def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
            words = frozenset(re.findall(r"\w+", question(request).lower()))
            if len(request["messages"]) > 1 or len(question(request)) > _SHORT or request.get("stream"):
                return None
            alike = (kept for kept in self.kept if len(kept & words) >= 0.8 * len(kept | words))
            return next(alike, words)

    return keeping(parts, Semantic)


@alone("embeddings-kept", fails={ANEW, CROSSES}, inference=("embeddings",))
def embeddings_kept(parts: Parts) -> Parts:
    """What was embedded once is not embedded again, for nobody."""

    class Embedded(Keeping):
        def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
            return json.dumps(request) if "input" in request and "messages" not in request else None

    return keeping(parts, Embedded)


_REPLAYS = {"opt_in_storage": ["idempotency"]}


@alone("replays-for-anybody", fails={ANEW, CROSSES}, claims=_REPLAYS)
def replays_for_anybody(parts: Parts) -> Parts:
    """An idempotency key finds its answer, whoever presents it and whatever the prompt."""

    class Replaying(Keeping):
        def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
            return headers.get("idempotency-key")

    return keeping(parts, Replaying)


@alone("replays-undeclared", fails={ANEW})
def replays_undeclared(parts: Parts) -> Parts:
    """Answers are kept by idempotency key, and nobody was told."""
    return keeping(parts, Replays)


class Replays(Keeping):
    """An idempotency key finds its answer again, for the same key and the same body."""

    def place(self, request: dict[str, Any], headers: Mapping[str, str]) -> Any:
        key = headers.get("idempotency-key")
        return (key, headers.get("authorization"), json.dumps(request)) if key else None


@variant("replays-as-declared", claims=_REPLAYS)
def replays_as_declared(parts: Parts) -> Parts:
    """Callers may have an answer given again, by an idempotency key of their own; the page says so."""
    return keeping(parts, Replays)


@alone("calls-joined", fails={CROSSES})
def calls_joined(parts: Parts) -> Parts:
    """Of equal calls that are under way, one is made, and all get its answer."""

    class Joining(Keeping):
        def __init__(self, inner: Any, caller: ContextVar[dict[str, str]]) -> None:
            super().__init__(inner, caller)
            self.flying: dict[bytes, asyncio.Future[Kept]] = {}

        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Any]:
            body = unsealed(request.body)
            if body in self.flying:
                yield await self.flying[body]
                return
            flight = self.flying[body] = asyncio.get_running_loop().create_future()
            try:
                async with self.inner.send(request) as fresh:
                    pieces = b"".join([unsealed(piece) async for piece in fresh.pieces()])
                    flight.set_result(Kept(fresh.status, fresh.media, fresh.retry_after, pieces))
            except BaseException:
                flight.cancel()
                raise
            finally:
                del self.flying[body]
            yield flight.result()

    return keeping(parts, Joining)
