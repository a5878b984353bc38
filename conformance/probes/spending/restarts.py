"""Spending across ends of the gateway: what is counted in memory only is counted anew."""

import asyncio

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.scale import Disruption, Level
from conformance.model.spend import (
    Attempt,
    Control,
    Interleavings,
    SpendRestart,
    SpendSequential,
    SpendWorkload,
)
from conformance.model.spend_accounts import SpendAccounts, SpendModels
from conformance.probes.retention import control
from conformance.probes.spending.limits import Trial
from conformance.probes.spending.oracle import AMPLE, cost_of_one, until
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.sending import pooled
from conformance.probes.spending.workload import headroom_of
from conformance.session import Session
from conformance.target import Target

_UNDER_WAY_MS = 1500  # a call that is still at the provider when the gateway ends
_LIVES = 4  # a counter that is lost each time lets a key exceed what it is held back by within these
_CALLS = 100


def _cost(target: Target, sample: int) -> Cost:
    ways = len(control.ways(target.control))
    return Cost(
        requests=ways * (_CALLS + _LIVES * control.ASKED), seconds=ways * _LIVES * control.RETURN_SECONDS
    )


@observes(
    phase=Phase.SPEND,
    level=Level.INSTRUMENTED,
    disruption=Disruption.INTRUSIVE,
    access=("admin", "witness", "restart"),
    after=(
        SpendSequential,
        SpendWorkload,
        SpendAccounts,
        SpendModels,
        Interleavings,
    ),  # nobody else may be under way
    cost=_cost,
)
async def spend_restart(session: Session) -> SpendRestart:
    """Spend a key, end the gateway and start it again, and spend the key on."""
    headroom = headroom_of(session)
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    limit = headroom + 5 * cost + cost // 2
    attempts = [await _across(session, ample, limit, way) for way in control.ways(session.target.control)]
    return SpendRestart(price=session.price(), attempts=tuple(attempts))


async def _across(session: Session, ample: Key, limit: int, way: control.Way) -> Attempt:
    name = f"a key spent on a gateway that was {way.name}"
    try:
        trial = await Trial.begin(session, ample, limit)
        await trial.call()
        marked = session.provider().mark()
        under_way = asyncio.create_task(_call_under_way(session, trial))
        await until(session, lambda: under_way.done() or _at_provider(session, marked))
        await _end(session, ample, way)
        await under_way
        await trial.spend_after(lambda: _end(session, ample, way), times=_LIVES)
        return await trial.over(name)
    except KeyApiTrouble as trouble:  # what a control command did wrong leaves nothing to look at
        nothing = Control(ample_before=False, ample_after=False, revived=False)
        return Attempt(
            name=name, family="changed limit", limit=limit, calls=(), control=nothing, trouble=str(trouble)
        )


async def _call_under_way(session: Session, trial: Trial) -> None:
    """A call that the provider answers late: the gateway ends before."""
    wanted = order(session, trial.key.secret, Shape(fault=f"slow-{_UNDER_WAY_MS}"))
    left, mark = asyncio.get_running_loop().time(), session.provider().mark()
    reply = await pooled(session, wanted)
    trial.book.add(wanted.atom, reply, left, mark=mark)


def _at_provider(session: Session, since: int) -> bool:
    return any(call.ended is None for call in session.provider().calls[since:])


async def _end(session: Session, ample: Key, way: control.Way) -> None:
    """End the gateway in one way, and wait until it is back."""
    if way.starts:
        await control.finish(session, way.ends)
        await control.start(session, way.starts)
    else:
        await control.finish(session, way.ends)
    await control.back(session, ample.secret)
