"""Ways to send a call: by kept connections, on a new one each time, and leaving before the answer is whole."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import h11

from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.line import Line, places, request
from conformance.probes.spending.oracle import until
from conformance.probes.spending.orders import Order
from conformance.session import Session

Send = Callable[[Session, Order], Awaitable[Reply]]
# What ends a call of one's own connection without an answer.
TROUBLE = (OSError, TimeoutError, h11.ProtocolError, ssl.SSLError)


async def pooled(session: Session, wanted: Order) -> Reply:
    """Send by the door, whose connections are kept."""
    return await session.door.send(
        "POST", wanted.path, headers=wanted.headers, content=wanted.content, money=wanted.worst
    )


class Anew:
    """Sends each call on a connection of its own, to each address in turn."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        """Begin with the first address."""
        self._addresses = addresses
        self._sent = 0

    async def send(self, session: Session, wanted: Order) -> Reply:
        """Send one call and read its whole answer."""
        await session.meter.admit(money=wanted.worst)
        began = asyncio.get_running_loop().time()
        address = self._addresses[self._sent % len(self._addresses)]
        self._sent += 1
        line: Line | None = None
        try:
            async with asyncio.timeout(session.target.limits.timeout):
                line = await _ordered(session, address, wanted)
                return await line.answer(began) or no_answer(ConnectionResetError(), began)
        except TROUBLE as trouble:
            return no_answer(trouble, began)
        finally:
            if line is not None:
                line.close()


def no_answer(trouble: Exception, began: float) -> NoAnswer:
    """What there was instead of an answer."""
    ms = int((asyncio.get_running_loop().time() - began) * 1000)
    kind: Literal["timeout", "reset"] = "timeout" if isinstance(trouble, TimeoutError) else "reset"
    return NoAnswer(kind=kind, detail=type(trouble).__name__, ms=ms)


async def _ordered(session: Session, address: str, wanted: Order) -> Line:
    line = await Line.open(session, address)
    line.write(request(session, wanted.path, wanted.headers, wanted.content))
    line.write(wanted.content)
    return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A caller that goes away: after so many events of a stream, or, with none, once the provider has the call."""

    events: int
    by: Literal["FIN", "RST"]

    async def send(self, session: Session, wanted: Order) -> Reply:
        """Send one call, and leave. The answer has the head that was seen, and no body."""
        await session.meter.admit(money=wanted.worst)
        began = asyncio.get_running_loop().time()
        line: Line | None = None
        try:
            async with asyncio.timeout(session.target.limits.timeout):
                line = await _ordered(session, (await places(session))[0], wanted)
                if not self.events:
                    return await _left_waiting(session, line, wanted, began)
                return await _left_reading(line, self.events, began)
        except TROUBLE as trouble:
            return no_answer(trouble, began)
        finally:
            if line is not None:
                line.reset() if self.by == "RST" else line.close()


async def _left_reading(line: Line, events: int, began: float) -> Reply:
    status, headers, read = 0, [], bytearray()
    async for event in line.events():
        if isinstance(event, h11.Response):
            status, headers = event.status_code, list(event.headers.raw_items())
        elif isinstance(event, h11.Data):
            read += event.data
            if not 200 <= status < 300:
                continue
            if read.count(b"\n\n") + read.count(b"\r\n\r\n") >= events:
                break
        elif isinstance(event, h11.ConnectionClosed):
            return no_answer(ConnectionResetError(), began)
    return Answer(
        status=status,
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in headers),
        body=b"" if 200 <= status < 300 else bytes(read),
        truncated=True,
        ms=int((asyncio.get_running_loop().time() - began) * 1000),
    )


async def _left_waiting(session: Session, line: Line, wanted: Order, began: float) -> Reply:
    """Leave as soon as the provider has the call; where it was answered first, that answer."""
    answer = asyncio.ensure_future(line.answer(began))
    try:
        await until(session, lambda: answer.done() or bool(session.provider().carrying(wanted.atom)))
        if answer.done():
            return await answer or no_answer(ConnectionResetError(), began)
        return Answer(status=200, headers=(), body=b"", truncated=True, ms=0)  # it was taken, and is left
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
