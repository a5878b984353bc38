"""Two ways to be answered are told apart by their times where they differ, and not more often than is said where they do not."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.two_samples import Difference, difference, looks

TIMES = st.lists(st.integers(0, 10**6), min_size=50, max_size=60)
MOST = 100


def heavy(dice: random.Random) -> float:
    """Noise as networks have it: skewed, and now and then very late."""
    return dice.lognormvariate(0, 1) + (50 * dice.random() if dice.random() < 0.03 else 0)


def drifting(dice: random.Random) -> float:
    """Noise beside which there is little else."""
    return 100 * dice.random() ** 4


def tied(dice: random.Random) -> float:
    """A clock of few ticks."""
    return float(dice.randrange(3))


def simulated(
    seed: int, noise: Callable[[random.Random], float], shift: float, *, rounds: int = MOST, alpha: float
) -> Difference:
    """Rounds in which the second way takes longer by a shift; the ground drifts beneath both."""
    dice = random.Random(seed)
    ground = [number / 3 for number in range(rounds)]
    one = [base + noise(dice) for base in ground]
    other = [base + noise(dice) + shift for base in ground]
    return difference(one, other, alpha=alpha, margin=1.0, most=MOST)


@pytest.mark.parametrize("noise", [heavy, drifting, tied], ids=lambda noise: noise.__name__)
def test_equal_ways_are_told_apart_no_more_often_than_is_said(
    noise: Callable[[random.Random], float],
) -> None:
    alpha, trials = 0.2, 60
    found = [simulated(seed, noise, 0.0, alpha=alpha) for seed in range(trials)]

    assert sum(one.at_all for one in found) <= alpha * trials
    assert sum(one.beyond for one in found) <= alpha * trials


def test_a_difference_of_the_margin_itself_is_no_finding() -> None:
    found = [simulated(seed, heavy, 1.0, alpha=0.2) for seed in range(60)]

    assert sum(one.beyond for one in found) <= 12


@pytest.mark.parametrize("shift", [4.0, -4.0])
def test_a_planted_difference_is_found_and_measured(shift: float) -> None:
    found = [simulated(seed, heavy, shift, alpha=0.001) for seed in range(20)]

    assert all(one.beyond and one.at_all for one in found)
    assert all(one.low <= shift <= one.high for one in found)
    assert all(abs(one.shift - shift) < 1 for one in found)


def test_what_is_said_to_be_resolved_is_found() -> None:
    resolves = max(simulated(seed, heavy, 0.0, alpha=0.001).resolves for seed in range(20))
    found = [simulated(seed, heavy, resolves, alpha=0.001) for seed in range(40)]

    assert sum(one.beyond for one in found) >= 36


def test_an_early_look_finds_what_is_plain() -> None:
    assert simulated(1, heavy, 30.0, rounds=50, alpha=0.001).beyond


def test_before_the_first_look_nothing_is_found() -> None:
    assert not simulated(1, heavy, 300.0, rounds=49, alpha=0.001).at_all


@given(TIMES, st.integers())
@settings(max_examples=20, deadline=None)
def test_the_two_ways_may_be_exchanged(times: list[int], seed: int) -> None:
    dice = random.Random(seed)
    others = [dice.randrange(10**6) for _ in times]
    there = difference(times, others, alpha=0.05, margin=5.0, most=MOST)
    back = difference(others, times, alpha=0.05, margin=5.0, most=MOST)

    assert (there.beyond, there.at_all) == (back.beyond, back.at_all)
    assert there.low <= -back.shift <= there.high


@given(TIMES, st.integers(-1000, 1000))
@settings(max_examples=20, deadline=None)
def test_a_constant_difference_is_what_it_is(times: list[int], shift: int) -> None:
    found = difference(times, [time + shift for time in times], alpha=0.05, margin=5.0, most=MOST)

    assert found.shift == pytest.approx(shift, abs=1)
    assert found.at_all is (shift != 0)
    assert found.beyond is (abs(shift) > 5)


@given(st.integers(1, 5000))
def test_the_last_look_is_at_all_rounds(most: int) -> None:
    sizes = looks(most)

    assert sizes[-1] == most
    assert list(sizes) == sorted(set(sizes))


def test_without_rounds_there_is_nothing_to_tell() -> None:
    with pytest.raises(ValueError, match="no round"):
        difference([], [], alpha=0.05, margin=1.0, most=MOST)
