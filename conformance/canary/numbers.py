"""Canaries as numbers of 15 digits.

    6042117  00009512
    run      95 x sequence + check, here 100 and 12

They stay below 2^50, so that JavaScript and floating point keep them whole, and above 2^49. A run's numbers share
all bits above the 28th, so that a pattern of four bytes leads to them however they are stored.

How seldom others are taken for one: of the 9 x 10^14 integers of 15 digits there is one for each canary issued, so
that with 10,000 canaries one of 9 x 10^10 foreign integers of that size is. Eight random bytes are one with a chance
of 10,000 / 2^64; in 2 GB of them, read in five ways at each place, one is found once in 170,000 runs.
"""

import re
import struct
from collections.abc import Callable, Iterator
from functools import cache

from conformance.canary.forms import Form

CHECKS = 95
_SPAN = 10**8  # a run's numbers; more than 2^20 x 95
_LEAST = 2**49 // _SPAN + 1  # of the first seven digits
_ALIKE = 28  # the bits below are the canary's
_HEX = b"0123456789abcdefABCDEF"
_ZEROES = 6  # before a hexadecimal number, and its `0x`


def first_digits(noise: Iterator[int]) -> int:
    """The first seven digits of a run's numbers, from random integers."""
    return next(first for number in noise if _straight(first := _LEAST + number % (10**7 - _LEAST)))


def number(first: int, sequence: int, check: int) -> int:
    """The number of a canary; `check` is below `CHECKS`, `sequence` below 2^20."""
    return first * _SPAN + sequence * CHECKS + check


def parts(first: int, written: int) -> tuple[int, int] | None:
    """Sequence and check of a number, or None: not one of this run."""
    digits, rest = divmod(written, _SPAN)
    return divmod(rest, CHECKS) if digits == first else None


@cache
def forms(first: int) -> tuple[Form, ...]:
    """Patterns of what is the same in all numbers of a run. They decode to decimal digits, or to nothing."""
    common = first * _SPAN >> _ALIKE
    whole = common << _ALIKE
    little, big = whole.to_bytes(8, "little"), whole.to_bytes(8)
    floating = struct.pack(">d", float(whole))
    digits = f"{common:x}"
    varint = _varint(whole)
    return (
        Form(name="number as decimal", pattern=str(first).encode(), decode=_decimal, ahead=16, lead=1),
        *(
            Form(name="number as hex", pattern=text.encode(), decode=_hexadecimal, ahead=14, lead=_ZEROES)
            for text in dict.fromkeys((digits, digits.upper()))
        ),
        Form(name="number as int64", pattern=little[4:], decode=_packed("<q"), ahead=4, lead=4),
        Form(name="number as int64, big endian", pattern=big[:4], decode=_packed(">q"), ahead=8),
        Form(name="number as float64", pattern=floating[3::-1], decode=_packed("<d"), ahead=4, lead=4),
        Form(name="number as float64, big endian", pattern=floating[:4], decode=_packed(">d"), ahead=8),
        Form(name="number as varint", pattern=varint[4:], decode=_from_varint, ahead=4, lead=4),
    )


def _straight(first: int) -> bool:
    """Whether all numbers with these first digits share the bits above the 28th."""
    return first * _SPAN >> _ALIKE == (first * _SPAN + _SPAN - 1) >> _ALIKE


def _decimal(found: bytes) -> bytes:
    """Neither digits around it nor a decimal point before: no part of a longer number."""
    match = re.match(rb"[^\d.](\d{15})(?!\d)", found)
    return match[1] if match else b""


def _hexadecimal(found: bytes) -> bytes:
    before, digits, after = found[:_ZEROES].rstrip(b"0"), found[_ZEROES:][:13], found[_ZEROES + 13 :]
    if len(digits) < 13 or digits.strip(_HEX) or not before or before[-1] in _HEX or after[:1] in _digit():
        return b""
    return b"%d" % int(digits, 16)


@cache
def _digit() -> frozenset[bytes]:
    return frozenset(_HEX[at : at + 1] for at in range(len(_HEX)))


def _packed(layout: str) -> Callable[[bytes], bytes]:
    def decode(found: bytes) -> bytes:
        if len(found) < 8:
            return b""
        (value,) = struct.unpack(layout, found[:8])
        return b"%d" % int(value) if value == int(value) else b""  # the pattern fixes the exponent

    return decode


def _from_varint(found: bytes) -> bytes:
    """Groups of seven bits, the lowest first; all but the last are marked (Protocol Buffers, "Encoding")."""
    if len(found) < 8 or any(byte < 0x80 for byte in found[:7]):
        return b""
    return b"%d" % sum((byte & 0x7F) << 7 * place for place, byte in enumerate(found[:8]))


def _varint(value: int) -> bytes:
    groups = [value >> 7 * place & 0x7F for place in range(8)]
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])
