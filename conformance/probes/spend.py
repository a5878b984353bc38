"""Spending to the limit and beyond: one call at a time, and many at once. The witness's bill is the truth."""

import asyncio
from collections.abc import Sequence

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import in_usd
from conformance.model.preflight import Price
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import Control, Scenario, SpendRace, SpendSequential, Spent
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.door import Reply
from conformance.probes.volley import Shot, fire
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall, overlap

# A limit of eight calls and a half: a gateway that checks before and records after overshoots it by the missing half, one that
# compares with the wrong sign by more.
_CALLS = 8
_DOUBLINGS = 5  # strict gateways hold back the worst case of a call, which may be many times its cost
_REFUSALS = 3  # in a row, until the limit counts as reached
_AMPLE = 10**15  # picodollars
_HOLD = 0.6  # seconds for which the witness holds answers back, so that racing calls overlap
_VOLLEY = 24
_REVIVAL = (
    2.0  # seconds that a raised limit may take to be noticed, on top of the declared revocation latency
)


def _sequential_cost(target: Target, sample: int) -> Cost:
    return Cost(requests=(_CALLS << _DOUBLINGS) + 60, seconds=2 * _REVIVAL)


def _race_cost(target: Target, sample: int) -> Cost:
    rounds = _rounds(sample)
    return Cost(requests=(rounds + 1) * (_volley(target) + 8), seconds=(rounds + 1) * (_HOLD + 0.4))


def _rounds(sample: int) -> int:
    return 2 if sample < 60 else 3 if sample < 300 else 5


def _volley(target: Target) -> int:
    """How many calls may arrive at once: they all fall into one second, so the declared rate bounds them too."""
    return max(1, min(_VOLLEY, target.limits.connections, int(target.limits.rate)))


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_sequential_cost,
)
async def spend_sequential(session: Session) -> SpendSequential:
    """Spend a key to its limit, one call at a time."""
    price = session.price()
    ample = await session.keys().create("ample", _AMPLE)
    cost = await _cost_of_one(session, ample, price)
    limit = cost * _CALLS + cost // 2
    largest = limit << (_DOUBLINGS - 1)
    for _ in range(_DOUBLINGS):
        scenario = await _to_the_limit(session, ample, price, limit)
        served = sum(call.served for call in scenario.calls)
        if scenario.bill() > scenario.limit:
            return SpendSequential(price=price, scenarios=(scenario,))  # a breach needs nothing beside it
        if served >= _CALLS // 2 or (served and limit == largest):
            streams = await _to_the_limit(session, ample, price, limit, stream=True)
            return SpendSequential(price=price, scenarios=(scenario, streams))
        limit *= 2
    raise CannotObserve(
        f"a key with a limit of {in_usd(limit // 2)} was never served, although one call costs {in_usd(cost)}",
        fault=Fault.TARGET,
        decide="find out how much the gateway holds back for one call, or raise `limits.money`",
    )


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential,),
    cost=_race_cost,
)
async def spend_race(session: Session) -> SpendRace:
    """Spend keys by calls that arrive at once."""
    price = session.price()
    ample = await session.keys().create("ample", _AMPLE)
    cost = await _cost_of_one(session, ample, price)
    size = _volley(session.target)
    served, in_flight = await _ample_volley(session, ample, size)
    rounds = [
        await _race(session, ample, price, _race_limit(session, cost), size, warm=number % 3 == 2)
        for number in range(_rounds(session.sample))
    ]
    return SpendRace(
        price=price, volley=size, ample_served=served, ample_in_flight=in_flight, rounds=tuple(rounds)
    )


async def _cost_of_one(session: Session, ample: Key, price: Price) -> int:
    """The provider's bill for one call of the fixed shape."""
    asked = calls.chat(session, ample.secret, "spend")
    reply = await calls.send(session, asked)
    seen = calls.reached(session, asked)
    cost = _bill(seen, price)
    if not calls.admitted(reply) or cost <= 0:
        raise CannotObserve(
            f"a call on a key with an ample limit was answered {calls.told(reply)} and billed {in_usd(cost)}",
            fault=Fault.TARGET,
            decide="repeat the audit when the gateway serves",
        )
    return cost


async def _to_the_limit(
    session: Session, ample: Key, price: Price, limit: int, *, stream: bool = False
) -> Scenario:
    key = await session.keys().create("limited", limit)
    limit = key.limit or limit
    record = _Record(session, price)
    before = await _served(session, ample)
    refusals = 0
    while refusals < _REFUSALS and record.bill() <= 2 * limit:
        asked = calls.chat(session, key.secret, "spend", stream=stream)
        reply = await record.add(asked)
        refusals = 0 if calls.admitted(reply) else refusals + 1
    control = Control(
        ample_before=before,
        ample_after=await _served(session, ample),
        revived=await _revived(session, key, limit + 10 * max(record.bill(), limit)),
    )
    name = "one stream after another" if stream else "one call after another"
    return Scenario(name=name, limit=limit, calls=record.spent(), control=control, in_flight=1)


