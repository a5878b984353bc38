"""One HTTP/1.1 connection of its own, for what a pooled client cannot do: requests in parts, and ends of every kind."""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import h11

from conformance.probes.door import MAX_BODY, Answer
from conformance.session import Session


async def places(session: Session) -> tuple[str, ...]:
    """The addresses of the content API: those that are pinned, else what its name resolves to."""
    parts = urlsplit(session.target.origin())
    host = parts.hostname or ""
    pinned = session.target.gateway.resolve.get(host, ())
    if pinned:
        return tuple(pinned)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return (host,)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def request(
    session: Session, path: str, headers: Mapping[str, str], content: bytes, *, method: str = "POST"
) -> bytes:
    """The head of a request to the content API."""
    parts = urlsplit(session.target.origin())
    fields = {
        "Host": parts.netloc,
        "User-Agent": "gateproof",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
    }
    given = {name.lower() for name in headers}
    kept = {name: value for name, value in fields.items() if name.lower() not in given}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**kept, **headers}.items())
    return f"{method} {parts.path}{path} HTTP/1.1\r\n{lines}\r\n".encode()


class Line:
    """A connection to one address of the content API; opened by `open`, ended by `close` or `reset`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes over an open connection."""
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, session: Session, address: str) -> "Line":
        """Connect, TLS included. Raises OSError and ssl.SSLError."""
        parts = urlsplit(session.target.origin())
        secure = parts.scheme == "https"
        return cls(
            *await asyncio.open_connection(
                address,
                parts.port or (443 if secure else 80),
                ssl=session.trust if secure else None,
                server_hostname=parts.hostname if secure else None,
            )
        )

    def write(self, data: bytes) -> None:
        """Send bytes, without waiting."""
        self._writer.write(data)

    async def flush(self) -> None:
        """Wait until what was written has left. Raises OSError."""
        await self._writer.drain()

    def acknowledged(self) -> bool:
        """Whether nothing waits in our buffers, nor in the kernel's for the peer's acknowledgement (Linux, tcp(7), SIOCOUTQ)."""
        if self._writer.transport.get_write_buffer_size():
            return False
        waiting = bytearray(4)
        try:
            fcntl.ioctl(self._writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, waiting)
        except OSError:
            return False  # not known here, and nothing is counted on it
        return not any(waiting)

    def reusable(self) -> bool:
        """Whether another request may follow: the last answer came to its end, and nobody wants to leave."""
        ended = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return ended and not self._reader.at_eof()

    async def answer(self, since: float) -> Answer | None:
        """The next answer, or None where the connection ended before it did. Raises h11.RemoteProtocolError and OSError.

        `since` is the loop time from which its milliseconds count.
        """
        status, headers, body = 0, [], bytearray()
        async for event in self.events():
            if isinstance(event, h11.Response):
                status, headers = event.status_code, list(event.headers.raw_items())
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    break
            elif isinstance(event, h11.ConnectionClosed):
                return None
        return Answer(
            status=status,
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in headers),
            body=bytes(body[:MAX_BODY]),
            truncated=len(body) > MAX_BODY,
            ms=int((asyncio.get_running_loop().time() - since) * 1000),
        )

    async def events(self) -> AsyncIterator[h11.Event]:
        """What comes of the next answer, until its end or the connection's."""
        self._expect()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
                continue
            if event is h11.PAUSED:
                return
            yield event  # type: ignore[misc]  # the two sentinels are dealt with above
            if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return

    def _expect(self) -> None:
        """Tell h11 that a request went out: it reads an answer only then."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        self._http.send(
            h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")])
        )
        self._http.send(h11.EndOfMessage())

    def hang_up(self) -> None:
        """End it by a FIN without a word, as a process does that ends."""
        raw = self._writer.get_extra_info("socket")
        with suppress(OSError, RuntimeError):
            if raw is not None:
                raw.shutdown(socket.SHUT_RDWR)
            self._writer.transport.abort()

    def close(self) -> None:
        """End it in order: a FIN, with TLS's farewell before it."""
        with suppress(OSError, RuntimeError):
            self._writer.close()

    def abort(self) -> None:
        """Let go of it at once, whatever is still to be read or written."""
        with suppress(OSError, RuntimeError):
            self._writer.transport.abort()

    def reset(self) -> None:
        """End it by a TCP reset."""
        raw = self._writer.get_extra_info("socket")
        with suppress(OSError, RuntimeError):
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
