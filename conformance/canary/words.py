"""Words for canaries: 1,024 that sound like names and mean nothing, and 1,024 rare ones of which markers are made.

A word has six letters, two syllables from lists of 32, so that words that lost what stood between them can still
be told apart. A phrase is three rare words, the same throughout a run, and five others that spell 50 bits.
"""

import re
from collections.abc import Iterator
from functools import cache, partial

from conformance.canary.forms import Form

MARKER, PAYLOAD = 3, 5  # words
_LENGTH = 6
_BITS = 10  # of a word


def _syllables(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _syllables(
    "bal bem bor cal cor dal del dor fal fen gal gim hal jor kel lan "
    "lom mal mel mor nal nim pal pel rav rol sal sel tam tol val vim"
)
_SECOND = _syllables(
    "bec bip dak dob dus fap fid gep gob guv hib kad kef kip lub lup "
    "mib mof nad neb nup pab pog rab rud sab sof tig tob vad vup zim"
)
_RARE = _syllables(
    "jax jev jox juz kaz kix koz kuv qaz qev qix qom quv vax vix voz "
    "vuk wax wev wix woz xab xev xim xol xuv zaj zeb zik zov zuq zyx"
)
_PLACE = {
    first + second: number << 5 | other
    for number, first in enumerate(_FIRST)
    for other, second in enumerate(_SECOND)
}

_ESCAPES = re.compile(
    r"\\+u[0-9a-f]{4}|\\+[nrtbf]|%[0-9a-f]{2}|&[a-z]{2,6};|&#x?[0-9a-f]{1,5};|<[^<>]{0,80}>"
)
_ALONE = re.compile(rf"(?<![a-z])[a-z]{{{_LENGTH}}}(?![a-z])")
_BEFORE = 160  # bytes in which the first rare word lies, where the second was found
_AHEAD = 1200  # bytes in which the words of a phrase lie, with what parts them


def phrase(marker: int, payload: int) -> str:
    """The eight words of a marker of 30 bits and a payload of 50."""
    rare = (_RARE[number >> 5] + _RARE[number & 31] for number in _tens(marker, MARKER))
    common = (_FIRST[number >> 5] + _SECOND[number & 31] for number in _tens(payload, PAYLOAD))
    return " ".join((*rare, *common))


def payloads(marker: int, text: str) -> Iterator[int]:
    """What a text that begins in a phrase of this marker may spell, whatever parts its words, in any case.

    The first rare word may be missing. There are several readings where it is not clear what is an escape.
    """
    rare = phrase(marker, 0).split()[:MARKER]
    for words in dict.fromkeys(_readings(text.lower(), rare)):
        numbers = [_PLACE.get(word) for word in words]
        known = [number for number in numbers if number is not None]
        if len(known) == PAYLOAD:
            yield sum(number << _BITS * place for place, number in enumerate(reversed(known)))


@cache
def forms(marker: int) -> tuple[Form, ...]:
    """Patterns of the marker's first word and, where a line break cut that up, its second.

    What they decode to begins with the marker, or is empty: then the first word has found the phrase already.
    """
    first, second, _ = phrase(marker, 0).split()[:MARKER]
    cased = [
        Form(name="words", pattern=word.encode(), decode=decode, ahead=_AHEAD, lead=lead)
        for one, lead, decode in ((first, 0, bytes), (second, _BEFORE, partial(_unless, first.encode())))
        for word in (one, one.capitalize(), one.upper())
    ]
    wide = b"\0".join(first[at : at + 1].encode() for at in range(_LENGTH))
    return (*cased, Form(name="words", pattern=wide, decode=_narrow, ahead=2 * _AHEAD))


def _unless(first: bytes, found: bytes) -> bytes:
    return b"" if first in found[:_BEFORE].lower() else found[_BEFORE:]


def _narrow(found: bytes) -> bytes:
    return found[::2]


def _readings(text: str, rare: list[str]) -> Iterator[tuple[str, ...]]:
    """The words behind the marker: letters cut into sixes, with escapes and without; words that stand alone."""
    for mended in (text, _ESCAPES.sub(" ", text)):
        letters = re.sub("[^a-z]+", "", mended)
        yield from _behind(tuple(letters[at : at + _LENGTH] for at in range(0, 60, _LENGTH)), rare)
        yield from _behind(tuple(w for w in _ALONE.findall(mended) if w in _PLACE or w in rare), rare)


def _behind(words: tuple[str, ...], rare: list[str]) -> Iterator[tuple[str, ...]]:
    for marker in (tuple(rare), tuple(rare[1:])):
        if words[: len(marker)] == marker:
            yield words[len(marker) : len(marker) + PAYLOAD]


def _tens(number: int, count: int) -> list[int]:
    return [number >> _BITS * place & (1 << _BITS) - 1 for place in reversed(range(count))]
