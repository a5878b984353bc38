"""The forms in which a marker or a secret may lie in a store, as byte patterns, and how each is read back.

A form knows the bytes that the text takes whatever stands around it: for encodings that mix neighbours
(base64, base32, base85) only the interior characters, once per alignment. Its decoder turns the bytes from
the start of such a pattern into the text from its start on; the first characters may be garbage, as the
pattern implies them.
"""

import base64
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

Decoder = Callable[[bytes], bytes]

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE64_URL = BASE64[:-2] + b"-_"
BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One byte pattern of a text.

    `decode` reads the text back from up to `ahead` bytes that begin at the pattern, or, where `behind` is
    set, from the bytes that end with it. It is given the `lead` bytes before the pattern, too, or zeroes.
    """

    name: str
    pattern: bytes
    decode: Decoder
    ahead: int
    behind: bool = False
    lead: int = 0


def forms(text: str, length: int) -> tuple[Form, ...]:
    """Every form of an ASCII text; `length` is how many characters a reader wants from its start on.

    Equal patterns are listed once, under the first name.
    """
    unique: dict[bytes, Form] = {}
    for form in _all(text, length):
        unique.setdefault(form.pattern, form)
    return tuple(unique.values())


def xored(text: str, length: int) -> Iterator[Form]:
    """The text in both cases, every byte of it combined with the same other one."""
    for key in range(1, 256):
        unveil = partial(_xor, key)
        for case in dict.fromkeys((text.upper(), text.lower())):
            pattern = unveil(case.encode("ascii"))
            yield Form(name=f"xor {key:#04x}", pattern=pattern, decode=unveil, ahead=length)


def plain(text: str) -> Form:
    """The text itself, as UTF-8."""
    pattern = text.encode()
    return Form(name="raw", pattern=pattern, decode=bytes, ahead=len(pattern))


def _all(text: str, length: int) -> Iterator[Form]:
    for case in dict.fromkeys((text, text.lower(), text.upper())):
        yield from _cased(case.encode("ascii"), length)
    exact = text.encode("ascii")
    yield from _escaped(exact, length)
    yield from _mixed(exact, length)
    yield Form(
        name="capitalised", pattern=text.capitalize().encode(), decode=_squeezed, ahead=_room(length, 2)
    )


def _cased(text: bytes, length: int) -> Iterator[Form]:
    """Forms worth searching in upper, lower and original case."""
    plain = partial(Form, ahead=_room(length, 2))
    yield plain(name="raw", pattern=text, decode=_squeezed)
    yield plain(name="reversed", pattern=text[::-1], decode=_reverse, behind=True)
    yield plain(name="rot13", pattern=_rot13(text), decode=lambda found: _rot13(_squeezed(found)))
    yield Form(name="utf-16", pattern=_spread(text, 2), decode=lambda b: b[::2], ahead=_room(length, 2))
    for digits in (text.hex().encode(), text.hex().upper().encode()):
        yield Form(name="hex", pattern=digits, decode=_unhex, ahead=_room(length, 3))
    for shift in range(3):
        yield _base64(text, shift, length, BASE64)
        yield _base64(text, shift, length, BASE64_URL)


def _escaped(text: bytes, length: int) -> Iterator[Form]:
    """Forms that write each character as an escape or a number of its own."""
    for name, template, unit, radix in (
        ("percent", "%{:02X}", rb"%([0-9a-f]{2})", 16),
        ("percent", "%{:02x}", rb"%([0-9a-f]{2})", 16),
        ("percent-twice", "%25{:02X}", rb"%25([0-9a-f]{2})", 16),
        ("quoted-printable", "={:02X}", rb"=([0-9a-f]{2})", 16),
        ("x-escape", "\\x{:02x}", rb"\\x([0-9a-f]{2})", 16),
        ("u-escape", "\\u{:04x}", rb"\\u00([0-9a-f]{2})", 16),
        ("u-escape", "\\u{:04X}", rb"\\u00([0-9a-f]{2})", 16),
        ("u-escape-twice", "\\\\u{:04x}", rb"\\\\u00([0-9a-f]{2})", 16),
        ("octal", "\\{:03o}", rb"\\([0-7]{3})", 8),
        ("html-decimal", "&#{:d};", rb"&#(\d{2,3});", 10),
        ("html-hex", "&#x{:x};", rb"&#x([0-9a-f]{2});", 16),
        ("html-hex", "&#x{:X};", rb"&#x([0-9a-f]{2});", 16),
        ("spaced-hex", " {:02x}", rb"\s*([0-9a-f]{2})", 16),
        ("spaced-hex", " {:02X}", rb"\s*([0-9a-f]{2})", 16),
        ("colon-hex", ":{:02x}", rb":?([0-9a-f]{2})", 16),
        ("hex-list", ", 0x{:02x}", rb"[,\s]*0x([0-9a-f]{2})", 16),
        ("hex-list", ",0x{:02x}", rb"[,\s]*0x([0-9a-f]{2})", 16),
        ("decimal-list", ", {:d}", rb"[,\s]*(\d{2,3})", 10),
        ("decimal-list", ",{:d}", rb"[,\s]*(\d{2,3})", 10),
        ("decimal-list", " {:d}", rb"[,\s]*(\d{2,3})", 10),
        ("octal-list", " {:03o}", rb"[,\s]*([0-7]{3})", 8),
    ):
        pattern = "".join(template.format(byte) for byte in text).lstrip(" ,:").encode()
        decode = partial(_units, re.compile(unit, re.IGNORECASE), radix)
        yield Form(name=name, pattern=pattern, decode=decode, ahead=_room(length, 7))


def _mixed(text: bytes, length: int) -> Iterator[Form]:
    """Forms of fixed width or several layers."""
    yield Form(name="utf-32", pattern=_spread(text, 4), decode=lambda b: b[::4], ahead=_room(length, 4))
    yield Form(
        name="high-bit",
        pattern=bytes(byte | 0x80 for byte in text),
        decode=lambda found: bytes(byte & 0x7F for byte in found),
        ahead=_room(length, 1),
    )
    yield Form(
        name="ebcdic",
        pattern=text.decode().encode("cp037"),
        decode=lambda found: found.decode("cp037").encode("latin-1", "replace"),
        ahead=_room(length, 1),
    )
    for shift in range(5):
        pattern, lost = interior(text, shift, BASE32)
        decode = partial(bits, BASE32, lost)
        yield Form(name="base32", pattern=pattern, decode=decode, ahead=_room(length, 2))
    for shift in range(4):
        yield from _base85(text, shift, length)
    for shift in range(3):
        pattern, lost = interior(_spread(text, 2), shift, BASE64)
        wide = partial(bits, BASE64, lost)
        yield Form(
            name="base64(utf-16)", pattern=pattern, decode=_then(wide, _every_other), ahead=_room(length, 4)
        )
        inner, inner_lost = interior(text, shift, BASE64)
        for outer_shift in range(3):
            outer, outer_lost = interior(inner, outer_shift, BASE64)
            twice = _then(partial(bits, BASE64, outer_lost), partial(_bits_after_garbage, inner_lost))
            yield Form(name="base64(base64)", pattern=outer, decode=twice, ahead=_room(length, 3))


def _base64(text: bytes, shift: int, length: int, alphabet: bytes) -> Form:
    pattern, lost = interior(text, shift, alphabet)
    return Form(name="base64", pattern=pattern, decode=partial(bits, alphabet, lost), ahead=_room(length, 2))


def _base85(text: bytes, shift: int, length: int) -> Iterator[Form]:
    """Only whole groups of four bytes are regular; the reader pads what lies before the first."""
    skipped = -shift % 4
    groups = text[skipped : skipped + (len(text) - skipped) // 4 * 4]
    for name, encode, read in (
        ("base85", base64.b85encode, base64.b85decode),
        ("ascii85", base64.a85encode, base64.a85decode),
    ):
        decode = partial(_groups_of_five, read, skipped)
        yield Form(name=name, pattern=encode(groups), decode=decode, ahead=_room(length, 2))


def _room(length: int, width: int) -> int:
    """Bytes needed for `length` characters of `width` bytes each, with slack for line breaks among them."""
    return length * width + 48


def interior(text: bytes, shift: int, alphabet: bytes) -> tuple[bytes, int]:
    """The digits that a text decides alone when `shift` bytes precede it, and the bits before them."""
    width = len(alphabet).bit_length() - 1
    lost = -shift * 8 % width
    count = (len(text) * 8 - lost) // width
    number = int.from_bytes(text) >> len(text) * 8 - lost - count * width
    digits = (number >> width * place & len(alphabet) - 1 for place in reversed(range(count)))
    return bytes(alphabet[digit] for digit in digits), lost


def bits(alphabet: bytes, lost: int, found: bytes) -> bytes:
    """Read digits as bits that begin `lost` bits into the text; escapes and blanks are skipped."""
    width = len(alphabet).bit_length() - 1
    value = {digit: place for place, digit in enumerate(alphabet)}
    number = count = 0
    for digit in _unescaped(found):
        if digit not in value:
            break
        number, count = number << width | value[digit], count + 1
    size = (lost + count * width) // 8
    return (number >> lost + count * width - size * 8).to_bytes(size) if count else b""


def _bits_after_garbage(lost: int, found: bytes) -> bytes:
    return bits(BASE64, lost, b"A" + found[1:])  # the outer layer may have spoilt the first character


def _unescaped(found: bytes) -> bytes:
    text = found.replace(b"\\n", b"").replace(b"\\r", b"").replace(b"\\/", b"/")
    text = re.sub(rb"%2B", b"+", re.sub(rb"%2F", b"/", text, flags=re.IGNORECASE), flags=re.IGNORECASE)
    return text.translate(None, b" \t\r\n")


def _then(first: Decoder, second: Decoder) -> Decoder:
    return lambda found: second(first(found))


def _every_other(found: bytes) -> bytes:
    return found[::2]


def _groups_of_five(read: Decoder, skipped: int, found: bytes) -> bytes:
    digits = found.translate(None, b" \t\r\n")
    decoded = bytearray(b"?" * skipped)
    for start in range(0, len(digits), 5):
        group = _group(read, digits[start : start + 5])
        decoded += group
        if len(group) < 4:
            break
    return bytes(decoded)


def _group(read: Decoder, digits: bytes) -> bytes:
    """Four bytes from five digits, or fewer where the encoded text ends inside the group."""
    for count in range(len(digits), 1, -1):
        try:
            return read(digits[:count])
        except ValueError:  # a character outside the alphabet
            continue
    return b""


def _units(unit: re.Pattern[bytes], radix: int, found: bytes) -> bytes:
    """Consecutive escapes as bytes, up to the first thing that is none."""
    decoded = bytearray()
    position = 0
    while match := unit.match(found, position):
        decoded.append(int(match[1], radix) & 0xFF)
        position = match.end()
    return bytes(decoded)


def _unhex(found: bytes) -> bytes:
    digits = re.match(rb"(?:[0-9a-fA-F]{2})*", found.translate(None, b" \t\r\n"))
    return bytes.fromhex(digits[0].decode()) if digits else b""


def _xor(key: int, found: bytes) -> bytes:
    return bytes(byte ^ key for byte in found)


def _squeezed(found: bytes) -> bytes:
    return re.sub(rb"[^0-9A-Za-z]+", b"", found)


def _reverse(found: bytes) -> bytes:
    return _squeezed(found)[::-1]


def _rot13(text: bytes) -> bytes:
    return codecs.encode(text.decode("latin-1"), "rot13").encode("latin-1")


def _spread(text: bytes, width: int) -> bytes:
    """Characters of `width` bytes without the outermost zeroes: one pattern for both byte orders."""
    return (b"\0" * (width - 1)).join(text[i : i + 1] for i in range(len(text)))
