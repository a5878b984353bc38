"""The clues to needles: parts of them, digits that hold them or a stream, and the beginnings of streams."""

from collections.abc import Iterable, Iterator
from itertools import product

from conformance.canary.forms import BASE64, BASE64_URL, Form, interior
from conformance.scan.carve import SPOT
from conformance.scan.magics import OPENERS, STREAMS, VALUE_END
from conformance.scan.patterns import Beginning, Clue, Digits, Event, Fragment, Needle

_PIECE = 4  # bytes: streamed answers come in pieces of about a token
_SHORT = 16  # a longer text is a secret, whose first bytes may be a prefix that many keys share
_PREFIX = 8
_LONGER = 6  # of hexadecimal digits, of which any four in a row meet everywhere: as rare as four letters
_GROUPS = (
    4,
    5,
)  # of them, shorter than that: a text cut into such is looked for by two of them and what parts them
_HALVED = 14  # bytes; halves of less would meet by chance
_SEPARATORS = (" ", "-", ".", "_", ",", "|", ":", "/", "\n", "\t", ", ", "\r\n", '","', '", "', "','", "', '")
_WRAPPED = frozenset({"base64", "base32", "hex", "utf-16", "base64(base64)", "base64(utf-16)"})
_ENCODED_AGAIN = _WRAPPED | {"raw", "reversed", "rot13", "percent", "x-escape", "u-escape", "xor"}
_HEX = frozenset(b"0123456789abcdefABCDEF")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_LEADS = (0, 2, 3)  # of the first whole base64 digit behind 0, 1 or 2 bytes, the place in its unit of four
_VALUES = (VALUE_END, b"\r\n\r\n")  # behind these a value begins: our own readers' rows, bodies of HTTP
_EVENTS = (b'"delta', b'delta\\"', b'_delta"')


def clues(needles: Iterable[Needle]) -> Iterator[Clue]:
    """All clues to some needles, and to streams in which anything may be."""
    for number, (magic, _) in enumerate(OPENERS):
        yield Beginning(magic, number)
    for before in _VALUES:
        yield Beginning(before, SPOT, len(before))
    yield from map(Event, _EVENTS)
    for stream in STREAMS:
        yield from _stream_digits(stream)
    for needle in needles:
        if not needle.bare:
            yield from _of(needle.form)


def _of(form: Form) -> Iterator[Clue]:
    if form.name == "raw":
        yield from _pieces(form.pattern)
        yield from _separated(form.pattern)
        if _piece(form.pattern) > _PIECE:
            yield from _grouped(form.pattern)
        yield from _dumped(form.pattern)
    if form.name in _WRAPPED and len(form.pattern) >= _HALVED:
        half = len(form.pattern) // 2
        yield Fragment(form.pattern[:half], 2)
        yield Fragment(form.pattern[half:], 2)
    if form.name in _ENCODED_AGAIN:
        yield from _digits(form.pattern)


def _pieces(text: bytes) -> Iterator[Fragment]:
    size = _piece(text)
    first = 0 if len(text) <= _SHORT else min(_PREFIX - size + _PIECE, len(text) - size)
    for place in range(first, len(text) - size + 1):
        yield Fragment(text[place : place + size], 1, text, place)


def _piece(text: bytes) -> int:
    """How long a piece of a text is that its neighbourhood is looked at for."""
    return _LONGER if len(text) > _SHORT and _HEX.issuperset(text[len(text) // 2 :]) else _PIECE


def _grouped(text: bytes) -> Iterator[Fragment]:
    """Two groups of characters behind the prefix, wherever the first of them begins, and what parts them."""
    for size, separator in product(_GROUPS, (*_SEPARATORS, "--", "; ")):
        for first in range(_PREFIX, _PREFIX + size):
            groups = text[first : first + size], text[first + size : first + 2 * size]
            yield Fragment(separator.encode("latin-1").join(groups), 2)


def _separated(text: bytes) -> Iterator[Fragment]:
    """Something between every two characters."""
    for separator in _SEPARATORS:
        yield Fragment(separator.join(text[:_PREFIX].decode("latin-1")).encode("latin-1"), 2)


def _dumped(text: bytes) -> Iterator[Fragment]:
    """Four bytes as dumps show them: alone, in pairs, in pairs with their bytes exchanged."""
    for place in range(0, min(len(text), _SHORT) - _PIECE + 1, 2):
        part = text[place : place + _PIECE]
        yield Fragment(part.hex(" ").encode(), 2)
        yield Fragment(part.hex(" ", -2).encode(), 2)
        yield Fragment(bytes((part[1], part[0], part[3], part[2])).hex(" ", -2).encode(), 2)
        if place + _PIECE < len(text):
            odd = text[place + 1 : place + 1 + _PIECE]
            yield Fragment(odd.hex(" ", -2).encode(), 2)


def _digits(pattern: bytes) -> Iterator[Digits]:
    for shift, alphabet in product(range(3), (BASE64, BASE64_URL)):
        yield Digits(interior(pattern, shift, alphabet)[0], "base64", _LEADS[shift], stream=False)
    for text in (pattern.hex(), pattern.hex().upper()):
        yield Digits(text.encode(), "hex", 0, stream=False)


def _stream_digits(magic: bytes) -> Iterator[Digits]:
    for text in {magic.hex(), magic.hex().upper()}:
        yield Digits(text.encode(), "hex", 0, stream=True)
        if len(magic) > 2:
            yield from (
                Digits(interior(text.encode(), s, BASE64)[0], "base64", _LEADS[s], True) for s in range(3)
            )
    for shift in range(3):
        for pattern, lead in _base64_of(magic, shift):
            yield Digits(pattern, "base64", lead, stream=True)
            yield Digits(pattern.translate(_URL_SAFE), "base64", lead, stream=True)
            if len(pattern) > 3:
                yield Digits(pattern.hex().encode(), "hex", 0, stream=True)


def _base64_of(magic: bytes, shift: int) -> Iterator[tuple[bytes, int]]:
    """At least three digits; a magic that does not decide as many alone is looked for at the beginning of a value only, with
    whatever may follow it: shorter or freer patterns meet in every image.
    """
    whole, lost = interior(magic, shift, BASE64)
    if len(whole) > 2:
        yield whole, _LEADS[shift]
    elif shift == 0:
        known = 8 * len(magic) - lost - 6 * len(whole)  # bits of the magic in the next digit
        first = (int.from_bytes(magic) & (1 << known) - 1) << 6 - known
        for free in range(1 << 6 - known):
            yield whole + BASE64[first | free :][:1], 0
