"""What samples of keys refute, and what they do not."""

import random
import string
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.randomness.refutations import bits_left, least_space, refutations
from conformance.randomness.shape import alike, shape
from tests.randomness.test_shape import SPELLINGS, sample

Make = Callable[[random.Random, int], str]
LETTERS = string.ascii_lowercase + string.digits


def refuted(keys: list[str], in_order: int = 16) -> tuple[set[str], float]:
    """What is refuted, and the bits that are left."""
    usual = alike(keys)
    found = shape(usual)
    wrong = refutations(usual, found, [key for key in keys[:in_order] if len(key) == found.length])
    return {one.what for one in wrong}, bits_left(found, wrong)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(SPELLINGS)), st.sampled_from([16, 60, 200]))
def test_nothing_is_refuted_of_random_keys(seed: int, spelling: str, count: int) -> None:
    assert refuted(sample(SPELLINGS[spelling], count, seed))[0] == set()


FLAWS: dict[str, tuple[Make, str]] = {
    "few": (lambda dice, _n: random.Random(dice.randrange(40)).randbytes(16).hex(), "repeated"),
    "half from a pool": (
        lambda dice, _n: f"{random.Random(dice.randrange(4)).randbytes(16).hex()}{dice.randbytes(8).hex()}",
        "shared",
    ),
    "a letter": (lambda dice, _n: "".join(dice.choice("a" * 40 + LETTERS) for _ in range(30)), "favoured"),
    "a counter": (lambda _dice, n: f"{2**90 + n:032x}", "ordered"),
    "a clock": (lambda _dice, n: f"{1700000000000 + 7 * n:016d}", "ordered"),
    "a countdown": (lambda dice, n: f"{9000 - n}-{dice.randbytes(9).hex()}", "ordered"),
}


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("count", [16, 200])
def test_a_flaw_is_refuted_and_leaves_too_little(flaw: str, count: int) -> None:
    make, what = FLAWS[flaw]
    dice = random.Random(count)
    found, left = refuted([make(dice, number) for number in range(count)])

    assert what in found
    assert left < 128


@pytest.mark.parametrize(
    "beside",
    [
        lambda dice, n: f"{1700000000000 + 9 * n:013d}_{dice.randbytes(20).hex()}",
        lambda dice, n: f"{n:06d}{dice.randbytes(20).hex()}",
        lambda dice, _n: f"{'eu' if dice.random() < 0.9 else 'us'}_{dice.randbytes(20).hex()}",
    ],
    ids=["a date", "a number", "a place"],
)
@pytest.mark.parametrize("count", [16, 200])
def test_what_stands_beside_a_secret_costs_it_nothing(beside: Make, count: int) -> None:
    dice = random.Random(7)
    _, left = refuted([beside(dice, number) for number in range(count)])

    assert 159 <= left < 176


def test_the_space_that_a_sample_could_have_seen_is_the_birthday_bound() -> None:
    assert [round(least_space(count)) for count in (1, 2, 200, 1000)] == [0, 0, 13, 17]
