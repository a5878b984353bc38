"""Canaries as numbers of 15 digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.canary.numbers import forms

KEY = b"a run key of the test"
keys = st.binary(min_size=16, max_size=32)


@given(keys, st.integers(0, 30))
def test_a_canary_reads_back_from_its_number(key: bytes, sequence: int) -> None:
    mint = Mint(key)
    atoms = [mint.atom("success", f"field {n}") for n in range(sequence + 1)]

    canary = mint.read_number(mint.number(atoms[-1]))

    assert canary is not None
    assert (canary.sequence, canary.field) == (sequence, f"field {sequence}")


@given(keys)
def test_every_number_has_15_digits_and_is_exact_in_floating_point(key: bytes) -> None:
    mint = Mint(key)
    number = mint.number(mint.atom("success", "seed"))

    assert len(str(number)) == 15
    assert 2**49 <= number < 2**50
    assert int(float(number)) == number


@given(st.integers(-(2**63), 2**63))
def test_other_numbers_are_none(number: int) -> None:
    mint = Mint(KEY)
    mine = mint.number(mint.atom("success", "seed"))

    assert mint.read_number(number) is None or number == mine


@given(st.integers(-5000, 5000))
def test_neighbours_are_none(distance: int) -> None:
    mint = Mint(KEY)
    mine = mint.number([mint.atom("success", "seed") for _ in range(30)][15])
    issued = {mint.number(mint.repeat(atom, 0)) for atom in _atoms(mint)}

    assert (mint.read_number(mine + distance) is None) == (mine + distance not in issued)


def _atoms(mint: Mint) -> list[str]:
    again = Mint(KEY)
    return [again.atom("success", "seed") for _ in mint.issued]


def test_a_number_that_was_not_issued_is_none() -> None:
    mint = Mint(KEY)
    number = mint.number(mint.atom("success", "seed"))

    assert Mint(KEY).read_number(number) is None
    assert Mint.restore(KEY, mint.issued.values()).read_number(number) is not None


def test_what_is_no_atom_has_no_number() -> None:
    with pytest.raises(ValueError, match="not an atom"):
        Mint(KEY).number("hello")


@given(keys)
def test_all_numbers_of_a_run_share_what_is_searched_for(key: bytes) -> None:
    mint = Mint(key)
    last = Mint.restore(key, []).first_digits * 10**8 + 10**8 - 1
    (little,) = (form.pattern for form in forms(mint.first_digits) if form.name == "number as int64")
    first = mint.number(mint.atom("success", "seed"))

    assert {number.to_bytes(8, "little")[4:] for number in (first, last)} == {little}
    assert len({form.pattern for form in forms(mint.first_digits)}) <= 8
