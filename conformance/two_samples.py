"""Whether two ways to be answered take different times, by a sequential test with a fixed error rate. Pure.

The times come in rounds: in each, every way was taken once, in an order drawn anew. Where the ways do not differ, the order
alone decides the sign of a difference within a round, whatever the noise, its drift and its tails. So Wilcoxon's signed ranks
(F. Wilcoxon, Biometrics Bulletin 1(6), 1945) are a sum of terms with random signs, which W. Hoeffding's inequality (Journal of
the American Statistical Association 58, 1963, theorem 2) bounds for every size of sample; no distribution is assumed.

The sums are looked at several times. Each look spends a part of the error rate, as K. K. G. Lan and D. L. DeMets have it
(Biometrika 70(3), 1983) with the spending function after Pocock; the parts add up, so that it holds however the looks depend on
each other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

_POWER = 1.645  # standard normal quantile of 95 %
_FIRST = 50  # rounds at the first look; twice as many at each that follows
_STEPS = 30  # of a bisection


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """By how much one way takes longer than another; in the unit of the times.

    `shift` is the estimate of J. L. Hodges and E. L. Lehmann (Annals of Mathematical Statistics 34, 1963), `low` and `high`
    bound it. `beyond`: it is more than the margin; `at_all`: it is more than nothing. A shift of `resolves` would have been
    found beyond the margin with 95 %.
    """

    rounds: int
    shift: float
    low: float
    high: float
    beyond: bool
    at_all: bool
    resolves: float


def looks(most: int) -> tuple[int, ...]:
    """After how many rounds the sums are looked at."""
    found = []
    rounds = _FIRST
    while rounds < most:
        found.append(rounds)
        rounds *= 2
    return (*found, most)


def difference(
    one: Sequence[float], other: Sequence[float], *, alpha: float, margin: float, most: int
) -> Difference:
    """How much longer `other` takes than `one`, in as many rounds of at most `most`.

    The chance to be found `beyond` the margin where it is not is at most `alpha`, and so is that to be found different where
    there is no difference. Raises ValueError where there is no round, or the two are not of the same length.
    """
    differences = [b - a for a, b in zip(one, other, strict=True)]
    if not differences:
        raise ValueError("no round was measured")
    levels = [(n, level) for n, level in _levels(alpha, looks(most)) if n <= len(differences)]
    beyond = any(_exceeds(differences[:n], margin, level) for n, level in levels)
    at_all = any(_exceeds(differences[:n], 0.0, level) for n, level in levels)
    needed = _needed(alpha / 2)
    low, shift, high = (_shift_at(differences, z) for z in (needed, 0.0, -needed))
    error = (high - low) / (2 * needed)
    return Difference(
        rounds=len(differences),
        shift=shift,
        low=low,
        high=high,
        beyond=beyond,
        at_all=at_all,
        resolves=margin + (_needed(_levels(alpha, looks(most))[-1][1] / 2) + _POWER) * error,
    )


def _levels(alpha: float, sizes: Sequence[int]) -> list[tuple[int, float]]:
    """The sizes with what may be spent at each: the increments of alpha · ln(1 + (e - 1) t)."""
    spent = [alpha * math.log(1 + (math.e - 1) * size / sizes[-1]) for size in sizes]
    return [
        (size, after - before) for size, (before, after) in zip(sizes, pairwise([0.0, *spent]), strict=True)
    ]


def _exceeds(differences: Sequence[float], margin: float, level: float) -> bool:
    """Whether the shift is beyond the margin on either side; each side has half of the level."""
    needed = _needed(level / 2)
    above = _score([d - margin for d in differences])
    below = _score([-d - margin for d in differences])
    return max(above, below) >= needed


def _needed(level: float) -> float:
    """The score that chance reaches with at most this probability: P(sum ≥ z · norm) ≤ exp(-z²/2)."""
    return math.sqrt(-2 * math.log(level))


def _score(values: Sequence[float]) -> float:
    """The sum of signed ranks over its norm; ties share their mean rank, zeros have no sign."""
    ordered = sorted((value for value in values if value), key=abs)
    total = squares = 0.0
    rank = 0
    for _, tied in groupby(ordered, key=abs):
        group = list(tied)
        mean = rank + (len(group) + 1) / 2
        rank += len(group)
        total += mean * sum(1 if value > 0 else -1 for value in group)
        squares += mean * mean * len(group)
    return total / math.sqrt(squares) if squares else 0.0


def _shift_at(differences: Sequence[float], score: float) -> float:
    """The shift that leaves this score once it is taken away; the score falls as the shift grows."""
    low, high = min(differences) - 1, max(differences) + 1
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score([d - middle for d in differences]) > score:
            low = middle
        else:
            high = middle
    return (low + high) / 2
