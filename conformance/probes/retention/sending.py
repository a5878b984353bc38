"""Sending letters over connections that are kept for a while, and what the client saw of each."""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import h11

from conformance.probes.door import MAX_BODY
from conformance.probes.line import Line, request
from conformance.probes.retention.letters import Letter
from conformance.session import Session

_REQUESTS = 25  # over one connection: the campaign is spread over many

_BROKEN = (OSError, ssl.SSLError, h11.RemoteProtocolError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a request, on the client's side."""

    told: str  # a status, or what happened instead
    status: int = 0  # 0: there was no answer
    whole: bool = False  # the answer, to its last byte
    left: bool = False  # the client left in the middle, and what it had sent was acknowledged
    connection: int = 0  # which one; 0: none was made
    seconds: float = 0.0  # that it took, once there was room for it in the declared rate


async def timed(exchange: Awaitable[Sent], seconds: float) -> Sent:
    """What became of an exchange in so many seconds, and how many it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(seconds):
            sent = await exchange
    except TimeoutError:
        sent = Sent(told="timeout")
    except ConnectionRefusedError:
        sent = Sent(told="refused")
    except _BROKEN:
        sent = Sent(told="reset")
    return replace(sent, seconds=loop.time() - began)


@dataclass(slots=True)
class _Kept:
    """A connection, which one it is, and how often it was used."""

    line: Line
    number: int
    used: int = 0


class Lines:
    """Connections to every address of the content API in turn."""

    def __init__(self, session: Session, addresses: Sequence[str]) -> None:
        """Nothing is opened yet."""
        self._session = session
        self._addresses = addresses
        self._idle: list[_Kept] = []
        self._opened = 0

    async def open(self) -> tuple[Line, int]:
        """A new connection and its number, from 1 on. Raises OSError and `ssl.SSLError`."""
        self._opened += 1
        number = self._opened
        return await Line.open(self._session, self._addresses[number % len(self._addresses)]), number

    def head(self, letter: Letter) -> bytes:
        """The head of the request that a letter is."""
        agent = {} if "user-agent" in letter.headers else {"User-Agent": self._session.tag}
        return request(
            self._session,
            letter.url,
            {**agent, "Accept-Encoding": "identity", **letter.headers},
            letter.content,
            method=letter.method,
        )

    async def post(self, letter: Letter, *, deadline: float | None = None) -> Sent:
        """Send a letter and read its answer, which is not kept. Raises only `LimitReached`."""
        session = self._session
        await session.meter.admit(money=letter.money)
        return await timed(self._exchange(letter), deadline or session.target.limits.timeout)

    def lost(self) -> bool:
        """Whether the other side ended a connection that was kept."""
        return any(not kept.line.reusable() for kept in self._idle)

    def close(self) -> None:
        """End every connection."""
        while self._idle:
            self._idle.pop().line.abort()

    async def _exchange(self, letter: Letter) -> Sent:
        kept = self._reused() or _Kept(*await self.open())
        line = kept.line
        try:
            line.write(self.head(letter) + letter.content)
            sent = await self._read(kept)
            if sent.whole and line.reusable() and kept.used < _REQUESTS:
                self._idle.append(kept)
                return sent
        except BaseException:  # also where it is called off: half an answer stays in the line
            line.abort()
            raise
        line.abort()
        return sent

    def _reused(self) -> _Kept | None:
        while self._idle:
            kept = self._idle.pop()
            kept.used += 1
            if kept.line.reusable():
                return kept
            kept.line.abort()
        return None

    async def _read(self, kept: _Kept) -> Sent:
        """Read an answer, which may come before all of the request has left."""
        status, size, whole = 0, 0, False
        with suppress(*_BROKEN):  # then it is not whole
            async for event in kept.line.events():
                if isinstance(event, h11.Response):
                    status = event.status_code
                    self._note(event)
                elif isinstance(event, h11.Data):
                    size += len(event.data)
                    if size > MAX_BODY:
                        break
                else:
                    whole = isinstance(event, h11.EndOfMessage)
        told = str(status) if status else "reset"
        return Sent(told=told, status=status, whole=whole, connection=kept.number)

    def _note(self, response: h11.Response) -> None:
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
        self._session.door.identifiers.note(headers)
