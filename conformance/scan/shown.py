"""How much of a secret a text shows. Pure."""

import math
import re
from collections.abc import Iterable

_SHORTEST = 5  # shorter runs meet by chance: 4 of 62 letters do so once in 15 million places


def shown(secret: str, text: str, known: frozenset[int] = frozenset()) -> frozenset[int]:
    """Positions of the secret that stand in the text as part of a run of at least five; `known` ones do not count."""
    found: set[int] = set()
    for start in range(len(secret) - _SHORTEST + 1):
        if secret[start : start + _SHORTEST] in text:
            found |= set(range(start, start + _SHORTEST))
    return frozenset(found - known)


def public_positions(secret: str, others: Iterable[str], identifiers: Iterable[str]) -> frozenset[int]:
    """Positions of a secret that are public by design: the prefix shared with other keys, and public ids written into it."""
    prefix = min((_shared_prefix(secret, other) for other in others), default=0)
    positions = set(range(prefix))
    for identifier in identifiers:
        if len(identifier) >= _SHORTEST and identifier != secret:
            for match in re.finditer(re.escape(identifier), secret):
                positions |= set(range(*match.span()))
    return frozenset(positions)


def bits_per_character(secrets: Iterable[str]) -> float:
    """What one character of a random secret is worth, by the smallest usual alphabet that holds them all."""
    letters = set("".join(secrets))
    for alphabet in ("0123456789", "0123456789abcdef", "0123456789ABCDEF"):
        if letters <= set(alphabet):
            return math.log2(len(alphabet))
    if letters <= set("abcdefghijklmnopqrstuvwxyz0123456789") or letters <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    ):
        return math.log2(36)
    return math.log2(62)  # base62; base64's 64 symbols are worth hardly more


def _shared_prefix(one: str, other: str) -> int:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
