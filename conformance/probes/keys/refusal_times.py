"""How long it takes to be refused, by why: one kind of key after the other, in an order drawn anew for each round."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import h11

from conformance.catalogue import Cost, Phase, observes
from conformance.model.presented import State
from conformance.model.refusal_times import RefusalTimes
from conformance.model.scale import Disruption, Level
from conformance.probes.keys.ended import ended_keys
from conformance.probes.keys.endpoints import BUSY, ask, right, wire
from conformance.probes.line import Line, places
from conformance.session import Session
from conformance.target import Endpoint, Target
from conformance.two_samples import looks

_CHECK = "keys.refusals-take-as-long"
_THOROUGH = 3000
_MOST = 800  # rounds
_FINE = 300.0  # microseconds; once that much would have been seen, no more rounds are taken
_STATES = 5


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_MOST * _STATES + 100 if sample >= _THOROUGH else 0)


@observes(
    phase=Phase.ALONE,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def refusal_times(session: Session) -> RefusalTimes:
    """Compare how long refusals take, in the thorough profile or alone."""
    if session.sample < _THOROUGH and session.asked != {_CHECK}:
        return RefusalTimes(asked=False)
    session.require_provider()
    ended = await ended_keys(session)
    billable = [endpoint for endpoint in session.target.inference if endpoint.billable]
    endpoint = (billable or session.target.inference)[0]  # what costs money asks for a key
    before = (await ask(session, endpoint, right(session, ended.living))).served()
    times = await measured(session, endpoint, ended.keys)
    after = (await ask(session, endpoint, right(session, ended.living))).served()
    return RefusalTimes(
        endpoint=endpoint.path,
        states=tuple(state for state, _ in ended.keys),
        rounds=tuple(times.rounds),
        most=_MOST,
        served_before=before,
        served_after=after,
        trouble=times.trouble,
    )


@dataclass(slots=True)
class Times:
    """Microseconds by round, in the order of the keys, and what ended the rounds before their time."""

    rounds: list[tuple[int, ...]] = field(default_factory=list)
    trouble: str = ""


async def measured(
    session: Session, endpoint: Endpoint, keys: Sequence[tuple[State, str]], most: int = _MOST
) -> Times:
    """Rounds of refusals, until a difference is found, or what could be seen is fine enough, or there are so many."""
    states = tuple(state for state, _ in keys)
    times, watch = Times(), _StopWatch(session, endpoint, keys[0][1])
    order = list(range(len(keys)))
    try:
        while len(times.rounds) < most and not times.trouble:
            session.random.shuffle(order)
            taken = {place: await watch.take(keys[place][1]) for place in order}
            times.rounds.append(tuple(taken[place] for place in range(len(keys))))
            if len(times.rounds) in looks(most):
                seen = RefusalTimes(states=states, rounds=tuple(times.rounds), most=most)
                if await asyncio.to_thread(_enough, seen):
                    break
    except _TroubleError as trouble:
        times.trouble = str(trouble)
    finally:
        watch.close()
    return times


def _enough(seen: RefusalTimes) -> bool:
    differences = seen.differences().values()
    return any(one.beyond for one in differences) or all(one.resolves <= _FINE for one in differences)


class _TroubleError(Exception):
    """Something came that was no refusal; the text says what."""


class _StopWatch:
    """Takes the time of refusals on a connection that is opened and used before the time counts."""

    def __init__(self, session: Session, endpoint: Endpoint, unknown: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._unknown = unknown
        self._line: Line | None = None
        self._keeps = True  # the gateway keeps connections open, as far as is known

    async def take(self, key: str) -> int:
        """Microseconds from a request with this key to the head of the answer. Raises _TroubleError."""
        try:
            async with asyncio.timeout(self._session.target.limits.timeout):
                return await self._refused(await self._open(), key)
        except TimeoutError:
            raise _TroubleError("a refusal was not answered in time") from None
        except (OSError, ssl.SSLError, h11.RemoteProtocolError) as why:
            raise _TroubleError(f"a connection broke: {type(why).__name__}") from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._line is not None:
            self._line.abort()

    async def _open(self) -> Line:
        if self._line is not None and self._line.reusable():
            return self._line
        line = await self._fresh()
        if self._keeps:
            await self._refused(line, self._unknown)
            self._keeps = line.reusable()
        return line if self._keeps else await self._fresh()

    async def _fresh(self) -> Line:
        self.close()
        self._line = await Line.open(self._session, (await places(self._session))[0])
        return self._line

    async def _refused(self, line: Line, key: str) -> int:
        sent = wire(self._session, self._endpoint, right(self._session, key))
        await self._session.meter.admit()
        began = time.perf_counter_ns()
        line.write(sent)
        head, status = 0, 0
        async for event in line.events():
            if isinstance(event, h11.Response):
                head, status = time.perf_counter_ns(), event.status_code
        if not 300 <= status < 500 or status in BUSY:
            raise _TroubleError(f"a key that should be refused was answered {status or 'by a close'}")
        return (head - began) // 1000
