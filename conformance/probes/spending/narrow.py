"""A connection that takes in little, and nothing while it is shut: on loopback an ordinary one takes in megabytes unread.

TLS reads ahead, so it stands behind a pair of sockets: what is not let through between the two stays with the gateway.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.probes.line import Line
from conformance.session import Session

_WINDOW = 4096  # bytes
_SEGMENT = 536  # bytes in one segment, the least that everybody takes (RFC 9293, section 3.7.1)
_WIDE = 1 << 20


@dataclass(frozen=True, slots=True)
class Narrow:
    """The connection, its end towards the gateway, and the gate before that."""

    line: Line
    far: socket.socket
    gate: asyncio.Event

    def shut(self) -> None:
        """Take nothing from the gateway any more."""
        self.gate.clear()

    def widen(self) -> None:
        """Take all that comes."""
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WIDE)
        self.gate.set()


@asynccontextmanager
async def narrow(session: Session, address: str) -> AsyncIterator[Narrow]:
    """Connect, TLS included, within one timeout; leaving the block ends it at once. Raises OSError and ssl.SSLError."""
    near, inner = socket.socketpair()
    gate = asyncio.Event()
    gate.set()
    with near, inner, socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as far:
        for end in (near, inner, far):
            end.setblocking(False)
        async with asyncio.timeout(session.target.limits.timeout):
            await _connect(session, far, address)
            carrying = [
                asyncio.ensure_future(_carry(near, far)),
                asyncio.ensure_future(_carry(far, near, gate)),
            ]
            try:
                line = await _over(session, inner)
            except BaseException:  # also where it is called off: nobody else ends them
                await _end(carrying)
                raise
        try:
            yield Narrow(line, far, gate)
        finally:
            line.abort()
            await _end(carrying)


async def _connect(session: Session, far: socket.socket, address: str) -> None:
    parts = urlsplit(session.target.origin())
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
    with suppress(OSError):  # not everywhere may it be asked for
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    await asyncio.get_running_loop().sock_connect(far, (address, port))


async def _over(session: Session, inner: socket.socket) -> Line:
    parts = urlsplit(session.target.origin())
    secure = parts.scheme == "https"
    opened = await asyncio.open_connection(
        sock=inner,
        limit=_WINDOW,
        ssl=session.trust if secure else None,
        server_hostname=parts.hostname if secure else None,
    )
    return Line(*opened)


async def _carry(source: socket.socket, sink: socket.socket, gate: asyncio.Event | None = None) -> None:
    """Pass bytes on, while the gate is open, until there are no more."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while True:
            if gate is not None:
                await gate.wait()
            data = await loop.sock_recv(source, _WINDOW)
            if not data:
                break
            await loop.sock_sendall(sink, data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


async def _end(carrying: Sequence[asyncio.Future[None]]) -> None:
    for task in carrying:
        task.cancel()
    await asyncio.gather(*carrying, return_exceptions=True)
