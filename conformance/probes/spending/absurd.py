"""Limits that are no amounts, that are beyond all amounts, and that have more decimals than any unit."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from msgspec import structs

from conformance.dialects.grammar import Operation
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd, in_usd, to_units
from conformance.model.spend import Attempt, Control, Family
from conformance.probes.spending.limits import Trial
from conformance.probes.spending.oracle import AMPLE, served
from conformance.session import Session

# What each call costs more than; as JSON, or as what some JSON writers make of it.
NOTHING = ("0", "-1", "0.00000000000000000001", "NaN", "-1e309")
# What nobody can spend: more than floats hold, one more than signed counters of 64 bits hold, and nothing at all.
BEYOND = ("1e309", "Infinity", "9223372036854775808", "null")
_DECIMALS = 20
_CALLS = 2
_REFUSED = 400  # and above: a status of no success
_BUSY = {429, 503}  # these speak of now, not of what was asked for


def absurdities(session: Session, ample: Key, limit: int) -> Iterator[Callable[[], Awaitable[Attempt]]]:
    """The trials of every absurd limit but those that the gateway documents to mean no limit."""
    documented = session.keys().dialect.unlimited
    yield from (partial(nothing, session, ample, text) for text in NOTHING if text not in documented)
    yield from (partial(beyond, session, ample, text) for text in BEYOND if text not in documented)
    yield partial(fine, session, ample, limit)


async def nothing(session: Session, ample: Key, literal: str) -> Attempt:
    """A key with a limit that no call fits in, or that is no number: it is refused, or nothing is served."""
    return await _made(session, ample, literal, lambda _told: 0)


async def beyond(session: Session, ample: Key, literal: str) -> Attempt:
    """A key with a limit that nobody can reach, or with none: it is refused, or is what the key API then says that it is."""
    attempt = await _made(session, ample, literal, lambda told: AMPLE if told is None else min(told, AMPLE))
    return structs.replace(attempt, out_of_reach=attempt.limit == AMPLE)


async def fine(session: Session, ample: Key, limit: int) -> Attempt:
    """A key with a limit of twenty decimals: it is refused, or holds to the smallest unit that the gateway declares."""
    per_usd, unit = session.keys().per_usd, max(1, from_usd(session.target.claims.usage_unit))
    whole = -(-limit // unit) * unit
    literal = f"{to_units(whole, per_usd):.{_DECIMALS - 1}f}1"
    name = f"a key with a limit of {_DECIMALS} decimals"
    try:
        before = await served(session, ample)
        key = await session.keys().create("absurd", literal=literal)
        trial = Trial(session, ample, key, whole + unit, before=before)
        trial.created = (await _told_back(session, key))[0]
        await trial.spend()
    except CannotObserve as trouble:
        return await not_made(session, ample, name, "absurd limit", trouble)
    return await trial.over(name, "absurd limit")


async def _made(session: Session, ample: Key, literal: str, limit: Callable[[int | None], int]) -> Attempt:
    """A key with this limit and calls on it; `limit` makes of what is told back, in picodollars, what must hold."""
    name = f"a key with the limit {literal}"
    try:
        before = await served(session, ample)
        key = await session.keys().create("absurd", literal=literal)
        created, told = await _told_back(session, key)
        trial = Trial(session, ample, key, limit(told), before=before)
        trial.created = created
        for _ in range(_CALLS):
            await trial.call()
    except CannotObserve as trouble:
        return await not_made(session, ample, name, "absurd limit", trouble)
    return await trial.over(name, "absurd limit")


async def _told_back(session: Session, key: Key) -> tuple[str, int | None]:
    """What the key API says that it made of a limit, in words and, where that is an amount, in picodollars."""
    dialect = session.keys().dialect
    if not _tells_limits(dialect.read or dialect.own):
        return "made", None
    try:
        told = (await session.keys().read(key)).limit
    except KeyApiTrouble:
        return "made", None
    return f"made, read back as {'no limit' if told is None else in_usd(told)}", told


def _tells_limits(operation: Operation | None) -> bool:
    return operation is not None and any("limit" in call.capture for call in operation.calls)


async def not_made(
    session: Session, ample: Key, name: str, family: Family, trouble: CannotObserve
) -> Attempt:
    """Refusing to do it keeps the promise best; any other trouble leaves it open."""
    status = trouble.status if isinstance(trouble, KeyApiTrouble) else None
    refused = status is not None and status >= _REFUSED and status not in _BUSY
    beside = refused and await served(session, ample)
    return Attempt(
        name=name,
        family=family,
        limit=0,
        calls=(),
        control=Control(ample_before=beside, ample_after=beside, revived=None),
        created=f"refused ({status})" if refused else "",
        trouble="" if refused else str(trouble),
    )
