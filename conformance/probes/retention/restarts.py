"""Restarts: the gateway is stopped, killed and started again while requests are in flight."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import h11

from conformance.catalogue import Cost, Phase, observes
from conformance.model.campaign import Campaign, Restarts
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.line import Line
from conformance.probes.retention import control
from conformance.probes.retention.bodies import Ask
from conformance.probes.retention.campaign import open_desk
from conformance.probes.retention.keepsakes import Keepsakes
from conformance.probes.retention.leaving import Moment, Parting, sent_of
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.path import Desk, Path
from conformance.probes.retention.paths import asked, upload
from conformance.probes.retention.running import Trace, Walk
from conformance.probes.retention.sending import Sent
from conformance.probes.retention.summary import cells_of, run_of
from conformance.session import Session
from conformance.target import Target

_ROUNDS = 2
_SECONDS = 10.0  # that requests under way are waited for once the gateway was told to go
_UPLOAD_SECONDS = 2.0  # likewise an upload, for whose end a gateway may wait as long as it pleases
_STREAM = 512  # completion tokens: at the provider's pace, seconds

_WRITTEN: tuple[tuple[Moment, Callable[[Writer], Letter]], ...] = (
    (Moment.FIRST, partial(asked, ask=Ask(directive="[[fault:paced]] ", stream=True, output=_STREAM))),
    (Moment.WAITING, partial(asked, ask=Ask(directive="[[fault:slow-3000]] "))),
    (Moment.UPLOADING, upload),
)


def _cost(target: Target, sample: int) -> Cost:
    rounds = _ROUNDS * len(control.ways(target.control))
    each = control.COMMAND_SECONDS + control.RETURN_SECONDS + _SECONDS + target.limits.timeout
    return Cost(requests=rounds * (2 * len(_WRITTEN) + control.ASKED) + 48, seconds=rounds * each)


@observes(
    phase=Phase.CAMPAIGN,
    level=Level.INSTRUMENTED,
    disruption=Disruption.INTRUSIVE,
    access=("key", "witness", "restart"),
    after=(Campaign,),
    cost=_cost,
)
async def restarts(session: Session) -> Restarts:
    """Stop and start the gateway while requests are in flight."""
    desk, keepsakes = await open_desk(session), Keepsakes()
    walks, went = [], 0
    try:
        for way in control.ways(session.target.control):
            walk = Walk(_path(way.name))
            walks.append(walk)
            for number in range(_ROUNDS):
                went += await _round(desk, keepsakes, walk, way, number)
    finally:
        desk.lines.close()
        session.prompts += keepsakes.prompts(session.mint)
    if not went:
        raise CannotObserve(
            "nothing showed that the gateway went: its connections stayed open, and it was there all the time",
            fault=Fault.OPERATOR,
            decide="let the commands under `[control]` stop the gateway that the audit calls",
        )
    return Restarts(
        paths=tuple(run_of(walk, desk.arrivals, session.sample) for walk in walks),
        cells=tuple(cell for walk in walks for cell in cells_of(walk, desk.arrivals)),
        restarts=went,
    )


def _path(name: str) -> Path:
    return Path(name=name, kind="aborted", write=asked, count=lambda _sample: _ROUNDS * 2 * len(_WRITTEN))


@dataclass(slots=True)
class _Flight:
    """A request that is under way."""

    letter: Letter
    moment: Moment
    line: Line
    parting: Parting
    began: float
    up: bool = False  # whether it was when the gateway was told to go
    cut: bool = False  # whether the gateway then ended it before its time

    async def over(self) -> Sent:
        """What the client has seen once the answer or the connection ended."""
        try:
            async with asyncio.timeout(_UPLOAD_SECONDS if self.moment is Moment.UPLOADING else _SECONDS):
                await self.parting.over()
            self.cut = not self.parting.sent(left=self.up).whole
        except TimeoutError:
            pass  # it waits for what we do not send
        except (OSError, ssl.SSLError, h11.RemoteProtocolError):
            self.cut = True
        self.line.abort()
        await self.parting.let_go()
        return self.parting.sent(left=self.up)


async def _round(desk: Desk, keepsakes: Keepsakes, walk: Walk, way: control.Way, number: int) -> bool:
    """Let the gateway go with requests in flight, and wait until it is back; whether it went."""
    session, key = desk.session, desk.keys.ample[number % len(desk.keys.ample)]
    written = [_WRITTEN[at % len(_WRITTEN)] for at in range(2 * len(_WRITTEN))]
    await _leave_one_open(desk, walk, key)
    taken_off = await asyncio.gather(*(_take_off(desk, walk, key, *one) for one in written))
    flights = [flight for flight in taken_off if flight is not None]
    ending = asyncio.gather(*(flight.over() for flight in flights))
    try:
        await control.finish(session, way.ends)
        seen = await ending
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
    for flight, sent in zip(flights, seen, strict=True):
        keepsakes.keep(flight.letter)
        walk.traces.append(_trace(flight, sent, number))
    gone = any(flight.cut for flight in flights) or desk.lines.lost()
    if way.starts:
        gone = await _refused(desk) or gone
        await control.start(session, way.starts)
    await control.back(session, key)
    return gone


async def _take_off(
    desk: Desk, walk: Walk, key: str, moment: Moment, write: Callable[[Writer], Letter]
) -> _Flight | None:
    """Begin a request and bring it to its moment; None where it does not get there."""
    session = desk.session
    letter, began = write(_writer(desk, walk, key)), asyncio.get_running_loop().time()
    desk.arrivals.expect(atom for _, atom in letter.canaries)
    await session.meter.admit(money=letter.money)
    try:
        async with asyncio.timeout(session.target.limits.timeout):
            line, number = await desk.lines.open()
            flight = _Flight(letter, moment, line, Parting(line, number), began)
            try:
                line.write(desk.lines.head(letter) + letter.content[: sent_of(letter, moment)])
                flight.up = (await flight.parting.at(moment, desk.arrivals, letter)).left
            except BaseException:  # also where it is called off: nobody else ends the line
                line.abort()
                await flight.parting.let_go()
                raise
            return flight
    except (TimeoutError, OSError, ssl.SSLError, h11.RemoteProtocolError):
        return None


async def _leave_one_open(desk: Desk, walk: Walk, key: str) -> None:
    """Make a call whose connection stays open, so that its end shows that the gateway went."""
    desk.lines.close()
    await desk.lines.post(asked(_writer(desk, walk, key)))


def _writer(desk: Desk, walk: Walk, key: str) -> Writer:
    url = desk.session.target.endpoint("chat") or ""
    return Writer(desk.session, walk.path.name, url=url, model=desk.models["chat"], key=key)


async def _refused(desk: Desk) -> bool:
    """Whether nobody takes connections any more."""
    try:
        line, _ = await desk.lines.open()
    except (OSError, ssl.SSLError):
        return True
    line.abort()
    return False


def _trace(flight: _Flight, sent: Sent, key: int) -> Trace:
    return Trace(
        canaries=flight.letter.canaries,
        encoded=dict(flight.letter.encoded),
        sent=sent,
        key=key,
        began=flight.began,
        ended=asyncio.get_running_loop().time(),
    )
