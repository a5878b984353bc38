"""The reference gateway with a hideout beside its log and ledger, one twin for each."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from reference_gateway.config import Config
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import Exchange, overheard
from tests.twins.places import ABOUT, HIDEOUTS, OPEN, SCRATCH, Hideout, Keep


def _hiding(parts: Parts, *, hideout: Hideout) -> Parts:
    """Every request to a chat endpoint is given to the hideout, which is made beside the ledger."""
    made: list[Keep] = []

    def context(config: Config) -> ssl.SSLContext:
        if not made:
            made.append(hideout.make(config.ledger_path.parent))
        return parts.tls_context(config)

    def tell(exchange: Exchange) -> None:
        if exchange.path.endswith("/chat/completions") and exchange.request:
            made[0](exchange.request)

    return replace(parts, tls_context=context, app=overheard(tell))


for _hideout in HIDEOUTS:
    _made = partial(_hiding, hideout=_hideout)
    if _hideout.fails:
        registry.twin(_hideout.name, host="reference", fails=_hideout.fails)(_made)
    else:
        registry.variant(_hideout.name, host="reference", about=ABOUT)(_made)


@registry.variant(
    "scratch-file-that-is-declared", host="reference", surfaces=SCRATCH.format(state=""), about=ABOUT
)
def scratch_file_that_is_declared(parts: Parts) -> Parts:
    """A file for the ids of keys in use, declared and searched like the others."""
    scratch: list[Path] = []

    def context(config: Config) -> ssl.SSLContext:
        scratch.append(config.ledger_path.parent / "scratch.tmp")
        scratch[0].touch()
        return parts.tls_context(config)

    def tell(exchange: Exchange) -> None:
        public = exchange.headers.get("authorization", "").split("_")[:3]  # all of a key but its secret
        with scratch[0].open("a") as file:
            file.write("_".join(public) + "\n")

    return replace(parts, tls_context=context, app=overheard(tell))


def _serving(
    parts: Parts, path: str, serve: Callable[[list[bytes], Receive, Send], Awaitable[None]]
) -> Parts:
    """A path that anybody may ask for, served from the last requests."""
    passed: list[bytes] = []

    def tell(exchange: Exchange) -> None:
        if exchange.path.endswith("/chat/completions"):
            passed.append(exchange.request)

    def around(app: App) -> App:
        async def beside(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == path:
                headers = [(name.encode(), value.encode()) for name, value in parts.response_headers]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await serve(passed, receive, send)
            else:
                await overheard(tell)(app)(scope, receive, send)

        return beside

    return replace(parts, app=around)


async def _leaves(receive: Receive) -> None:
    """Wait until whoever listens is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


@registry.twin("debug-console-open-to-all", host="reference", fails={OPEN})
def debug_console_open_to_all(parts: Parts) -> Parts:
    """The last requests on a page of the framework's, kept in memory alone."""

    async def page(passed: list[bytes], _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"\n".join(passed[-10:])})

    return _serving(parts, "/debug/requests", page)


@registry.twin("log-stream-open-to-all", host="reference", fails={OPEN})
def log_stream_open_to_all(parts: Parts) -> Parts:
    """A stream of what passes, for as long as somebody listens; afterwards nothing is left of it."""

    async def stream(passed: list[bytes], receive: Receive, send: Send) -> None:
        passed.clear()
        listening = asyncio.ensure_future(_leaves(receive))
        while not listening.done():
            told, passed[:] = b"".join(b"data: " + body + b"\n\n" for body in passed), []
            await send({"type": "http.response.body", "body": told or b": \n\n", "more_body": True})
            await asyncio.sleep(0.05)

    return _serving(parts, "/logs/stream", stream)
