"""Public ids: some say which others there are."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.randomness.identifiers import guessable

_DICE = random.Random(5)
_CLOCK = 1_790_000_000_000  # milliseconds


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([str(number) for number in range(41, 60)], True),
        ([f"key_{number:012x}" for number in range(0xABC, 0xABC + 300, 3)], True),
        ([str((_CLOCK + 40 * number) << 22) for number in range(50)], True),
        ([str(uuid.uuid1()) for _ in range(8)], True),
        ([f"{_DICE.randrange(2**32):08x}" for _ in range(50)], True),
        ([str(uuid.UUID(int=_DICE.getrandbits(128), version=4)) for _ in range(50)], False),
        ([f"{_DICE.getrandbits(64):016x}" for _ in range(50)], False),
        ([f"key-{_DICE.getrandbits(128):032x}" for _ in range(50)], False),
        (["7", "8", "9"], False),
        ([], False),
    ],
    ids=[
        "counted",
        "counted in hex",
        "made of the clock",
        "of version 1",
        "of 32 bits",
        "of version 4",
        "of 64 bits",
        "behind a prefix",
        "too few",
        "none",
    ],
)
def test_ids_that_tell_of_each_other_are_noticed(ids: list[str], told: bool) -> None:
    assert bool(guessable(ids)) == told


@given(st.lists(st.text(max_size=12), max_size=9))
def test_whatever_ids_look_like_there_is_an_answer(ids: list[str]) -> None:
    assert isinstance(guessable(ids), str)
