"""Secrets of hexadecimal digits: found whole or cut up, and not looked for wherever a few digits happen to agree."""

import random

import pytest

from conformance.scan.engine import secret_engine
from conformance.scan.patterns import Fragment
from conformance.scan.secrets import forms_in

_SECRET = random.Random(3).randbytes(32).hex()
_LETTERS = "Zt5nWq7LmB2cD9fGhJ4kS6aP1eXuVo0iN8KpZ3vYtR"


@pytest.mark.parametrize("size", [4, 5, 6, 7, 8, 16])
@pytest.mark.parametrize("separator", ["-", " ", ":", "\n", '", "', "; ", "--"])
def test_a_secret_cut_into_groups_is_found(size: int, separator: str) -> None:
    groups = separator.join(_SECRET[place : place + size] for place in range(0, len(_SECRET), size))

    assert forms_in(_SECRET, f"key: {groups}.")


@pytest.mark.parametrize("size", [12, 16, 24])
def test_a_secret_behind_a_prefix_with_separators_of_its_own_is_found_too(size: int) -> None:
    secret = f"sk-or-v1-{_SECRET}"
    groups = ":".join(secret[place : place + size] for place in range(0, len(secret), size))

    assert forms_in(secret, f"key: {groups}.")


def test_digits_that_agree_by_chance_are_no_clue() -> None:
    engine = secret_engine({"secret": _SECRET})
    digits = random.Random(4).randbytes(1 << 17).hex().encode()

    met = [engine.search.watched[number] for number, _ in engine.search.look(digits)[0]]
    assert sum(isinstance(entry, Fragment) for entry in met) < 8  # of four digits there are two hundred


def test_other_secrets_are_looked_for_by_four_characters() -> None:
    watched = secret_engine({"secret": _LETTERS}).search.watched

    assert {len(entry.pattern) for entry in watched if isinstance(entry, Fragment) and entry.text} == {4}
