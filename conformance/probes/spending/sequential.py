"""Spending a key to its limit and beyond, one call at a time. The witness's bill is the truth."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import Scenario, SpendSequential
from conformance.probes import calls
from conformance.probes.line import places
from conformance.probes.spending.oracle import AMPLE, REVIVAL_SECONDS, Book, controlled, cost_of_one, served
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.sending import Anew, Send, pooled
from conformance.session import Session
from conformance.target import Target

# A limit of eight calls and a half: a gateway that checks before and records after overshoots it by the missing half, one that
# compares with the wrong sign by more.
_CALLS = 8
_DOUBLINGS = 5  # strict gateways hold back the worst case of a call, which may be many times its cost
_REFUSALS = 3  # in a row, until the limit counts as reached
_REFUSALS_BY_ANYBODY = 8  # likewise, where each call may meet another process of the gateway
_EXACT_CALLS = 3


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=(_CALLS << _DOUBLINGS) + 120, seconds=2 * REVIVAL_SECONDS)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def spend_sequential(session: Session) -> SpendSequential:
    """Spend a key to its limit, one call at a time."""
    price = session.price()
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    limit = cost * _CALLS + cost // 2
    largest = limit << (_DOUBLINGS - 1)
    for _ in range(_DOUBLINGS):
        scenario = await _to_the_limit(session, ample, limit, "one call after another", Shape())
        answered = sum(call.served for call in scenario.calls)
        if scenario.bill() > scenario.limit:
            return SpendSequential(price=price, scenarios=(scenario,))  # a breach needs nothing beside it
        if answered >= _CALLS // 2 or (answered and limit == largest):
            more = await _further(session, ample, limit, cost, headroom=scenario.limit - scenario.bill())
            return SpendSequential(price=price, scenarios=(scenario, *more))
        limit *= 2
    raise CannotObserve(
        f"a key with a limit of {in_usd(limit // 2)} was never served, although one call costs {in_usd(cost)}",
        fault=Fault.TARGET,
        decide="find out how much the gateway holds back for one call, or raise `limits.money`",
    )


async def _further(session: Session, ample: Key, limit: int, cost: int, *, headroom: int) -> list[Scenario]:
    """Further ways to the limit, side by side, each on a key of its own."""
    addresses = await places(session)
    looks: list[Coroutine[Any, Any, Scenario]] = [
        _to_the_limit(session, ample, limit, "one stream after another", Shape(stream=True)),
        _to_the_limit(
            session,
            ample,
            limit,
            "one call after another, each on a new connection"
            + (f" and to the next of {len(addresses)} addresses" if len(addresses) > 1 else ""),
            Shape(),
            send=Anew(addresses).send,
            refusals=_REFUSALS_BY_ANYBODY,
        ),
    ]
    if headroom < cost:
        # It holds back less than a call costs: then the last unit can be tried.
        unit = max(1, from_usd(session.target.claims.usage_unit))
        for short, what in ((0, "exactly"), (unit, "one unit less than")):
            name = f"one call after another on a limit of {what} {_EXACT_CALLS} calls"
            looks.append(_to_the_limit(session, ample, _EXACT_CALLS * cost - short, name, Shape()))
    return list(await asyncio.gather(*looks))


async def _to_the_limit(
    session: Session,
    ample: Key,
    limit: int,
    name: str,
    shape: Shape,
    *,
    send: Send = pooled,
    refusals: int = _REFUSALS,
) -> Scenario:
    key = await session.keys().create("limited", limit)
    limit = key.limit or limit
    book = Book(session)
    before = await served(session, ample)
    in_a_row = 0
    while in_a_row < refusals and book.bill() <= 2 * limit:
        wanted = order(session, key.secret, shape)
        left, mark = asyncio.get_running_loop().time(), session.provider().mark()
        reply = await send(session, wanted)
        book.add(wanted.atom, reply, left, mark=mark)
        in_a_row = 0 if calls.admitted(reply) else in_a_row + 1
    control = await controlled(session, ample, key, limit + 10 * max(book.bill(), limit), before=before)
    return Scenario(name=name, limit=limit, calls=book.spent(), control=control, in_flight=1)
