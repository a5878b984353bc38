"""Prompts that are alike: never two of one run, and each form differs from the others."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.alike import QUESTIONS, alike


@given(number=st.integers(0, QUESTIONS - 1), seed=st.integers(0, 2**32))
def test_every_form_is_another_text_and_holds_the_name(number: int, seed: int) -> None:
    sentence = alike(number, random.Random(seed))

    forms = [
        sentence.plain, sentence.shouted(), sentence.spaced(), sentence.unpunctuated(), sentence.reworded,
        sentence.paraphrased,
    ]  # fmt: skip

    assert len(set(forms)) == len(forms)
    assert all(sentence.name.lower() in form.lower() for form in forms)


@given(number=st.integers(0, QUESTIONS - 1), seed=st.integers(0, 2**32))
def test_likeness_is_graded(number: int, seed: int) -> None:
    sentence = alike(number, random.Random(seed))
    words = [
        set(re.findall(r"\w+", text.lower()))
        for text in (sentence.plain, sentence.spaced().upper(), sentence.reworded, sentence.paraphrased)
    ]
    shared = [len(words[0] & other) / len(words[0] | other) for other in words]

    assert shared[0] == shared[1] == 1
    assert 1 > shared[2] > shared[3]


def test_no_two_sentences_share_a_name() -> None:
    dice = random.Random(3)

    names = {alike(number % QUESTIONS, dice).name for number in range(500)}

    assert len(names) == 500


def test_the_same_seed_asks_the_same() -> None:
    assert alike(2, random.Random(5)) == alike(2, random.Random(5))
