"""Twins of the reference gateway that pass on more than they should, or something else, or twice."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reference_gateway.config import Provider
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, Outbound, provider_headers
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import UpstreamAround, sending
from tests.twins.checks import ANEW, CALLER, CROSSES, ONCE, SEQUENTIAL, UNCHANGED, USAGE

twin = partial(registry.twin, host="reference")


def _forwarded(parts: Parts, header: str) -> Parts:
    """A header of the caller goes on to the provider."""
    value: ContextVar[str] = ContextVar(header, default="")

    def around(app: App) -> App:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            headers = dict(scope["headers"])
            value.set(headers.get(header.encode(), b"").decode("latin-1"))
            await app(scope, receive, send)

        return noting

    def rule(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
        own = provider_headers(provider, api_key, stream)
        return {**own, f"x-client-{header}" if header in own else header: value.get()}

    return replace(parts, app=around, provider_headers=rule)


@twin("key-forwarded", fails={"forwarding.gateway-key-stays-behind"})
def key_forwarded(parts: Parts) -> Parts:
    """The caller's key goes along to the provider."""
    return _forwarded(parts, "authorization")


@twin("cookies-forwarded", fails={CALLER})
def cookies_forwarded(parts: Parts) -> Parts:
    """Cookies go along to the provider."""
    return _forwarded(parts, "cookie")


@twin("address-forwarded", fails={CALLER})
def address_forwarded(parts: Parts) -> Parts:
    """The caller's address goes along to the provider."""
    return _forwarded(parts, "x-forwarded-for")


def _copied(request: Outbound) -> Outbound:
    """To be sent beside the original."""
    return replace(request, body=Sealed(unsealed(request.body)))


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to be given again."""

    status: int
    media: str
    retry_after: int | None
    body: bytes

    async def pieces(self) -> AsyncIterator[Sealed]:
        """All of it at once."""
        yield Sealed(self.body)


@twin("answers-cached", fails={ONCE, ANEW, CROSSES})
def answers_cached(parts: Parts) -> Parts:
    """The same question gets the answer that it got before."""

    class Caching(UpstreamAround):
        kept: dict[bytes, Kept] = {}  # noqa: RUF012 - one gateway per process

        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Any]:
            question = unsealed(request.body)
            if question not in self.kept:
                async with self.inner.send(request) as fresh:
                    body = b"".join([unsealed(piece) async for piece in fresh.pieces()])
                    answer = Kept(fresh.status, fresh.media, fresh.retry_after, body)
                if answer.status != 200:
                    yield answer
                    return
                self.kept[question] = answer
            yield self.kept[question]

    return sending(parts, Caching)


@twin("system-sentence-added", fails={UNCHANGED})
def system_sentence_added(parts: Parts) -> Parts:
    """The gateway puts in a word of its own."""

    class Adding(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            return body | {"messages": [{"role": "system", "content": "Be brief."}, *body["messages"]]}

    return sending(parts, Adding)


@twin("prompts-shortened", fails={UNCHANGED})
def prompts_shortened(parts: Parts) -> Parts:
    """The end of each message is cut off."""

    class Shortening(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            messages = [message | {"content": message["content"][:-5]} for message in body["messages"]]
            return body | {"messages": messages}

    return sending(parts, Shortening)


@twin("answers-rewritten", fails={UNCHANGED})
def answers_rewritten(parts: Parts) -> Parts:
    """Answers go through a filter that softens them."""

    def around(app: App) -> App:
        async def softening(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if scope["path"].endswith("/chat/completions") and "body" in message:
                    message["body"] = re.sub(rb'("content": ?")', rb"\1~", message["body"], count=1)
                await send(message)

            await app(scope, receive, sent)

        return softening

    return replace(parts, app=around)


@twin("calls-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
def calls_sent_twice(parts: Parts) -> Parts:
    """Every call goes to the provider twice, and one answer is thrown away."""

    class Doubling(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            async with self.inner.send(_copied(request)) as spare:
                async for _ in spare.pieces():
                    continue
            async with self.inner.send(request) as answer:
                yield answer

    return sending(parts, Doubling)


@twin("streams-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
def streams_sent_twice(parts: Parts) -> Parts:
    """Streams go to two providers, and the second answer is thrown away."""

    class Doubling(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            if request.stream:
                async with self.inner.send(_copied(request)) as spare:
                    async for _ in spare.pieces():
                        continue
            async with self.inner.send(request) as answer:
                yield answer

    return sending(parts, Doubling)
