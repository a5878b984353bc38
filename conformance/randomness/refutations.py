"""What a sample of secrets refutes: that they differ, that no character is favoured, that none follows from another. Pure.

All tests together are wrong about truly random secrets less than once in a million audits: each gets its share of that rate by
Bonferroni's inequality, and each probability is an exact tail or an upper bound of one. A refutation speaks of places, and of
what these can still carry: a key may hold a date or a number beside its secret.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.randomness.shape import Shape

RATE = 1e-6  # of false alarms, all tests together
_TESTS = 3
_WIDEST = 4  # characters that are read as one number where an order is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Refutation:
    """Something that random secrets would not show: which, in words, how rarely chance would, and where.

    `left` are the bits that each of the places can still carry.
    """

    what: str
    detail: str
    chance: float  # an upper bound
    places: frozenset[int]
    left: float = 0.0


def refutations(secrets: Sequence[str], shape: Shape, in_order: Sequence[str]) -> tuple[Refutation, ...]:
    """Everything that a sample refutes. `in_order` are those of the secrets that are known in the order of their creation."""
    found = [
        *_repeated(secrets, shape),
        *_shared(secrets, shape),
        *_favoured(secrets, shape),
        *_ordered(in_order, shape),
    ]
    return tuple(one for one in found if one.chance < RATE / _TESTS)


def bits_left(shape: Shape, refuted: Iterable[Refutation]) -> float:
    """What the varying part can carry where nothing was refuted of it, in bits."""
    bits = shape.bits()
    for one in refuted:
        bits |= {place: min(bits[place], one.left) for place in one.places if place in bits}
    return sum(bits.values())


def least_space(count: int) -> float:
    """Bits of the largest space in which so many draws collide with 95 % (birthday bound): smaller ones would have shown."""
    return max(0.0, math.log2(count * (count - 1) / (2 * math.log(20)))) if count > 1 else 0.0


def _repeated(secrets: Sequence[str], shape: Shape) -> Iterator[Refutation]:
    """A secret that was given before. By chance that takes C(n, 2) / 2^bits; where that is not rare, so are the bits few."""
    twice = len(secrets) - len(set(secrets))
    if twice:
        yield Refutation(
            what="repeated",
            detail=f"{twice} of {len(secrets)} keys were given before",
            chance=math.comb(len(secrets), 2) * 2**-shape.capacity,
            places=frozenset(shape.varying),
        )


def _shared(secrets: Sequence[str], shape: Shape) -> Iterator[Refutation]:
    """A run of characters, at the same place, that some secrets share and not all do."""
    bits, different = shape.bits(), tuple(set(secrets))
    pairs = max(1, math.comb(len(different), 2)) * max(1, len(shape.varying))
    places: set[int] = set()
    most = 0
    for run in _runs(shape.varying):
        for window in _windows(run, bits, math.log2(pairs * _TESTS / RATE)):
            counts = Counter("".join(secret[place] for place in window) for secret in different)
            ((_, times),) = counts.most_common(1)
            if times > 1:
                places |= set(window)
                most = max(most, times)
    if places:
        detail = f"{most} keys share characters between positions {min(places) + 1} and {max(places) + 1}"
        yield Refutation(what="shared", detail=detail, chance=0.5 * RATE / _TESTS, places=frozenset(places))


def _windows(run: Sequence[int], bits: Mapping[int, float], least: float) -> Iterator[Sequence[int]]:
    """From each place of a run, as few as carry so many bits."""
    for start in range(len(run)):
        total = 0.0
        for end in range(start, len(run)):
            total += bits[run[end]]
            if total > least + 1:  # a first digit may carry a little less than its letters would
                yield run[start : end + 1]
                break


def _favoured(secrets: Sequence[str], shape: Shape) -> Iterator[Refutation]:
    """A character that stands at one place more often than chance would have it (binomial tail).

    Chance has the letters that were seen there, but one: of the first digit of a number, one may be rarer than the others.
    """
    yield from _favoured_everywhere(secrets, shape)
    cells = sum(shape.letters)
    for place in shape.varying:
        counts = Counter(secret[place] for secret in secrets)
        ((_, most),) = counts.most_common(1)
        if len(counts) > 2:
            yield Refutation(
                what="favoured",
                detail=f"one character stands at position {place + 1} in {most} of {len(secrets)} keys",
                chance=min(1.0, cells * _tail(len(secrets), 1 / (len(counts) - 1), most)),
                places=frozenset({place}),
                left=-math.log2(most / len(secrets)),
            )


def _favoured_everywhere(secrets: Sequence[str], shape: Shape) -> Iterator[Refutation]:
    """The same over all places together, for samples that are too small to show it at one.

    Of draws of different chances, none has a heavier tail than as many of their mean (Hoeffding 1956).
    """
    columns = [Counter(secret[place] for secret in secrets) for place in shape.varying]
    if not columns:
        return
    ((_, most),) = sum(columns, Counter[str]()).most_common(1)
    draws = len(secrets) * len(columns)
    mean = sum(1 / max(1, len(column) - 1) for column in columns) / len(columns)
    if mean < 1 and most > mean * draws + 1:
        yield Refutation(
            what="favoured",
            detail=f"one character makes up {100 * most // draws} % of all",
            chance=min(1.0, len(set().union(*columns)) * _tail(draws, mean, most)),
            places=frozenset(shape.varying),
            left=-math.log2(most / draws),
        )


def _tail(count: int, probability: float, least: int) -> float:
    """P(X >= least), X binomial."""
    total = 0.0
    for k in range(least, count + 1):
        total += math.exp(
            math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
            + k * math.log(probability) + (count - k) * math.log1p(-probability)
        )  # fmt: skip
    return min(1.0, total)


def _ordered(secrets: Sequence[str], shape: Shape) -> Iterator[Refutation]:
    """Characters that never fall, or never rise, from key to key: a counter or a clock."""
    if len(secrets) < 2:
        return
    bits, tried = shape.bits(), 2 * _WIDEST * max(1, len(shape.varying))
    places: set[int] = set()
    chance = 0.0
    for run in _runs(shape.varying):
        for start in range(len(run)):
            for window in (run[start : start + width] for width in range(1, _WIDEST + 1)):
                values = ["".join(secret[place] for place in window) for secret in secrets]
                rare = tried * _sorted_by_chance(len(secrets), sum(bits[place] for place in window))
                if rare < RATE / _TESTS and sorted(values) in (values, values[::-1]):
                    places |= set(window)
                    chance = max(chance, rare)
                    break  # whatever follows a number that rises is in order with it
    if places:
        detail = f"what stands between positions {min(places) + 1} and {max(places) + 1} rises or falls from key to key"
        yield Refutation(what="ordered", detail=detail, chance=chance, places=frozenset(places))


def _sorted_by_chance(count: int, bits: float) -> float:
    """How likely so many draws of so many bits never fall: C(N + n - 1, n) / N^n, N the number of values."""
    values = max(2, round(2**bits))
    return float(math.comb(values + count - 1, count) / values**count)


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Places that follow one another, together."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
