"""One call of every kind through the whole path, before the kernel's walls go up.

Python imports some modules only when they are first needed (codecs, error paths, protocol classes), and
behind the walls no file can be opened any more. So each content worker first plays both sides itself:
caller, ledger and provider, over TLS on loopback, with made-up content.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import uvloop

from reference_gateway import credential
from reference_gateway.config import Config
from reference_gateway.content.edge import Health
from reference_gateway.content.provider_http import HttpUpstream
from reference_gateway.content.upstream import Upstream
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Held,
    Ledger,
    LedgerDownError,
    Refused,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.parts import Parts
from reference_gateway.web.boundary import Diary, EventDiary
from reference_gateway.web.server import HttpServer

_USAGE: Final = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_MESSAGE: Final = {"role": "assistant", "content": "Good morning."}
_WHOLE: Final = {
    "id": "rehearsal",
    "object": "chat.completion",
    "choices": [{"index": 0, "finish_reason": "stop", "message": _MESSAGE}],
    "data": [],
    "usage": {**_USAGE, "input_tokens": 1, "output_tokens": 1},
}
_CHUNK: Final = {"id": "rehearsal", "choices": [{"index": 0, "delta": _MESSAGE, "finish_reason": "stop"}]}
_SECONDS: Final = 10.0


class Serving(Protocol):
    """Makes the content API over the ends that it is given."""

    def __call__(
        self,
        upstream: Upstream,
        ledger: Ledger,
        diary: Diary,
        health: Callable[[], Health],
        listening: Callable[[], None],
    ) -> HttpServer: ...


class MadeUpLedger:
    """Says yes to everything and keeps nothing, but for a call that it says it cannot answer."""

    down = False

    async def authorise(self, message: Authorise) -> Standing | Refused:
        """See `wire.Ledger`."""
        if self.down:
            raise LedgerDownError
        return Standing(message.key_id, 1, limited=True)

    async def balance(self, message: AskBalance) -> Balance | Refused:
        """See `wire.Ledger`."""
        return Balance(
            key_id=message.key_id, period=1, limit=1, spent=0, reserved=0, total=0, expires_at=None
        )

    async def reserve(self, message: Reserve) -> Held | Refused:
        """See `wire.Ledger`."""
        return Held(message.model)

    def settle(self, message: Settle) -> None:
        """See `wire.Ledger`."""

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        """See `wire.Ledger`."""


def rehearse(config: Config, parts: Parts, context: ssl.SSLContext, serving: Serving) -> None:
    """Plays the calls. Raises whatever would go wrong in service, and TimeoutError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_play(config, parts, context, serving))


async def _play(config: Config, parts: Parts, context: ssl.SSLContext, serving: Serving) -> None:
    async with asyncio.timeout(_SECONDS):
        provider = await asyncio.start_server(_provide, sock=_listener(), ssl=context)
        trust = _anybody()
        upstream = HttpUpstream(
            config.bounds,
            {one.number: trust for one in config.providers},
            {one.number: "rehearsal" for one in config.providers},
            parts.provider_headers,
            _Dialer(provider.sockets[0].getsockname()),
        )
        ledger = MadeUpLedger()
        server = serving(
            upstream,
            ledger,
            EventDiary(lambda _event: None),
            lambda: Health(ledger=not ledger.down, confined=False),
            lambda: None,
        )
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        listener = _listener()
        await server.startup(sockets=[listener])
        await server.on_tick(0)
        for call in _calls(config):
            await _ask(listener.getsockname(), trust, call)
        ledger.down = True
        await _ask(listener.getsockname(), trust, _calls(config)[0])
        for opened in (*server.servers, provider):
            opened.close()
        await upstream.close()
        await asyncio.sleep(0)


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _anybody() -> ssl.SSLContext:
    """Trusts whoever answers: here that is ourselves."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust


class _Dialer:
    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def dial(self, _provider: int) -> socket.socket:
        """Ourselves, whichever provider is asked for."""
        dialled = socket.create_connection(self._address)
        dialled.setblocking(False)
        return dialled


def _calls(config: Config) -> tuple[bytes, ...]:
    key = credential.mint(config.environment, 1)
    name = config.models[0].name
    chat = {"model": name, "messages": [{"role": "user", "content": "Good morning, Zoë."}], "max_tokens": 1}
    return (
        _post("/v1/chat/completions", key, chat),
        _post("/v1/chat/completions", key, {**chat, "stream": True}),
        _post("/v1/messages", key, chat),
        _post("/v1/messages", key, {**chat, "stream": True}),
        _post("/v1/completions", key, {"model": name, "prompt": "Good", "max_tokens": 1}),
        _post("/v1/responses", key, {"model": name, "input": "Good", "max_output_tokens": 1}),
        _post("/v1/responses", key, {"model": name, "input": "Good", "stream": True}),
        _post("/v1/embeddings", key, {"model": name, "input": "Good"}),
        _post("/v1/chat/completions", key, {"model": "none", "messages": []}),
        _post("/v1/chat/completions", "none", chat),
        _get("/v1/models", key),
        _get("/v1/key", key),
        _get("/health", key),
        _get("/nowhere", key),
        b"no HTTP\r\n\r\n",
    )


def _post(path: str, key: str, body: object) -> bytes:
    data = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + data


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n".encode()


async def _ask(address: tuple[str, int], trust: ssl.SSLContext, call: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address, ssl=trust, server_hostname="localhost")
    writer.write(call)
    await reader.read()
    writer.close()


async def _provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The provider's side: any request gets an answer that fits all endpoints."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
    body = await reader.readexactly(int(fields[b"content-length"]))
    if b'"stream":true' in body:
        media, data = b"text/event-stream", _events(terminal=b"/responses " in head)
    else:
        media, data = b"application/json", msgspec.json.encode(_WHOLE)
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (media, len(data), data)
    )
    await writer.drain()
    writer.close()


def _events(*, terminal: bool) -> bytes:
    if terminal:
        done = {"type": "response.completed", "response": _WHOLE}
        return b"event: response.completed\ndata: " + msgspec.json.encode(done) + b"\n\n"
    chunks = (_CHUNK, {"choices": [], "usage": _USAGE})
    return (
        b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )
