"""Tokens of a record: every value in it that may be a digest or a salt, in every encoding it may be written in."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_MOST = 60  # tokens of one record
_MOST_PIECES = 40  # further ones, cut out of those
_LONGEST = 2048
_SPLIT = re.compile(r"[$:.|,;\s=\"'{}\[\]()]+")
_FINER = re.compile(
    r"[^A-Za-z0-9+=]+"
)  # marks that are digits of base64, too, and stand between values elsewhere
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){4,512}")
_MARKED = re.compile(
    r"(?:\\{1,2}x|0[xX]|[xX]'?)((?:[0-9a-fA-F]{2}){4,512})'?"
)  # bytea, also in a dump; C; SQL
_SURELY_HEX = 32  # digits that no value in another alphabet is all made of
_HEX_APART = re.compile(r"[0-9a-fA-F]{2}([ :-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){6,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_.-]{6,680}={0,2}")
_BASE32 = re.compile(r"(?:[A-Z2-7]{16,}|[a-z2-7]{16,})=*")
_BASE32_HEX = re.compile(r"(?:[0-9A-V]{16,}|[0-9a-v]{16,})=*")
_BASE58 = re.compile(r"[1-9A-HJ-NP-Za-km-z]{20,100}")
_DIGITS58 = {digit: n for n, digit in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SEVERAL = re.compile(rb"\A[\x20-\x7e\s]{16,}\Z")
_NUMBER = re.compile(r"-?[0-9]{15,400}")
_NUMBERS = re.compile(r"\[?\s*\d{1,3}(?:\s*,\s*\d{1,3}){7,}\s*\]?")
_DIGEST_SIZES = frozenset({16, 20, 28, 32, 48, 64})
_JOINED = (32, 64, 48, 20, 16)  # bytes of a digest before or behind which its salt may stand
_PIECE = "a part of "
_SALT_BESIDE = range(4, 33)


@dataclass(frozen=True, slots=True)
class Token:
    """A value as bytes, how it was written, the text it stood as, and how many bits it can carry."""

    value: bytes
    encoding: str
    bits: int


def tokens(fields: Iterable[bytes]) -> tuple[Token, ...]:
    """The tokens of a record's fields, each value once: whole fields first, then their parts."""
    unique: dict[bytes, Token] = {}
    texts: list[str] = []
    for field in fields:
        if not 0 < len(field) <= _LONGEST:
            continue
        text = _text(field)
        if text is None:
            unique.setdefault(field, Token(field, "raw", 8 * len(field)))
        else:
            texts += [text, *_SPLIT.split(text), *(part for part in _FINER.split(text) if len(part) >= 8)]
    for text in dict.fromkeys(texts):
        for token in _readings(text):
            unique.setdefault(token.value, token)
            for inner in _inside(token):
                unique.setdefault(inner.value, inner)
    whole = tuple(unique.values())[:_MOST]
    pieces = {piece.value: piece for token in whole for piece in _pieces(token) if piece.value not in unique}
    return (*whole, *tuple(pieces.values())[:_MOST_PIECES])


def is_digest_sized(token: Token) -> bool:
    """Whether a token decodes to as many bytes as a common digest has."""
    return token.encoding != "text" and len(token.value) in _DIGEST_SIZES


def is_piece(token: Token) -> bool:
    """Whether a token is only a part of another one."""
    return token.encoding.startswith(_PIECE)


def _text(field: bytes) -> str | None:
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() or not any(ord(c) < 32 and c not in "\t\r\n" for c in text) else None


def _readings(text: str) -> Iterator[Token]:
    if not text:
        return
    yield Token(text.encode(), "text", _bits(text))
    if marked := _MARKED.fullmatch(text):
        text = marked[1]
    if _UUID.fullmatch(text):
        yield Token(bytes.fromhex(text.replace("-", "")), "uuid", 122)
    if _HEX.fullmatch(text):
        yield from _twice(Token(bytes.fromhex(text), "hex", 4 * len(text)))
        if len(text) >= _SURELY_HEX and not text.isdigit():
            return
    elif _HEX.fullmatch(text[:-1]):
        yield Token(bytes.fromhex(text[:-1]), "hex", 4 * len(text) - 4)  # an odd number of digits
    if _BASE64.fullmatch(text):
        yield from (twice for token in _from_base64(text) for twice in _twice(token))
    yield from _rarer(text)


