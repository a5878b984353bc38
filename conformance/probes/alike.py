"""Prompts that are alike: the same words, the same but for their dress, and the same in other words. Pure.

A sentence is made of places that do not exist, drawn anew for each run: no cache can know it from before, and whatever a
gateway makes of it, the names tell which call at the provider is due to it.
"""

import random
from dataclasses import dataclass

_ONSETS = ("b", "br", "d", "dr", "f", "gl", "h", "k", "kl", "l", "m", "n", "p", "r", "st", "t", "tr", "v")
_VOWELS = ("a", "e", "i", "o", "u", "au", "ei")
_ENDINGS = ("dorn", "fell", "gard", "ham", "lund", "mere", "stad", "vik", "wick")
# Each row asks one thing in three ways: as it is, with one word replaced, and in other words.
_QUESTIONS = (
    (
        "Which of the two roads from {one} to {two} would you take in late winter?",
        "Which of the two routes from {one} to {two} would you take in late winter?",
        "If it were late winter, what would be your choice of road to get from {one} to {two}?",
    ),
    (
        "How many bridges does the river cross between {one} and {two} today?",
        "How many bridges does the stream cross between {one} and {two} today?",
        "Between {one} and {two}, what is the number of bridges over the river at present?",
    ),
    (
        "Please name three dishes that cooks in {one} learnt from those in {two}.",
        "Please list three dishes that cooks in {one} learnt from those in {two}.",
        "Three meals came from the kitchens of {two} to those of {one}; say which ones.",
    ),
    (
        "Why did the market of {one} move to the square before the gate of {two}?",
        "Why did the market of {one} move to the place before the gate of {two}?",
        "For what reason was the market in {one} relocated to the square at {two} gate?",
    ),
    (
        "What should a guest from {one} never say at a wedding in {two}, and why?",
        "What should a visitor from {one} never say at a wedding in {two}, and why?",
        "At weddings in {two}, which words are better avoided by people who come from {one}?",
    ),
    (
        "Who built the lighthouse that sailors from {one} see before they reach {two}?",
        "Who built the tower that sailors from {one} see before they reach {two}?",
        "Before seamen from {one} arrive at {two} they see a lighthouse; name its builder.",
    ),
    (
        "Describe the difference between the winter songs of {one} and those of {two}.",
        "Explain the difference between the winter songs of {one} and those of {two}.",
        "In what way are songs for the winter from {one} unlike those sung in {two}?",
    ),
)
QUESTIONS = len(_QUESTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A sentence and its likes. `name` stands in each of them, whatever its case, and in nothing else of the run."""

    name: str
    plain: str
    reworded: str  # one word replaced
    paraphrased: str

    def shouted(self) -> str:
        """In capitals."""
        return self.plain.upper()

    def spaced(self) -> str:
        """With blanks that say nothing."""
        return "  " + self.plain.replace(" ", "  ") + " \n"

    def unpunctuated(self) -> str:
        """Without the marks at its end and within it."""
        return self.plain.rstrip("?.").replace(",", "")


def alike(number: int, dice: random.Random) -> Alike:
    """The sentence of this number, below `QUESTIONS`, about places of its own."""
    one, two = (_place(dice) for _ in range(2))
    plain, reworded, paraphrased = (form.format(one=one, two=two) for form in _QUESTIONS[number])
    return Alike(name=one, plain=plain, reworded=reworded, paraphrased=paraphrased)


def _place(dice: random.Random) -> str:
    syllables = "".join(dice.choice(_ONSETS) + dice.choice(_VOWELS) for _ in range(4))
    return (syllables + dice.choice(_ENDINGS)).capitalize()
