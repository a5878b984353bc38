"""Tokens of a record: every value in it that may be a digest or a salt, in every encoding it may be written in."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MOST = 60  # tokens of one record
_LONGEST = 512
_SPLIT = re.compile(r"[$:.|,;\s=\"'{}\[\]()]+")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){4,128}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_.-]{6,172}={0,2}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DIGEST_SIZES = frozenset({16, 20, 28, 32, 48, 64})


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
            texts += [text, *_SPLIT.split(text)]
    for text in dict.fromkeys(texts):
        for token in _readings(text):
            unique.setdefault(token.value, token)
    return tuple(unique.values())[:_MOST]


def is_digest_sized(token: Token) -> bool:
    """Whether a token decodes to as many bytes as a common digest has."""
    return token.encoding != "text" and len(token.value) in _DIGEST_SIZES


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
    if text.startswith("\\x") and _HEX.fullmatch(text[2:]):
        text = text[2:]  # PostgreSQL's bytea
    if _UUID.fullmatch(text):
        yield Token(bytes.fromhex(text.replace("-", "")), "uuid", 122)
    if _HEX.fullmatch(text):
        yield Token(bytes.fromhex(text), "hex", 4 * len(text))
    if _BASE64.fullmatch(text):
        yield from _from_base64(text)


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
