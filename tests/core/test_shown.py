"""How much of a secret a text shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.scan.secrets import forms_in
from conformance.scan.shown import bits_per_character, public_positions, shown

SECRET = "sk-Ab3dEf6hIj9kLm2nOp5qRs8t"
LETTERS = st.text(
    alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=12, max_size=40
)


@given(secret=LETTERS, before=st.text(), after=st.text())
def test_a_whole_secret_is_shown_whole_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert shown(secret, before + secret + after) == frozenset(range(len(secret)))


@given(secret=LETTERS, data=st.data())
def test_a_piece_of_five_or_more_is_seen_and_a_shorter_one_is_not(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(secret) - 1))
    piece = secret[start : start + data.draw(st.integers(1, 12))]
    found = shown(secret, f"<{piece}>")
    assert found >= (frozenset(range(start, start + len(piece))) if len(piece) >= 5 else frozenset())
    assert bool(found) is (len(piece) >= 5)


@given(secret=LETTERS, text=st.text())
def test_known_positions_never_count(secret: str, text: str) -> None:
    assert not shown(secret, text + secret, frozenset(range(len(secret))))


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0), ("sk-...Rs8t", 0), ("qRs8t", 5), ("sk-Ab3", 6), (SECRET[:10] + "..." + SECRET[-6:], 16), (SECRET, 27),
        (SECRET.lower(), 0), (SECRET[::-1], 0), (" ".join(SECRET), 0), (" ".join((SECRET[:14], SECRET[12:])), 27),
    ],
)  # fmt: skip
def test_characters_are_counted_once(text: str, characters: int) -> None:
    assert len(shown(SECRET, text)) == characters


@pytest.mark.parametrize(
    ("others", "identifiers", "count"),
    [
        ([], [], 0),
        (["sk-Zz"], [], 3),
        (["sk-Ab3dZZ"], [], 7),
        (["sk-Ab3dZZ", "sk-Q"], [], 3),
        ([], ["Ab3dEf6h"], 8),
        (["sk-Q"], ["Ab3dEf6h"], 11),
        ([], ["Ab3"], 0),
        ([], [SECRET], 0),
        ([], ["not in it"], 0),
        ([], ["a+(b"], 0),
    ],
)
def test_what_all_keys_share_and_what_names_the_key_is_public(
    others: list[str], identifiers: list[str], count: int
) -> None:
    assert len(public_positions(SECRET, others, identifiers)) == count


@pytest.mark.parametrize(
    ("secrets", "size"),
    [
        (["0123", "99"], 10), (["0a", "ff"], 16), (["0A", "FF"], 16), (["zz09"], 36), (["ZZ09"], 36), (["aZ"], 62),
        (["a-_"], 62), ([""], 10), (["fF"], 62),
    ],
)  # fmt: skip
def test_a_character_is_worth_what_its_alphabet_allows(secrets: list[str], size: int) -> None:
    assert bits_per_character(secrets) == math.log2(size)


def test_a_secret_is_found_in_its_usual_encodings() -> None:
    assert "raw" in forms_in(SECRET, f'{{"key": "{SECRET}"}}')
    assert forms_in(SECRET, SECRET.encode().hex())
    assert forms_in(SECRET, "no secret here") == ()
    assert forms_in(SECRET, SECRET[:-1]) == ()


def test_a_secret_beyond_ascii_is_found_as_it_is() -> None:
    assert forms_in("schlüssel-schlüssel", "der schlüssel-schlüssel") == ("raw",)
    assert forms_in("schlüssel-schlüssel", "der schlussel") == ()
