"""How secrets are made: a sample of keys is created, compared and ended again. What is kept of it are numbers."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.keys import Pattern, SecretSample
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.door import Answer
from conformance.probes.meter import LimitReached
from conformance.randomness.generators import REACH, Remade, remade
from conformance.randomness.refutations import Refutation, bits_left, least_space, refutations
from conformance.randomness.rule import rule_of, told_prefix
from conformance.randomness.shape import Shape, alike, shape
from conformance.scan.shown import public_positions
from conformance.session import Session
from conformance.target import Target

_IN_ORDER = 16  # created one after the other; that so many rise by chance is too rare to matter
_PER_CALL = 4  # keys for each call that the profile makes along a path
_MOST, _MOST_THOROUGH = 200, 1000
_THOROUGH = 1000  # calls along a path from which on a profile is one that takes its time
_SHARE = 20  # of the requests that are allowed, at most this part is spent on creating
_AT_ONCE = 16
_TRIED = 2  # keys that are tried to be made again
_SHORT_REACH = 250  # milliseconds before and after the creation, where the profile is a quick one
_UNKNOWN_CLOCK = 1.5  # seconds by which a Date header may differ from our clock without telling anything


def _size(target: Target, sample: int) -> int:
    most = _MOST_THOROUGH if sample >= _THOROUGH else _MOST
    return max(_IN_ORDER, min(most, _PER_CALL * sample, target.limits.requests // _SHARE))


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=2 * _size(target, sample))


@dataclass(frozen=True, slots=True)
class _Made:
    """A key, and when it was made by our clock and the target's (seconds since the epoch)."""

    key: Key
    moments: tuple[float, ...]


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=_cost,
)
async def secret_sample(session: Session) -> SecretSample:
    """Create a sample of keys and see whether their secrets could be guessed."""
    made: list[_Made] = []
    try:
        made += [await _create(session) for _ in range(_IN_ORDER)]
        more = _size(session.target, session.sample) - _IN_ORDER
        made += await _many(session, more)
    finally:
        await _ended(session, [one.key for one in made])
    return await asyncio.to_thread(_seen, made, _SHORT_REACH if session.sample < _MOST else REACH)


async def _create(session: Session) -> _Made:
    before = session.now()
    key = await session.keys().create("sample", PICO_PER_USD)
    ours = (before + session.now()) / 2
    theirs = _date(key.creation)
    return _Made(key, (ours,) if theirs is None or abs(theirs - ours) < _UNKNOWN_CLOCK else (ours, theirs))


def _date(answer: Answer) -> float | None:
    """What an answer's Date says (RFC 9110, 6.6.1), in seconds since the epoch."""
    try:
        return parsedate_to_datetime(answer.header("date") or "").timestamp()
    except ValueError:
        return None


async def _many(session: Session, count: int) -> list[_Made]:
    """So many more keys, side by side; fewer where the gateway or the limits would not have them."""
    made: list[_Made] = []
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            try:
                made.append(await _create(session))
            except (KeyApiTrouble, LimitReached):
                return

    await asyncio.gather(*(some() for _ in range(min(_AT_ONCE, session.target.limits.connections))))
    return made


async def _ended(session: Session, keys: Iterable[Key]) -> None:
    """Revoke the sample at once: what cannot be revoked now is left to the clearing up."""
    waiting = iter(keys)

    async def some() -> None:
        for key in waiting:
            try:
                await session.keys().revoke(key)
            except CannotObserve:
                continue

    await asyncio.gather(*(some() for _ in range(min(_AT_ONCE, session.target.limits.connections))))


def _seen(made: Sequence[_Made], reach: int) -> SecretSample:
    secrets = [one.key.secret for one in made]
    usual = alike(secrets)
    if len(usual) < _IN_ORDER // 2:
        raise CannotObserve(
            f"{len(made)} keys were created, of so many lengths that no {_IN_ORDER // 2} can be compared",
            fault=Fault.OPERATOR,
            decide="check the pointer to the secret in the dialect",
        )
    known = _public(one.key for one in made if len(one.key.secret) == len(usual[0]))
    form = shape(usual, known)
    ordered = [secret for secret in secrets[:_IN_ORDER] if len(secret) == form.length]
    found = [*refutations(usual, form, ordered), *_remade(made, form, reach)]
    lengths = math.log2(len(secrets) / len(usual))  # that it has this length says so much less
    return SecretSample(
        created=len(secrets),
        in_order=len(ordered),
        lengths=tuple(sorted(set(map(len, secrets)))),
        prefix=told_prefix(form.prefix),
        rule=rule_of(secrets),
        varying=len(form.varying),
        alphabet=form.alphabet,
        capacity=form.capacity + lengths,
        left=bits_left(form, found) + lengths,
        checksum=form.checksum,
        public=form.public,
        patterns=tuple(_pattern(one) for one in found),
        tried=min(_TRIED, len(secrets)),
        least_space=least_space(len(usual)),
    )


def _public(keys: Iterable[Key]) -> frozenset[int]:
    """The positions that belong to a public id in every one of the keys."""
    places = [public_positions(key.secret, (), _identifiers(key)) for key in keys]
    return frozenset.intersection(*places)


def _identifiers(key: Key) -> list[str]:
    return [value for value in (key.name, key.id, *key.variables.values()) if value != key.secret]


def _remade(made: Sequence[_Made], form: Shape, reach: int) -> list[Refutation]:
    """The first keys, tried to be made again."""
    letters = {
        one.key.secret[at] for one in made if len(one.key.secret) == form.length for at in form.varying
    }
    tried = [
        remade(one.key.secret, one.moments, _identifiers(one.key), letters, reach) for one in made[:_TRIED]
    ]
    return [_as_refutation(one) for one in tried if one is not None][:1]


def _as_refutation(one: Remade) -> Refutation:
    detail = f"{len(one.places)} characters can be made again with {one.generator} from {one.seed}"
    return Refutation(what="remade", detail=detail, chance=0.0, places=one.places)


def _pattern(one: Refutation) -> Pattern:
    return Pattern(what=one.what, detail=one.detail, characters=len(one.places), chance=one.chance)
