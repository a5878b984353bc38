"""Clients that leave: in the middle of an upload, before the answer, and at several points of a stream."""

import asyncio
from enum import Enum
from typing import Any

import h11

from conformance.probes.line import Line
from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.letters import Letter
from conformance.probes.retention.sending import Lines, Sent, timed
from conformance.session import Session

_MOST = 2**18  # bytes of a stream; whoever sends more was not left near its end
_POLL_SECONDS = 0.005
_EVENT = b"data:"  # begins an event of a stream (HTML, Server-sent events, 9.2.6)


class Moment(Enum):
    """When the client leaves. Numbers above nought are of a stream's events."""

    UPLOADING = -1  # half of the body has left
    WAITING = 0  # the provider has the request, and has not answered
    FIRST = 1
    MIDDLE = 4
    NEAR_END = 8


async def leave(
    session: Session, lines: Lines, arrivals: Arrivals, letter: Letter, moment: Moment, *, reset: bool
) -> Sent:
    """Send a letter on a connection of its own and leave at this moment, by FIN or by RST. Raises only `LimitReached`."""
    await session.meter.admit(money=letter.money)
    leaving = _leave(lines, arrivals, letter, moment, reset=reset)
    return await timed(leaving, session.target.limits.timeout)


async def _leave(lines: Lines, arrivals: Arrivals, letter: Letter, moment: Moment, *, reset: bool) -> Sent:
    line, number = await lines.open()
    parting = Parting(line, number)
    try:
        line.write(lines.head(letter) + letter.content[: sent_of(letter, moment)])
        return await parting.at(moment, arrivals, letter)
    finally:
        line.reset() if reset else line.hang_up()
        await parting.let_go()


def sent_of(letter: Letter, moment: Moment) -> int:
    """How many bytes of a letter's body have left at this moment."""
    return len(letter.content) // (2 if moment is Moment.UPLOADING else 1)


class Parting:
    """A request under way on a connection that will be left."""

    def __init__(self, line: Line, number: int) -> None:
        """`number` is the connection's."""
        self._line = line
        self._number = number
        self._status = 0
        self._events = line.events()
        self._reading: asyncio.Future[h11.Event | None] | None = None
        self._received = bytearray()
        self._whole = False

    async def at(self, moment: Moment, arrivals: Arrivals, letter: Letter) -> Sent:
        """Wait for the moment; `left` where it came before the end."""
        match moment:
            case Moment.UPLOADING:
                left = await self.acknowledged()
            case Moment.WAITING:
                left = await self.unanswered(arrivals, letter.canaries[0][1])
            case _:
                left = await self.under_way(moment.value)
        return self.sent(left=left)

    def sent(self, *, left: bool) -> Sent:
        """What the client has seen so far."""
        told = ", ".join([*([str(self._status)] if self._status else []), *(["left"] if left else [])])
        return Sent(
            told=told or "reset",
            status=self._status,
            whole=self._whole,
            left=left,
            connection=self._number,
        )

    async def acknowledged(self) -> bool:
        """Wait until all that was sent was acknowledged."""
        while True:
            if self._line.acknowledged():
                return True
            await asyncio.sleep(_POLL_SECONDS)

    async def unanswered(self, arrivals: Arrivals, atom: str) -> bool:
        """Wait until the provider has the request; whether the gateway had not answered yet."""
        reading, arriving = self._read(), asyncio.ensure_future(arrivals.wait_for(atom))
        try:
            both: set[asyncio.Future[Any]] = {reading, arriving}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await self._more()
            return not reading.done()
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def under_way(self, count: int) -> bool:
        """Read so many events of the stream; whether it was not over then."""
        while self._received.count(_EVENT) < count:
            if not await self._more():
                return False
        return True

    async def over(self) -> None:
        """Read until the answer or the connection ends."""
        while await self._more():
            pass

    async def let_go(self) -> None:
        """Read no more."""
        reading = self._read()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    def _read(self) -> "asyncio.Future[h11.Event | None]":
        """The next event: whoever stops waiting for it leaves it to the next who asks."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(anext(self._events, None))
        return self._reading

    async def _more(self) -> bool:
        """Read some; False at the end of the answer, or where there is too much of it."""
        event = await asyncio.shield(self._read())
        self._reading = None
        if isinstance(event, h11.Response):
            self._status = event.status_code
        elif isinstance(event, h11.Data):
            self._received += event.data
        else:
            self._whole = isinstance(event, h11.EndOfMessage)
            return False
        return len(self._received) < _MOST
