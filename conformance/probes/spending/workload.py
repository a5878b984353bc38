"""The workload: every way of the table, and every way to change a limit, side by side, each on a key of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import Attempt, Family, SpendRace, SpendSequential, SpendWorkload
from conformance.probes import calls
from conformance.probes.calls import model_of
from conformance.probes.spending import limits
from conformance.probes.spending.absurd import absurdities, not_made
from conformance.probes.spending.attempts import attempt
from conformance.probes.spending.oracle import AMPLE, cost_of_one, tolerated
from conformance.probes.spending.side_by_side import SideBySide, Trial, answers
from conformance.probes.spending.table import Scene, Way, ways
from conformance.session import Session
from conformance.target import Target

_QUICK, _STANDARD = 60, 300  # calls per path of these profiles
_CALLS_EACH = 14  # of an attempt, as a rule; a broken limit takes more, and stops at its breach
_WAYS, _MOST_WAYS = 60, 76
_PACE_MS = (4, 200)  # least and most
_UNPRICED = "its bill needs prices per token, and the price of a call was only measured"


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=(_WAYS if sample < _STANDARD else _MOST_WAYS) * _CALLS_EACH, seconds=10.0)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential, SpendRace),
    cost=_cost,
)
async def spend_workload(session: Session) -> SpendWorkload:
    """Try every known way to overspend, each on a key of its own."""
    plain = headroom_of(session)
    price = session.price()
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    limit = plain + 3 * cost + cost // 2
    table, open_ways = _table(session, await _scene(session, ample, limit))
    early = [_tried(session, ample, way, plain, cost) for way in table if not way.late]
    late = [_tried(session, ample, way, plain, cost) for way in table if way.late]
    if session.keys().dialect.read is not None or session.keys().dialect.own is not None:
        late.append(_changed(limits.refused_by_provider, session, ample, limit, cost))
    absurd = [Trial("absurd limit", run) for run in absurdities(session, ample, limit)]
    running = SideBySide(partial(answers, session, ample))
    for trials in ([*early, *_changes(session, ample, limit, cost), *absurd], late):
        await running.run(trials)
    return SpendWorkload(
        price=price,
        attempts=tuple(running.attempts),
        left_out=(*running.left_out(), *(f"{way.name}: {_UNPRICED}" for way in open_ways)),
        not_tried=_each((*running.not_tried, *(way.family for way in open_ways))),
        cut_short=_each(running.not_tried),
        money_limit=from_usd(session.target.limits.money),
    )


def _each(families: Iterable[Family]) -> tuple[Family, ...]:
    return tuple(dict.fromkeys(families))


def headroom_of(session: Session) -> int:
    """What the gateway holds back for a usual call, as the plain scenario showed. Raises CannotObserve where that failed."""
    found = session.gathered.get(SpendSequential)
    if not isinstance(found, SpendSequential):
        raise CannotObserve(
            "no key was spent to its limit one call at a time, which all further ways build upon",
            fault=Fault.TARGET,
            decide="find out why in the check of limits one call at a time",
        )
    if any(s.bill() > s.limit + tolerated(session) for s in found.scenarios):
        raise CannotObserve(
            "usual calls, one after another, exceed a limit already: more ways to do so would show nothing",
            fault=Fault.TARGET,
            decide="mend that first, or declare the tolerance of a soft limit as `claims.soft_limit`, and repeat the audit",
        )
    return max(0, found.scenarios[0].limit - found.scenarios[0].bill())


async def _scene(session: Session, ample: Key, limit: int) -> Scene:
    """The table's givens. The pace of streams is such that a caller's farewell arrives while they last."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await calls.send(session, calls.usual(session, ample.secret, "spend"))
    milliseconds = int((loop.time() - began) * 1000)
    return Scene(
        target=session.target,
        price=session.price(),
        model=model_of(session),
        limit=limit,
        pace_ms=min(max(milliseconds, _PACE_MS[0]), _PACE_MS[1]),
        sibling=ample.id,
        names=ample.names(),
        least=session.sample < _QUICK,
        thorough=session.sample >= _STANDARD,
    )


def _table(session: Session, scene: Scene) -> tuple[list[Way], list[Way]]:
    """The ways that can be billed, and the others."""
    every = ways(scene)
    priced = not session.price().call
    return [way for way in every if priced or not way.exact], [w for w in every if w.exact and not priced]


def _tried(session: Session, ample: Key, way: Way, headroom: int, cost: int) -> Trial:
    return Trial(way.family, partial(attempt, session, ample, way, headroom=headroom, cost=cost))


def _changes(session: Session, ample: Key, limit: int, cost: int) -> Iterator[Trial]:
    """The changes of a limit that the dialect describes."""
    dialect = session.keys().dialect
    offered = (
        (limits.raised, dialect.set_limit),
        (limits.lowered, dialect.set_limit),
        (limits.suspended, dialect.disable and dialect.enable),
        (limits.rotated, dialect.rotate),
        (limits.windowed, dialect.create_windowed),
    )
    for change, operation in offered:
        if operation is not None:
            yield _changed(change, session, ample, limit, cost)


def _changed(
    change: Callable[[Session, Key, int, int], Awaitable[Attempt]],
    session: Session,
    ample: Key,
    limit: int,
    cost: int,
) -> Trial:
    async def tried() -> Attempt:
        try:
            return await change(session, ample, limit, cost)
        except CannotObserve as trouble:
            name = (change.__doc__ or "").split(":")[0]
            return await not_made(session, ample, name, "changed limit", trouble)

    return Trial("changed limit", tried)
