"""A volley: requests that arrive at once.

All connections are opened first and every request is sent but for its last byte; then the last bytes leave together. What
separates the arrivals is one write each (last-byte synchronisation, as in research on HTTP race conditions), not
handshakes or request building, so that windows of a few milliseconds between check and record are hit.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
import msgspec

from conformance.probes.calls import Asked, worst_case
from conformance.probes.door import MAX_BODY, Answer, NoAnswer, Reply
from conformance.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request of a volley: what came back, and when it left and was answered (loop time, seconds)."""

    asked: Asked
    reply: Reply
    left: float
    answered: float


async def fire(session: Session, salvo: Sequence[Asked]) -> tuple[Shot, ...]:
    """Send all requests at once, each on a connection of its own; the shots in the order given."""
    for asked in salvo:
        await session.meter.admit(money=worst_case(session, asked))
    guns = [_Gun(session, asked) for asked in salvo]
    try:
        await asyncio.gather(*(gun.load() for gun in guns))
        for gun in guns:
            gun.trigger()
        return tuple(await asyncio.gather(*(gun.result() for gun in guns)))
    finally:
        for gun in guns:
            gun.close()


class _Gun:
    """One connection with a request that lacks its last byte."""

    def __init__(self, session: Session, asked: Asked) -> None:
        self._session = session
        self._asked = asked
        self._timeout = session.target.limits.timeout
        self._trouble = ""
        self._left = 0.0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._last = b""

    async def load(self) -> None:
        """Connect and send all but the last byte; trouble is kept for the result."""
        head, body = self._request()
        try:
            async with asyncio.timeout(self._timeout):
                self._reader, self._writer = await self._connect()
                self._writer.write(head + body[:-1])
                await self._writer.drain()
        except (OSError, TimeoutError, ssl.SSLError) as trouble:
            self._trouble = f"{type(trouble).__name__}"
        self._last = body[-1:]

    def trigger(self) -> None:
        """Send the last byte."""
        self._left = asyncio.get_running_loop().time()
        if self._writer is not None and not self._trouble:
            self._writer.write(self._last)

    async def result(self) -> Shot:
        """The whole answer."""
        reply: Reply
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._read()
        except TimeoutError:
            reply = self._no_answer("timeout")
        except (OSError, h11.RemoteProtocolError, ssl.SSLError) as trouble:
            self._trouble = type(trouble).__name__
            reply = self._no_answer("reset")
        return Shot(
            asked=self._asked, reply=reply, left=self._left, answered=asyncio.get_running_loop().time()
        )

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError, RuntimeError):
                self._writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._session.target.origin())
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        address = next(iter(self._session.target.gateway.resolve.get(host, ())), host)
        return await asyncio.open_connection(
            address,
            parts.port or (443 if secure else 80),
            ssl=self._session.trust if secure else None,
            server_hostname=host if secure else None,
        )

    def _request(self) -> tuple[bytes, bytes]:
        body = msgspec.json.encode(self._asked.body)
        parts = urlsplit(self._session.target.origin())
        headers = {
            "Host": parts.netloc,
            "User-Agent": "gateproof",
            "Accept": "*/*",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self._asked.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {parts.path}{self._asked.path} HTTP/1.1\r\n{lines}\r\n".encode(), body

    async def _read(self) -> Reply:
        if self._reader is None or self._trouble:
            return self._no_answer("unreachable")
        connection = h11.Connection(h11.CLIENT)
        # h11 reads the answer only after it saw a request go out.
        connection.send(
            h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")])
        )
        connection.send(h11.EndOfMessage())
        status, headers, body = 0, [], bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, list(event.headers.raw_items())
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    break
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                return self._no_answer("reset")
        return Answer(
            status=status,
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in headers),
            body=bytes(body[:MAX_BODY]),
            truncated=len(body) > MAX_BODY,
            ms=int((asyncio.get_running_loop().time() - self._left) * 1000),
        )

    def _no_answer(self, kind: str) -> NoAnswer:
        return msgspec.convert({"kind": kind, "detail": self._trouble, "ms": 0}, NoAnswer)
