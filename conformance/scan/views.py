"""Views: the same bytes read another way, so that line breaks, dumps, deltas and encodings hide nothing."""

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

_BLOCK = 1 << 12
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_HEX = b"0123456789abcdefABCDEF"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_SOFT = re.compile(rb"=\r?\n")  # RFC 2045, 6.7: a soft line break
_ESCAPED = re.compile(rb"\\(?:[nr]|(?=/))")  # an escaped line break, and the backslash of an escaped solidus
# A line of hexdump, xxd or od: an offset (below 2^28 in eight digits), then groups of two to eight digits.
_DUMP = re.compile(
    rb"\n0[0-9a-fA-F]{3,15}[:h]?[ \t]+((?:[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2}){0,3}[ \t-]{1,3}){2,17})"
)
# What streamed answers are logged as: one JSON string of a few characters per event.
_DELTA = re.compile(
    rb'"(?:content|text|delta|arguments|partial_json|reasoning|reasoning_content|refusal)\\*"\s{0,2}:\s{0,2}\\*"'
    rb'((?:[^"\\\n]|\\[^"\n]){0,80})'
)


@dataclass(slots=True)
class View:
    """Bytes derived from a window, and where in the window each of them comes from."""

    name: str
    data: bytes
    locate: Callable[[int], int]


def without_blanks(window: bytes) -> View:
    """White space and soft line breaks removed: text wrapped at any column becomes whole."""
    return _transformed("unwrapped", window, _drop_blanks)


def without_breaks(window: bytes) -> View:
    """Line breaks removed, escaped ones too, so that wrapped base64 is one run."""
    return _transformed("joined", window, _drop_breaks)


def dumped(window: bytes) -> View | None:
    """The bytes that the lines of a hexadecimal dump show."""
    parts = [(match.start(1) - 1, _from_dump(match[1])) for match in _DUMP.finditer(b"\n" + window)]
    return _pieced("hexdump", parts)


def deltas(window: bytes) -> View | None:
    """The pieces of a streamed answer, joined."""
    if b"delta" not in window and b"chunk" not in window:
        return None
    return _pieced("deltas", [(match.start(1), match[1]) for match in _DELTA.finditer(window)])


def _drop_blanks(data: bytes) -> bytes:
    return _ESCAPED.sub(b"", _SOFT.sub(b"", data)).translate(None, b" \t\r\n\v\f")


def _drop_breaks(data: bytes) -> bytes:
    return _ESCAPED.sub(b"", data).translate(None, b"\r\n\0")


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
    """An encoding whose long runs are decoded: its digits, and the least run worth the work."""

    name: str
    mask: bytes  # translates digits to "a", all else to " "
    unit: int  # digits after which the phase repeats
    least: int
    decode: Callable[[bytes], bytes]


def _mask(digits: bytes) -> bytes:
    return bytes(0x61 if byte in digits else 0x20 for byte in range(256))


def _from_base64(digits: bytes) -> bytes:
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(whole.translate(_URL_SAFE) + b"=" * (-len(whole) % 4))


def _from_hex(digits: bytes) -> bytes:
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))


def _from_dump(groups: bytes) -> bytes:
    """A line's bytes. Beyond sixteen, words of the text column that look like digits may have joined them."""
    line = bytes.fromhex(groups.decode("ascii").replace("-", " "))
    return line if len(line) > 24 else line[:16]


# Shorter runs hold an atom only in a form that is searched for directly; 64 hex digits are a common digest.
BASE64 = Alphabet("base64", _mask(_BASE64), 4, 48, _from_base64)
HEX = Alphabet("hex", _mask(_HEX), 2, 70, _from_hex)


def runs(mask: bytes, least: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Every run of at least `least` digits in translated bytes from a position on, as (start, end)."""
    wanted = b"a" * least
    position = mask.find(wanted, start)
    while position >= 0:
        end = mask.find(b" ", position + least)
        end = len(mask) if end < 0 else end
        yield position, end
        position = mask.find(wanted, end)
