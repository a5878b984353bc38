"""A client that costs little beside what is measured: raw HTTP/1.1 over TLS 1.3, on uvloop."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.bench.gateway_provider import MODEL

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
USUAL_BYTES = 1200  # of a call's body
_HANDSHAKES_AT_ONCE = 32
_SHOWN = 400  # bytes of an answer that was not expected

Complete = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Server:
    """Something that takes chat calls: its port on 127.0.0.1, the certificate to trust, a key, its process."""

    port: int
    authority: Path
    key: str
    process: int


def chat_call(server: Server, *, stream: bool, size: int = USUAL_BYTES) -> bytes:
    """The bytes of a chat call with a body of `size` bytes."""
    empty = {
        "model": MODEL,
        "messages": [{"role": "user", "content": ""}],
        "max_tokens": 1024,
        "stream": stream,
    }
    filling = "x" * (size - len(json.dumps(empty)))
    content = json.dumps(empty | {"messages": [{"role": "user", "content": filling}]}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost:{server.port}\r\n"
        f"authorization: Bearer {server.key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def whole(received: bytes) -> bool:
    """Whether a message of known length, or a chunked one, is here to its end."""
    head = received.find(b"\r\n\r\n")
    length = _LENGTH.search(received, 0, head) if head >= 0 else None
    if length is None:
        return received.endswith(b"\r\n0\r\n\r\n")
    return len(received) >= head + 4 + int(length[1])


def begun(received: bytes) -> bool:
    """Whether the first event of a stream is here, or an answer that is no stream."""
    return b"\ndata: " in received or whole(received)


class Connection(asyncio.Protocol):
    """One kept connection; `complete` says when an answer counts as received."""

    _transport: asyncio.Transport

    def __init__(self, complete: Complete) -> None:
        self._complete = complete
        self._received = b""
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, message: bytes) -> "asyncio.Future[None]":
        """Send a request; the future is done when its answer was received, and failed unless that is a 200."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return self._answered

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._received += data
        if self._answered is not None and self._complete(self._received):
            answered, self._answered = self._answered, None
            answer, self._received = self._received, b""
            if answer.startswith(b"HTTP/1.1 200 "):
                answered.set_result(None)
            else:
                answered.set_exception(RuntimeError(f"a call was refused: {answer[:_SHOWN]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._answered is not None and not self._answered.done():
            lost = f"a connection ended within an answer: {self._received[:_SHOWN]!r}"
            self._answered.set_exception(RuntimeError(lost))

    def close(self) -> None:
        """At once."""
        self._transport.abort()


@asynccontextmanager
async def connected(
    server: Server, count: int, complete: Complete = whole, first: bytes = b""
) -> AsyncIterator[list[Connection]]:
    """So many connections, each having had an answer to `first`; closed at the end of the block."""
    context = ssl.create_default_context(cafile=str(server.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    places = asyncio.Semaphore(_HANDSHAKES_AT_ONCE)
    connections: list[Connection] = []

    async def connect() -> None:
        async with places:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(complete),
                "127.0.0.1",
                server.port,
                ssl=context,
                server_hostname="localhost",
            )
            connections.append(connection)
            if first:
                await connection.ask(first)

    try:
        await asyncio.gather(*(connect() for _ in range(count)))
        yield connections
    finally:
        for connection in connections:
            connection.close()
        # Aborted transports are let go in the next turn of the loop.
        await asyncio.sleep(0)