def _race_limit(session: Session, cost: int) -> int:
    """A limit that admits a call or two: as the sequential scenario showed, headroom for what the gateway holds back."""
    found = session.gathered.get(SpendSequential)
    held = 0
    if isinstance(found, SpendSequential):
        scenario = found.scenarios[0]
        held = max(0, scenario.limit - scenario.bill())
    return held + 2 * cost + cost // 2


async def _ample_volley(session: Session, ample: Key, size: int) -> tuple[int, int]:
    """Control: the same volley on an ample key is served, and its calls overlap at the provider."""
    salvo = [calls.chat(session, ample.secret, "race-control") for _ in range(size)]
    shots, seen = await _volley_of(session, salvo, until=size)
    return sum(calls.admitted(shot.reply) for shot in shots), overlap(seen)


async def _race(session: Session, ample: Key, price: Price, limit: int, size: int, *, warm: bool) -> Scenario:
    key = await session.keys().create("raced", limit)
    limit = key.limit or limit
    record = _Record(session, price)
    before = await _served(session, ample)
    if warm:
        await record.add(calls.chat(session, key.secret, "race"))
    shots, seen = await _volley_of(
        session, [calls.chat(session, key.secret, "race") for _ in range(size)], until=size
    )
    record.volley(shots)
    control = Control(
        ample_before=before,
        ample_after=await _served(session, ample),
        revived=await _revived(session, key, limit + 10 * max(record.bill(), limit)),
    )
    name = f"{size} calls at once, {'a warm' if warm else 'a new'} key"
    return Scenario(name=name, limit=limit, calls=record.spent(), control=control, in_flight=overlap(seen))


async def _volley_of(
    session: Session, salvo: Sequence[Asked], *, until: int
) -> tuple[tuple[Shot, ...], tuple[WitnessCall, ...]]:
    """Fire a salvo while the witness holds answers back until all are in flight, or its patience ends."""
    witness = session.provider()
    since = witness.mark()
    atoms = {asked.atom for asked in salvo}
    # The marker is common to all canaries of the run; nothing else of the run is in flight in this phase.
    async with witness.holding(session.mint.marker, until, _HOLD):
        shots = await fire(session, salvo)
    seen = tuple(call for call in witness.calls[since:] if any(call.carries(atom) for atom in atoms))
    return shots, seen


async def _served(session: Session, key: Key) -> bool:
    asked = calls.chat(session, key.secret, "ample")
    return calls.admitted(await calls.send(session, asked)) and bool(calls.reached(session, asked))


async def _revived(session: Session, key: Key, limit: int) -> bool | None:
    """Whether a refused key is served again once its limit is raised; None where the dialect knows no way to raise it."""
    if session.keys().dialect.set_limit is None:
        return None
    try:
        await session.keys().set_limit(key, limit)
    except KeyApiTrouble:
        return False
    loop = asyncio.get_running_loop()
    deadline = loop.time() + session.target.claims.revocation_latency + _REVIVAL
    while loop.time() < deadline:
        if await _served(session, key):
            return True
        await asyncio.sleep(0.1)
    return False


def _bill(seen: Sequence[WitnessCall], price: Price) -> int:
    return sum(price.bill(call.prompt_tokens, call.completion_tokens) for call in seen)


class _Record:
    """Collects the calls of one scenario. The provider's bill is read at the end, when every answer is settled."""

    def __init__(self, session: Session, price: Price) -> None:
        self._session = session
        self._price = price
        self._since = session.provider().mark()
        self._began = asyncio.get_running_loop().time()
        self._made: list[tuple[Asked, Reply, float, float]] = []

    async def add(self, asked: Asked) -> Reply:
        loop = asyncio.get_running_loop()
        left = loop.time()
        reply = await calls.send(self._session, asked)
        self._made.append((asked, reply, left, loop.time()))
        return reply

    def volley(self, shots: Sequence[Shot]) -> None:
        self._made += [(shot.asked, shot.reply, shot.left, shot.answered) for shot in shots]

    def bill(self) -> int:
        return sum(call.cost for call in self.spent())

    def spent(self) -> tuple[Spent, ...]:
        return tuple(self._spent(*made) for made in self._made)

    def _spent(self, asked: Asked, reply: Reply, left: float, answered: float) -> Spent:
        seen = calls.reached(self._session, asked, self._since)
        return Spent(
            left_ms=int((left - self._began) * 1000),
            answered_ms=int((answered - self._began) * 1000),
            told=calls.told(reply),
            served=calls.admitted(reply),
            reached=len(seen),
            cost=_bill(seen, self._price),
        )
