"""Twins on the reference gateway that change requests and answers on their way."""

import hashlib
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from reference_gateway.config import Provider
from reference_gateway.content.upstream import provider_headers
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import UpstreamAround, around_app, sending
from tests.twins.checks import ANSWERS, CALLER, HEADERS, REQUESTS

# One of a collection, `reads-keeps-and-changes`, does it too, among other things.
alone = partial(registry.twin, host="reference", bundled=True)


def _without(parts: Parts, *names: str) -> Parts:
    class Dropping(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in body.items() if name not in names}

    return sending(parts, Dropping)


@alone("tools-dropped", fails={REQUESTS})
def tools_dropped(parts: Parts) -> Parts:
    """Tools are not passed on."""
    return _without(parts, "tools", "tool_choice")


@alone("bound-dropped", fails={REQUESTS})
def bound_dropped(parts: Parts) -> Parts:
    """How long an answer may be is not passed on."""
    return _without(parts, "max_tokens")


@alone("storing-allowed", fails={REQUESTS})
def storing_allowed(parts: Parts) -> Parts:
    """The provider is told that it may keep what it gets, whatever the caller said."""

    class Allowing(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            return body | ({"store": True} if "store" in body else {})

    return sending(parts, Allowing)


@alone("schema-simplified", fails={REQUESTS})
def schema_simplified(parts: Parts) -> Parts:
    """What tools are described as is cut down."""

    class Simplifying(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            tools = [
                tool | {"function": tool["function"] | {"parameters": {"type": "object"}}}
                for tool in body.get("tools", [])
            ]
            return body | ({"tools": tools} if tools else {})

    return sending(parts, Simplifying)


@alone("finish-reasons-rewritten", fails={ANSWERS})
def finish_reasons_rewritten(parts: Parts) -> Parts:
    """Every answer says that it came to its end."""

    def around(app: App) -> App:
        async def rewriting(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message.get("body"):
                    # As long as before, since the length of the answer stands in its head.
                    message["body"] = re.sub(
                        rb'("finish_reason": ?)"(length|tool_calls)"',
                        lambda found: found[1] + b'"stop"' + b" " * (len(found[2]) - 4),
                        message["body"],
                    )
                await send(message)

            await app(scope, receive, sent)

        return rewriting

    return around_app(parts, around)


@alone("vectors-blunted", fails={ANSWERS}, inference=("embeddings",))
def vectors_blunted(parts: Parts) -> Parts:
    """The last digit of every component is gone."""

    def around(app: App) -> App:
        async def blunting(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message.get("body") and scope["path"].endswith("/embeddings"):
                    message["body"] = re.sub(rb"(\d\.\d*)[1-9](?=[,\]])", rb"\g<1>0", message["body"])
                await send(message)

            await app(scope, receive, sent)

        return blunting

    return around_app(parts, around)


@alone("prompts-numbered-by-digest", fails={HEADERS})
def prompts_numbered_by_digest(parts: Parts) -> Parts:
    """Each answer names its request by a digest of it."""

    def around(app: App) -> App:
        async def naming(scope: Scope, receive: Receive, send: Send) -> None:
            digest = hashlib.sha256()

            async def received() -> Message:
                message = await receive()
                digest.update(message.get("body", b""))
                return message

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    name = (b"x-cache-key", digest.hexdigest().encode())
                    message = {**message, "headers": [*message["headers"], name]}
                await send(message)

            await app(scope, received, sent)

        return naming

    return around_app(parts, around)


@alone("peer-address-forwarded", fails={CALLER})
def peer_address_forwarded(parts: Parts) -> Parts:
    """The address that a caller comes from goes along to the provider."""
    address: ContextVar[str] = ContextVar("address", default="")

    def around(app: App) -> App:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            address.set((scope.get("client") or ("",))[0])
            await app(scope, receive, send)

        return noting

    def rule(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
        return {**provider_headers(provider, api_key, stream), "x-forwarded-for": address.get()}

    return replace(around_app(parts, around), provider_headers=rule)
