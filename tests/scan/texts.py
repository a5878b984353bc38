"""Prompts that carry a canary."""

import random

from conformance.canary.mint import Mint

WORDS = (
    "the",
    "ferry",
    "leaves",
    "before",
    "a",
    "train",
    "and",
    "nobody",
    "in",
    "town",
    "knows",
    "why",
    "not",
)


def prompt(mint: Mint, words: int, seed: int = 0) -> str:
    """An atom between words, as many before it as behind."""
    noise = random.Random(f"{words} {seed}")
    half = words // 2
    before, behind = " ".join(noise.choices(WORDS, k=half)), " ".join(noise.choices(WORDS, k=half))
    return f"{before} {mint.atom('success', 'user')} {behind}"
