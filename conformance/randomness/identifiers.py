"""Whether public ids could be guessed by somebody who has some of them. Pure."""

import math
import uuid
from collections.abc import Sequence

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ENOUGH = 40.0  # bits between neighbours: at a thousand guesses a second, one hit in decades
_LEAST = 4  # ids


def guessable(ids: Sequence[str]) -> str:
    """Why the ids could be guessed, in words; empty where nothing says so. Ids of the most common length are compared."""
    lengths = [len(id_) for id_ in ids]
    usual = sorted({id_ for id_ in ids if len(id_) == max(set(lengths), key=lengths.count)})
    if len(usual) < _LEAST:
        return ""
    if all(_is_of_the_clock(id_) for id_ in usual):
        return "they are UUIDs of version 1, made of the clock and the machine (RFC 9562, 5.1)"
    apart = _bits_apart(usual)
    if apart is None or apart >= _ENOUGH:
        return ""
    return f"they lie 2^{apart:.0f} apart on average"


def _bits_apart(ids: Sequence[str]) -> float | None:
    """Bits of the mean distance between neighbours, read as numbers; None where they are no numbers of one alphabet."""
    letters = {letter for id_ in ids for letter in id_ if letter not in "-_"}
    if not letters <= set(_DIGITS):
        return None
    alphabet = next(kind for kind in _alphabets() if letters <= set(kind))
    numbers = sorted(_number(id_.replace("-", "").replace("_", ""), alphabet) for id_ in ids)
    return math.log2(max(1.0, (numbers[-1] - numbers[0]) / (len(numbers) - 1)))


def _alphabets() -> tuple[str, ...]:
    """Smallest first."""
    return (
        _DIGITS[:10],
        _DIGITS[:16],
        _DIGITS[:10] + _DIGITS[36:42],
        _DIGITS[:36],
        _DIGITS[:10] + _DIGITS[36:],
        _DIGITS,
    )


def _number(text: str, digits: str) -> int:
    number = 0
    for letter in text:
        number = number * len(digits) + digits.index(letter)
    return number


def _is_of_the_clock(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 1
    except ValueError:
        return False
