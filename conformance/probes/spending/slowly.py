"""A caller that reads slowly: it stops until the gateway's buffers are full, and then reads on, or leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import h11

from conformance.probes.door import Answer, Reply
from conformance.probes.line import places, request
from conformance.probes.spending.narrow import Narrow, narrow
from conformance.probes.spending.orders import Order
from conformance.probes.spending.sending import TROUBLE, no_answer
from conformance.session import Session

_LOOK = 0.01  # seconds between looks at the provider
_PATIENCES = 4  # for which somebody else may wait to be served


@dataclass(slots=True, kw_only=True)
class Slowly:
    """Reads the beginning of an answer, then nothing until the provider has had nothing new for `patience` seconds.

    `meanwhile` is then asked whether somebody else is served; what it said is in `beside`, by call.
    """

    leaves: bool
    patience: float
    meanwhile: Callable[[], Awaitable[bool]]
    beside: list[bool] = field(default_factory=list)

    async def send(self, session: Session, wanted: Order) -> Reply:
        """Send one call. The answer has the head that was seen, and no body where it is a success."""
        await session.meter.admit(money=wanted.worst)
        began = asyncio.get_running_loop().time()
        address = (await places(session))[0]
        try:
            async with narrow(session, address) as connection:
                head = request(session, wanted.path, wanted.headers, wanted.content)
                connection.line.write(head + wanted.content)
                return await self._read(session, connection, wanted, began)
        except TROUBLE as trouble:
            return no_answer(trouble, began)

    async def _read(self, session: Session, connection: Narrow, wanted: Order, began: float) -> Reply:
        status, headers, refusal, paused = 0, [], bytearray(), False
        events = connection.line.events()
        while True:
            async with asyncio.timeout(session.target.limits.timeout):
                event = await anext(events, None)
            if event is None or isinstance(event, h11.ConnectionClosed):
                return no_answer(ConnectionResetError(), began)
            if isinstance(event, h11.Response):
                status, headers = event.status_code, list(event.headers.raw_items())
            elif isinstance(event, h11.Data) and not 200 <= status < 300:
                refusal += event.data
            elif isinstance(event, h11.Data) and not paused:
                paused = True
                await self._pause(session, connection, wanted)
            if isinstance(event, h11.EndOfMessage) or (paused and self.leaves):
                break
        return Answer(
            status=status,
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in headers),
            body=bytes(refusal),
            truncated=paused and self.leaves,
            ms=int((asyncio.get_running_loop().time() - began) * 1000),
        )

    async def _pause(self, session: Session, connection: Narrow, wanted: Order) -> None:
        """Read nothing until nothing more happens at the provider: it has said all, or cannot go on."""
        loop = asyncio.get_running_loop()
        connection.shut()
        seen, since = -1, loop.time()
        until = since + session.target.limits.timeout
        while loop.time() < min(since + self.patience, until):
            calls = session.provider().carrying(wanted.atom)
            said = sum(len(call.text) + (call.ended is not None) for call in calls)
            seen, since = said, since if said == seen else loop.time()
            await asyncio.sleep(_LOOK)
        try:
            self.beside.append(await asyncio.wait_for(self.meanwhile(), _PATIENCES * self.patience))
        except TimeoutError:
            self.beside.append(False)
        connection.widen()
