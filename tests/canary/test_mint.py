"""Canaries say who they are, to their own run alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import ALPHABET, CONTROLS, LENGTH, MARKER, RARE, Issued, Mint

KEY = b"a run key of the test"
names = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=12)


def test_an_atom_is_27_characters_of_its_alphabet_and_starts_with_the_marker() -> None:
    mint = Mint(KEY)
    atom = mint.atom("success", "user")
    assert len(atom) == LENGTH
    assert set(atom) <= set(ALPHABET)
    assert atom.startswith(mint.marker)
    assert mint.marker.startswith(RARE)
    assert len(mint.marker) == MARKER


@given(st.lists(st.tuples(names, names), min_size=1, max_size=20), st.integers(0, 3))
def test_every_atom_reads_back_in_any_case_and_copy(issued: list[tuple[str, str]], copy: int) -> None:
    mint = Mint(KEY)
    for sequence, (path, field) in enumerate(issued):
        canary = mint.read(mint.repeat(mint.atom(path, field), copy).lower())
        assert canary is not None
        assert (canary.sequence, canary.path, canary.field, canary.copy) == (sequence, path, field, copy)


def test_equal_keys_issue_equal_atoms_and_other_keys_read_none_of_them() -> None:
    atom = Mint(KEY).atom("success", "user")
    other = Mint(b"another key of the test")
    assert atom == Mint(KEY).atom("success", "user")
    assert other.read(atom) is None
    assert other.marker != Mint(KEY).marker


@given(st.integers(MARKER, LENGTH - 1), st.sampled_from(ALPHABET))
def test_a_changed_character_is_noticed(place: int, letter: str) -> None:
    mint = Mint(KEY)
    atom = mint.atom("success", "user")
    changed = atom[:place] + letter + atom[place + 1 :]
    assert (mint.read(changed) is None) == (changed != atom)


def test_neighbouring_canaries_share_little_beyond_the_marker() -> None:
    mint = Mint(KEY)
    payloads = {mint.atom("success", "user")[MARKER + 3 :] for _ in range(500)}
    assert len({payload[:4] for payload in payloads}) > 490


def test_a_restored_mint_reads_what_the_first_one_issued_and_issues_no_number_twice() -> None:
    mint = Mint(KEY)
    atoms = [mint.atom(f"path {n % 3}", f"field {n % 5}") for n in range(20)]
    restored = Mint.restore(KEY, list(mint.issued.values()))
    assert [restored.read(atom) for atom in atoms] == [mint.read(atom) for atom in atoms]
    assert restored.atom("path", "field") not in atoms


def test_more_fields_than_there_are_codes_are_still_told_apart() -> None:
    mint = Mint(KEY)
    atoms = [mint.atom("success", f"field {n}") for n in range(300)]
    fields = [canary.field for atom in atoms if (canary := mint.read(atom))]
    assert fields == [f"field {n}" for n in range(300)]


def test_an_atom_that_was_forgotten_is_recognised_all_the_same() -> None:
    atom = Mint(KEY).atom("success", "user")
    canary = Mint(KEY).read(atom)
    assert canary is not None
    assert canary.path == "unknown"


@given(st.integers(0, CONTROLS - 1))
def test_what_the_suite_plants_is_told_from_content_without_being_remembered(number: int) -> None:
    mint = Mint(KEY)
    text = mint.control(number)
    canary = Mint(KEY).read(text.lower())
    assert canary is not None
    assert (canary.path, mint.issued) == ("control", {})
    assert mint.control(number) == text != mint.control(number + 1)


def test_a_text_carries_its_canary_at_start_middle_and_end() -> None:
    mint = Mint(KEY)
    text = mint.text(mint.atom("success", "user"), size=400)
    parts = text.split()
    assert [c.copy for part in parts if (c := mint.read(part))] == [0, 1, 2]
    assert mint.read(text[:LENGTH]) is not None
    assert mint.read(text[-LENGTH:]) is not None
    assert 350 < len(text) <= 420


def test_a_full_mint_says_so() -> None:
    mint = Mint.restore(KEY, [Issued(sequence=n, path="p", field="f") for n in range(1 << 20)])
    with pytest.raises(ValueError, match="split the campaign"):
        mint.atom("success", "user")


def test_a_short_run_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Mint(b"short")
