"""Spending by calls that arrive at once: a curve over how many, on new and on used keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.scale import Disruption, Level
from conformance.model.spend import Scenario, SpendRace, SpendSequential
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.spending.oracle import (
    AMPLE,
    Book,
    at_once,
    controlled,
    cost_of_one,
    plain_call,
    served,
    settled,
)
from conformance.probes.volley import Shot, fire, pipeline
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall, overlap

_HOLD = 0.6  # seconds at most for which the witness holds answers back, so that racing calls overlap
_VOLLEY, _LARGEST = 24, 64
_PIPELINED = 8
_DOUBLINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """How many calls at once, on a key that was used before or not, as streams or not."""

    size: int
    warm: bool = False
    stream: bool = False

    def name(self) -> str:
        """As reports call it."""
        return f"{self.size} {'streams' if self.stream else 'calls'} at once, {'a warm' if self.warm else 'a new'} key"


def _rounds(target: Target, sample: int) -> tuple[_Round, ...]:
    """The ladder of sizes and what is varied at the largest; the more calls per path a profile makes, the more."""
    largest = volley_size(target, sample)
    full = (_Round(size=largest), _Round(size=largest, warm=True))
    if sample < 60:
        return (_Round(size=min(2, largest)), *full)
    ladder = tuple(_Round(size=size) for size in _doubling(largest))
    more = (_Round(size=largest, stream=True), _Round(size=largest, warm=True, stream=True))
    repeats = 1 if sample < 300 else 2 if sample < 3000 else 5
    return (*ladder, *full, *more) * repeats


def _doubling(largest: int) -> Iterator[int]:
    size = 2
    while size < largest:
        yield size
        size *= 2


def volley_size(target: Target, sample: int) -> int:
    """The most calls at once."""
    return at_once(target, _LARGEST if sample >= 3000 else _VOLLEY)


def _cost(target: Target, sample: int) -> Cost:
    rounds = _rounds(target, sample)
    volleys = volley_size(target, sample) + sum(each.size + 8 for each in rounds)
    return Cost(requests=volleys + 2 * _PIPELINED, seconds=(len(rounds) + 1) * 0.4 + _HOLD)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential,),
    cost=_cost,
)
async def spend_race(session: Session) -> SpendRace:
    """Spend keys by calls that arrive at once."""
    price = session.price()
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    size = volley_size(session.target, session.sample)
    answered, in_flight = await _ample_volley(session, ample, size)
    limit = await _limit(session, cost)
    rounds = [await _race(session, ample, limit, each) for each in _rounds(session.target, session.sample)]
    return SpendRace(
        price=price,
        volley=size,
        ample_served=answered,
        ample_in_flight=in_flight,
        rounds=tuple(rounds),
        pipelined=await _pipelined(session, ample, limit) if session.sample >= 60 else None,
    )


async def _limit(session: Session, cost: int) -> int:
    """A limit that admits a call or two: as the sequential scenario showed, headroom for what the gateway holds back."""
    found = session.gathered.get(SpendSequential)
    held = 0
    if isinstance(found, SpendSequential):
        scenario = found.scenarios[0]
        held = max(0, scenario.limit - scenario.bill())
    limit = held + 2 * cost + cost // 2
    for _ in range(_DOUBLINGS):
        key = await session.keys().create("raced", limit)
        if await served(session, key):
            break
        limit *= 2  # nothing is known of the headroom where no limit held
    return limit


async def _ample_volley(session: Session, ample: Key, size: int) -> tuple[int, int]:
    """Control: the same volley on an ample key is served, and its calls overlap at the provider."""
    salvo = [calls.usual(session, ample.secret, "race-control") for _ in range(size)]
    shots, seen = await _volley_of(session, salvo)
    return sum(calls.admitted(shot.reply) for shot in shots), overlap(seen)


async def _race(session: Session, ample: Key, limit: int, each: _Round) -> Scenario:
    key = await session.keys().create("raced", limit)
    limit = key.limit or limit
    book = Book(session)
    before = await served(session, ample)
    if each.warm:
        await plain_call(session, key, book)
    mark = session.provider().mark()
    salvo = [calls.usual(session, key.secret, "race", stream=each.stream) for _ in range(each.size)]
    shots, seen = await _volley_of(session, salvo)
    _enter(book, shots, mark)
    control = await controlled(session, ample, key, limit + 10 * max(book.bill(), limit), before=before)
    return Scenario(
        name=each.name(),
        limit=limit,
        calls=book.spent(),
        control=control,
        in_flight=overlap(seen),
        at_once=each.size,
    )


async def _pipelined(session: Session, ample: Key, limit: int) -> Scenario:
    """Calls on one connection, none of which waits for an answer."""
    size = min(_PIPELINED, volley_size(session.target, session.sample))
    key = await session.keys().create("raced", limit)
    limit = key.limit or limit
    book, mark = Book(session), session.provider().mark()
    before = await served(session, ample)
    shots = await pipeline(session, [calls.usual(session, key.secret, "race") for _ in range(size)])
    _enter(book, shots, mark)
    await book.quiet()
    control = await controlled(session, ample, key, limit + 10 * max(book.bill(), limit), before=before)
    name = f"{size} calls at once on one connection"
    return Scenario(name=name, limit=limit, calls=book.spent(), control=control, in_flight=1, at_once=size)


def _enter(book: Book, shots: Sequence[Shot], mark: int) -> None:
    for shot in shots:
        book.add(shot.asked.atom, shot.reply, shot.left, mark=mark, answered=shot.answered)


async def _volley_of(
    session: Session, salvo: Sequence[Asked]
) -> tuple[tuple[Shot, ...], tuple[WitnessCall, ...]]:
    """Fire a salvo while the witness holds answers back until all that were not refused are in flight."""
    witness = session.provider()
    since = witness.mark()
    # The marker is common to all canaries of the run; nothing else of the run is in flight in this phase.
    async with witness.holding(session.mint.marker, len(salvo), _HOLD) as barrier:
        shots = await fire(session, salvo, answered=barrier.fewer)
    await settled(session, lambda: witness.calls[since:])  # also what nobody waited for
    seen = tuple(call for call in witness.calls[since:] if any(call.carries(asked.atom) for asked in salvo))
    return shots, seen
