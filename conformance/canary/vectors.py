"""Canaries as embeddings: vectors of 16 components, of which nine are the run's and seven say which canary.

A component is an odd number of 128ths between -1 and 1: seven bits that floating point of 16 bits (both kinds),
32 and 64 keeps exactly and prints alike. The run's nine are a pattern of 63 bits in whatever a vector is stored as.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from functools import cache, partial

from conformance.canary.forms import BASE64, Decoder, Form, bits, interior

DIMENSIONS = 16
MARKER_BITS, PAYLOAD_BITS = 63, 49
_MARKER = 9  # components
_BITS = 7
_SEVEN_DIGITS = 0.1
_NUMBER = re.compile(rb"-?0\.\d{7}(?!\d)")
_AHEAD = 1200


def direction(noise: Iterator[int]) -> int:
    """The marker of a run, from random integers: its first component has seven digits, so that it is rare in text."""
    markers = (number % (1 << MARKER_BITS) for number in noise)
    return next(marker for marker in markers if abs(vector(marker, 0)[0]) > _SEVEN_DIGITS)


def vector(marker: int, payload: int) -> tuple[float, ...]:
    """The components of a marker of 63 bits and a payload of 49."""
    number = marker << PAYLOAD_BITS | payload
    return tuple((2 * (number >> _BITS * place & 127) - 127) / 128 for place in reversed(range(DIMENSIONS)))


def payload_of(marker: int, components: Sequence[float]) -> int | None:
    """The payload of a vector that begins with this marker, or None."""
    number = 0
    for component in components[:DIMENSIONS]:
        if not -1 < component < 1:  # or none at all
            return None
        value = round(component * 128)
        if value != component * 128 or not value % 2:
            return None
        number = number << _BITS | (value + 127) // 2
    ours = len(components) >= DIMENSIONS and number >> PAYLOAD_BITS == marker
    return number & (1 << PAYLOAD_BITS) - 1 if ours else None


@cache
def forms(marker: int) -> tuple[Form, ...]:
    """Patterns of the marker's components. They decode to 16 numbers of 64 bits, little endian, or to less."""
    run = vector(marker, 0)[:_MARKER]
    single = struct.pack(f"<{_MARKER}f", *run)
    ways: list[tuple[str, bytes, Decoder]] = [
        ("float32", single, partial(_packed, "f")),
        ("float64", struct.pack(f"<{_MARKER}d", *run), partial(_packed, "d")),
        ("float16", struct.pack(f"<{_MARKER}e", *run), partial(_packed, "e")),
        ("bfloat16", b"".join(_halves(single)), _brain),
    ]
    ways.append(("text", repr(run[0]).encode(), _text))  # 7 digits: what parts the numbers is not known
    for shift in range(3):
        digits, lost = interior(single, shift, BASE64)
        ways.append(("base64", digits, partial(_base64, single, lost)))
    return tuple(_form(name, pattern, decode) for name, pattern, decode in ways)


def _form(name: str, whole: bytes, decode: Decoder) -> Form:
    """A pattern without its beginning, which zeroes and every number share: engines look for the first bytes first."""
    begin = whole[: len(whole) - len(whole.lstrip(b"-0.\0"))]
    read = partial(_behind, begin, decode)
    return Form(name=f"vector as {name}", pattern=whole[len(begin) :], decode=read, ahead=_AHEAD)


def _behind(begin: bytes, decode: Decoder, found: bytes) -> bytes:
    return decode(begin + found)


def _packed(kind: str, found: bytes) -> bytes:
    layout = struct.Struct(f"<{DIMENSIONS}{kind}")
    return _doubles(layout.unpack_from(found)) if len(found) >= layout.size else b""


def _brain(found: bytes) -> bytes:
    """The upper halves of 32-bit numbers."""
    halves = (b"\0\0" + found[at : at + 2] for at in range(0, 2 * DIMENSIONS, 2))
    return _packed("f", b"".join(halves))


def _halves(single: bytes) -> Iterator[bytes]:
    return (single[at + 2 : at + 4] for at in range(0, len(single), 4))


def _base64(marker: bytes, lost: int, found: bytes) -> bytes:
    """Of 32-bit numbers; the pattern implies the marker's first bits."""
    return _packed("f", marker + bits(BASE64, lost, found)[len(marker) :])


def _text(found: bytes) -> bytes:
    return _doubles([float(number) for number in _NUMBER.findall(found)[:DIMENSIONS]])


def _doubles(components: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(components)}d", *components)
