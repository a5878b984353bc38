"""Views: the same bytes read another way, so that line breaks, dumps, deltas and encodings hide nothing."""

import binascii
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

_BLOCK = 1 << 12
_STITCHED = 1 << 12  # bytes in which the pieces of one atom lie
_LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
_OTHERS = bytes(byte for byte in range(256) if byte not in _LETTERS[:-1])
_NUMBERED = re.compile(rb"[A-Za-z_]*[0-9][0-9A-Za-z_]*")  # a counter, a time, an id
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_HEX = b"0123456789abcdefABCDEF"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_SOFT = re.compile(rb"=\r?\n")  # RFC 2045, 6.7: a soft line break
_ESCAPED = re.compile(rb"\\(?:[nr]|(?=/))")  # an escaped line break, and the backslash of an escaped solidus
# A line of hexdump, xxd or od: an offset (below 2^28 in eight digits), then groups of two to eight digits.
_DUMP = re.compile(
    rb"\n0[0-9a-fA-F]{3,15}[:h]?[ \t]+((?:[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2}){0,3}(?:[ \t-]{1,3}|(?=\r?\n))){2,17})"
)
# What streamed answers are logged as: one JSON string of a few characters per event.
_DELTA = re.compile(
    rb'"(?:content|text|delta|arguments|partial_json|reasoning|reasoning_content|refusal)\\*"\s{0,2}:\s{0,2}\\*"'
    rb'((?:[^"\\\n]|\\[^"\n]){0,80})'
)
# What tells streams apart whose events were written by turns: `"id": "chatcmpl-7"`, `request_id=7`.
_OF_STREAM = re.compile(rb"[iI]d[\\\"']{0,4}\s{0,2}[:=]\s{0,2}[\\\"']{0,4}([A-Za-z0-9_.:-]{1,80})")
_LINE = 1 << 11  # bytes before and behind a piece in which the rest of its line is looked for
_MOST_IDS = 4  # of a line


@dataclass(slots=True)
class View:
    """Bytes derived from a window, and where in the window each of them comes from."""

    name: str
    data: bytes
    locate: Callable[[int], int]


def without_blanks(window: bytes) -> View:
    """White space and soft line breaks removed: text wrapped at any column becomes whole."""
    return _transformed("unwrapped", window, _drop_blanks)


def dumped(window: bytes) -> View | None:
    """The bytes that the lines of a hexadecimal dump show."""
    parts = [(match.start(1) - 1, _from_dump(match[1])) for match in _DUMP.finditer(b"\n" + window)]
    return _pieced("hexdump", parts)


def exchanged(window: bytes) -> View | None:
    """The same with the bytes of each pair exchanged, as `hexdump` and `od -x` print them on most machines."""
    view = dumped(window)
    return View("hexdump", _swapped(view.data), view.locate) if view else None


def deltas(window: bytes) -> View | None:
    """The pieces of a streamed answer, joined."""
    return _pieced("deltas", [(match.start(1), match[1]) for match in _DELTA.finditer(window)])


def streams(window: bytes) -> list[View]:
    """The pieces of streams that were written by turns, sorted by the first id of their lines, by the second and so on."""
    pieces = [(match.start(1), match[1]) for match in _DELTA.finditer(window)]
    sorts: list[defaultdict[bytes, list[tuple[int, bytes]]]] = [defaultdict(list) for _ in range(_MOST_IDS)]
    for piece in pieces:
        for sort, value in zip(sorts, _OF_STREAM.findall(_line(window, piece[0])), strict=False):
            sort[value].append(piece)
    joined = (
        [piece for stream in sort.values() for piece in stream]
        for sort in sorts
        if 1 < len(sort) < len(pieces)
    )
    return [view for parts in joined if (view := _pieced("streams", parts))]


def _line(window: bytes, position: int) -> bytes:
    """The line that a position lies in, or as much of it as is near."""
    begin = window.rfind(b"\n", max(0, position - _LINE), position) + 1
    end = window.find(b"\n", position, position + _LINE)
    return window[begin or max(0, position - _LINE) : end if end >= 0 else position + _LINE]


def squeezed(window: bytes) -> View:
    """Letters and digits only."""
    return _transformed("squeezed", window, lambda data: data.translate(None, _OTHERS))