def _rarer(text: str) -> Iterator[Token]:
    """Base32, base58, hexadecimal digits in pairs, and numbers."""
    if _BASE32.fullmatch(text):
        yield from _from_base32(text.upper().rstrip("="), base64.b32decode)
    if _BASE32_HEX.fullmatch(text):
        yield from _from_base32(text.upper().rstrip("="), base64.b32hexdecode)
    if _BASE58.fullmatch(text):
        number = 0
        for digit in text:
            number = number * 58 + _DIGITS58[digit]
        yield _of_number(number, "base58")
    if _HEX_APART.fullmatch(text):
        yield Token(bytes.fromhex(re.sub("[ :-]", "", text)), "hex in pairs", 8 * ((len(text) + 1) // 3))
    if _NUMBER.fullmatch(text):
        yield _of_number(int(text), "a decimal number")
    if _NUMBERS.fullmatch(text):
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if max(numbers) < 256:
            yield Token(bytes(numbers), "a list of bytes", 8 * len(numbers))


def _of_number(number: int, encoding: str) -> Token:
    """A number as bytes, big-endian, of the next size of a digest at most one byte away, since leading zeroes are not written."""
    signed = number < 0
    least = 8 if signed else max(1, (number.bit_length() + 7) // 8)
    size = next((size for size in (8, *sorted(_DIGEST_SIZES)) if size - 1 <= least <= size), least)
    try:
        value = number.to_bytes(size, signed=signed)
    except OverflowError:
        value = str(number).encode()
    return Token(value, encoding, 8 * len(value))


def _inside(token: Token) -> Iterator[Token]:
    """What stands in a text that is written in hexadecimal or base64: a document, or several values."""
    if token.encoding == "text" or not token.value.isascii() or not _SEVERAL.search(token.value):
        return
    for part in dict.fromkeys(_SPLIT.split(token.value.decode("ascii"))):
        if len(part) >= 6:
            yield from (Token(t.value, f"{t.encoding} in {token.encoding}", t.bits) for t in _readings(part))


def _twice(token: Token) -> Iterator[Token]:
    """A token, and what it holds where that is written in hexadecimal or base64 once more."""
    yield token
    text = token.value.decode("ascii") if token.value.isascii() else ""
    if _HEX.fullmatch(text):
        yield Token(bytes.fromhex(text), f"hex in {token.encoding}", 4 * len(text))
    elif len(text) >= 20 and _BASE64.fullmatch(text):
        yield from (
            Token(inner.value, f"base64 in {token.encoding}", inner.bits) for inner in _from_base64(text)
        )


def _pieces(token: Token) -> Iterator[Token]:
    """A salt and a digest that are written as one value, the salt in front or behind."""
    if token.encoding == "text":
        return
    for size in _JOINED:
        if len(token.value) - size in _SALT_BESIDE:
            for part in (
                token.value[:size],
                token.value[size:],
                token.value[-size:],
                token.value[:-size],
            ):
                yield Token(part, f"{_PIECE}{token.encoding}", 8 * len(part))
                if token.encoding == "hex" and len(part) != size:
                    yield Token(part.hex().encode(), f"{_PIECE}hex, its digits", 8 * len(part))


def _from_base32(digits: str, decode: Callable[[str], bytes]) -> Iterator[Token]:
    try:
        value = decode(digits + "=" * (-len(digits) % 8))
    except binascii.Error:
        return
    yield Token(value, "base32", 8 * len(value))


def _from_base64(text: str) -> Iterator[Token]:
    """Standard, URL-safe and passlib's alphabet, with or without padding."""
    digits = text.rstrip("=").replace("-", "+").replace("_", "/").replace(".", "+")
    if len(digits) % 4 == 1:
        return
    try:
        value = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        return
    yield Token(value, "base64", 8 * len(value))


def _bits(text: str) -> int:
    """Upper bound of what a text can carry: by the smallest common alphabet that holds it."""
    if text.isdigit():
        return int(len(text) * 3.33)
    if all(c in "0123456789abcdefABCDEF-" for c in text):
        return 4 * len(text.replace("-", ""))
    return 6 * len(text)
