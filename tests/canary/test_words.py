"""Canaries as words: eight of them, told from all others whatever stands between them."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.canary.words import forms, payloads, phrase
from conformance.model.storage import CONTROL_PATH

KEY = b"a run key of the test"
OTHER = Mint(b"another key of the test")
SEPARATORS = st.text(st.characters(codec="utf-8", exclude_categories=["L", "Cs"]), min_size=1, max_size=30)


def spoken(sequence: int = 5) -> tuple[Mint, str]:
    """A mint, and the phrase of a canary of this number."""
    mint = Mint(KEY)
    atoms = [mint.atom("success", f"field {n}") for n in range(sequence + 1)]
    return mint, mint.phrase(atoms[-1])


MINT, PHRASE = spoken()


@given(st.integers(0, (1 << 30) - 1), st.integers(0, (1 << 50) - 1))
def test_a_phrase_is_eight_words_of_six_letters_that_spell_its_payload(marker: int, payload: int) -> None:
    text = phrase(marker, payload)

    assert re.fullmatch(r"[a-z]{6}( [a-z]{6}){7}", text)
    assert list(payloads(marker, text)) == [payload]


@given(st.integers(0, 40))
def test_a_canary_reads_back_from_its_phrase(sequence: int) -> None:
    mint, text = spoken(sequence)

    canary = mint.read_phrase(text)

    assert canary is not None
    assert (canary.sequence, canary.path, canary.field) == (sequence, "success", f"field {sequence}")


@given(SEPARATORS, st.sampled_from([str.lower, str.upper, str.title]))
def test_case_and_what_parts_the_words_do_not_matter(separator: str, case: type[str]) -> None:
    canary = MINT.read_phrase(case(separator.join(PHRASE.split())))

    assert canary is not None
    assert canary.sequence == 5


@pytest.mark.parametrize(
    "text",
    [
        PHRASE.replace(" ", ""),
        json.dumps(PHRASE.replace(" ", "\n"))[1:],
        json.dumps(json.dumps(PHRASE.replace(" ", "\t")))[3:],
        json.dumps(PHRASE.split())[2:],
        PHRASE.replace(" ", "%20"),
        PHRASE.replace(" ", "&nbsp;"),
        PHRASE.replace(" ", "<br/>"),
        PHRASE.replace(" ", "\\u0020"),
        "\n".join(f'{{"number": {n}, "token": "{word}"}}' for n, word in enumerate(PHRASE.split()))[24:],
        re.sub("(.{10})", r"\1\n", PHRASE),
        "\n".join(re.findall("...", PHRASE.replace(" ", ""))),
        PHRASE + " and so on",
        PHRASE.split(maxsplit=1)[1],
    ],
)
def test_a_phrase_is_read_as(text: str) -> None:
    canary = MINT.read_phrase(text)

    assert canary is not None
    assert canary.sequence == 5


@given(st.integers(1, 7), st.sampled_from("abcdefghijklmnopqrstuvwxyz"), st.integers(0, 5))
def test_a_changed_letter_is_noticed_behind_the_first_word(word: int, letter: str, place: int) -> None:
    words = PHRASE.split()
    words[word] = words[word][:place] + letter + words[word][place + 1 :]
    changed = " ".join(words)

    assert (MINT.read_phrase(changed) is None) == (changed != PHRASE)


@pytest.mark.parametrize(
    "text", ["", "the ferry leaves", PHRASE[:-1], PHRASE[:20], " ".join(sorted(PHRASE.split()))]
)
def test_anything_else_is_no_phrase(text: str) -> None:
    assert MINT.read_phrase(text) is None


def test_phrases_of_another_run_are_none() -> None:
    atom = OTHER.atom("success", "user")

    assert MINT.read_phrase(OTHER.phrase(atom)) is None
    assert OTHER.read_phrase(OTHER.phrase(atom)) is not None


def test_what_is_no_atom_has_no_phrase() -> None:
    with pytest.raises(ValueError, match="not an atom"):
        MINT.phrase("hello")


def test_a_control_is_told_from_content_by_its_phrase_too() -> None:
    canary = MINT.read_phrase(MINT.phrase(MINT.control(7)))

    assert canary is not None
    assert canary.path == CONTROL_PATH


def test_the_patterns_of_a_run_are_few() -> None:
    assert len(forms(MINT.rare)) <= 8