def stitched(window: bytes, begin: int, gap: bytes) -> View | None:
    """What lies from a place on, without the gap that parts the pieces, whatever numbers stand in it."""
    shape = b"".join(_NUMBERED.sub(rb"[0-9A-Za-z_]+?", part) for part in _escaped(gap))
    if not gap.strip(_LETTERS) and _NUMBERED.search(gap):
        return None  # nothing of it is fixed
    parts, position = [], begin
    for match in re.finditer(shape, window[begin : begin + _STITCHED], re.DOTALL):
        parts.append((position, window[position : begin + match.start()]))
        position = begin + match.end()
    return _pieced("stitched", [*parts, (position, window[position : begin + _STITCHED])])


def drop_breaks(data: bytes) -> bytes:
    """Without line breaks, escaped ones too, so that wrapped digits are one run."""
    return _ESCAPED.sub(b"", data).translate(None, b"\r\n\0")


def _escaped(gap: bytes) -> list[bytes]:
    """The gap in parts: numbered words as they are, what is between them escaped."""
    parts, position = [], 0
    for match in _NUMBERED.finditer(gap):
        parts += [re.escape(gap[position : match.start()]), match[0]]
        position = match.end()
    return [*parts, re.escape(gap[position:])]


def _swapped(data: bytes) -> bytes:
    even = data[: len(data) // 2 * 2]
    out = bytearray(len(even))
    out[::2], out[1::2] = even[1::2], even[::2]
    return bytes(out)


def _drop_blanks(data: bytes) -> bytes:
    return _ESCAPED.sub(b"", _SOFT.sub(b"", data)).translate(None, b" \t\r\n\v\f")


def _transformed(name: str, window: bytes, transform: Callable[[bytes], bytes]) -> View:
    return View(name, transform(window), _Places(window, transform).locate)


@dataclass(slots=True)
class _Places:
    """Turns positions of a view into positions of its window; the table is made when first asked for."""

    window: bytes
    transform: Callable[[bytes], bytes]
    ends: list[int] = field(default_factory=list)  # length of the view behind each block

    def locate(self, position: int) -> int:
        """The first byte of the window that the view's byte may come from, to within 16 bytes."""
        if not self.ends:
            starts = range(0, len(self.window), _BLOCK)
            self.ends = list(accumulate(len(self.transform(self.window[s : s + _BLOCK])) for s in starts))
        block = bisect_right(self.ends, position)
        rest = position - (self.ends[block - 1] if block else 0)
        low, high = block * _BLOCK, min((block + 1) * _BLOCK, len(self.window))
        start = low
        while high - low > 1:
            middle = (low + high) // 2
            if len(self.transform(self.window[start:middle])) > rest:
                high = middle
            else:
                low = middle
        return low


def _pieced(name: str, parts: list[tuple[int, bytes]]) -> View | None:
    if not parts:
        return None
    starts = [0, *accumulate(len(part) for _, part in parts)]

    def locate(position: int) -> int:
        return parts[min(bisect_right(starts, position), len(parts)) - 1][0]

    return View(name, b"".join(part for _, part in parts), locate)


@dataclass(frozen=True, slots=True)
class Alphabet:
    """An encoding whose runs of digits are decoded."""

    name: str
    digits: bytes
    unit: int  # digits after which the phase repeats
    run: re.Pattern[bytes]
    glance: re.Pattern[bytes]  # the least that is worth a look, line breaks among it
    decode: Callable[[bytes], bytes]


def _from_base64(digits: bytes) -> bytes:
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(whole.translate(_URL_SAFE) + b"=" * (-len(whole) % 4))


def _from_hex(digits: bytes) -> bytes:
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))


def _from_dump(groups: bytes) -> bytes:
    """A line's bytes. Beyond sixteen, words of the text column that look like digits may have joined them."""
    line = bytes.fromhex(groups.decode("ascii").replace("-", " "))
    return line if len(line) > 24 else line[:16]


ALPHABETS = {
    "base64": Alphabet(
        "base64",
        _BASE64,
        4,
        re.compile(rb"[A-Za-z0-9+/_-]*"),
        re.compile(rb"[A-Za-z0-9+/_\r\n\0\\-]{24}"),
        _from_base64,
    ),
    "hex": Alphabet(
        "hex", _HEX, 2, re.compile(rb"[0-9A-Fa-f]*"), re.compile(rb"[0-9A-Fa-f\r\n\0]{24}"), _from_hex
    ),
}
