"""A canary is found whatever a store does to the text around it."""

import random

import pytest

from conformance.canary.mint import Mint
from tests.scan.searching import KEY, canaries
from tests.scan.transformations import DIRECT, NESTED, Transformation

ALL = DIRECT | NESTED
WORDS = ("the", "ferry", "leaves", "before", "a", "train", "and", "nobody", "in", "town", "knows", "why")


def _prompt(mint: Mint, words: int) -> str:
    noise = random.Random(words)
    return f"{' '.join(noise.choices(WORDS, k=words))} {mint.atom('success', 'user')} {' '.join(noise.choices(WORDS, k=words))}"


@pytest.mark.parametrize("write", ALL.values(), ids=ALL.keys())
@pytest.mark.parametrize("words", [3, 40, 300])
def test_a_canary_is_found_in(write: Transformation, words: int) -> None:
    mint = Mint(KEY)
    stored = write(_prompt(mint, words))
    noise = random.Random(words).randbytes(700)
    assert {canary.sequence for canary in canaries(mint, noise + b"\n" + stored + b"\n" + noise)} == {0}


@pytest.mark.parametrize("write", DIRECT.values(), ids=DIRECT.keys())
def test_a_bare_atom_is_found_as(write: Transformation) -> None:
    mint = Mint(KEY)
    assert {canary.sequence for canary in canaries(mint, write(mint.atom("success", "user")))} == {0}
