"""The text of an API key: `rgw_` + key id + `_` + secret + checksum, 65 characters.

The key id (64 bits, 11 base62 digits) is public and finds the row; the secret (256 bits, 43 digits) is
never looked up by value; the checksum (CRC-32 of all before it, 6 digits) rejects typos and lets
scanners drop false positives without a database.
"""

import secrets
import zlib
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "rgw_"
KEY_LENGTH: Final = 65
ID_DIGITS: Final = 11
SECRET_DIGITS: Final = 43
CHECKSUM_DIGITS: Final = 6
MAX_KEY_ID: Final = 2**63 - 1

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_ALPHABET)}
_SECRET_AT = len(PREFIX) + ID_DIGITS + 1
_CHECKSUM_AT = _SECRET_AT + SECRET_DIGITS


def to_base62(number: int, width: int) -> str:
    """`number` as exactly `width` base62 digits, most significant first."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def from_base62(text: str) -> int | None:
    """The number that base62 `text` spells, or None when a character is not a digit."""
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number * 62 + value
    return number


@dataclass(frozen=True, slots=True)
class Presented:
    """A well-formed key as a caller presented it; whether it exists is the ledger's to say."""

    key_id: int
    text: bytes

    def __repr__(self) -> str:
        return "<presented key>"


def mint(key_id: int) -> str:
    """A new key for `key_id` with 256 fresh random bits."""
    head = f"{PREFIX}{public_id(key_id)}_{to_base62(secrets.randbits(256), SECRET_DIGITS)}"
    return head + _checksum(head)


def new_key_id() -> int:
    """A random positive 63-bit id (SQLite integers are signed)."""
    return secrets.randbelow(MAX_KEY_ID) + 1


def public_id(key_id: int) -> str:
    """The public spelling of a key id."""
    return to_base62(key_id, ID_DIGITS)


def parse_public_id(text: str) -> int | None:
    """The key id that `text` spells, or None when it spells none."""
    number = from_base62(text) if len(text) == ID_DIGITS else None
    return number if number is not None and 0 < number <= MAX_KEY_ID else None


def parse(text: str) -> Presented | None:
    """A well-formed key, or None: wrong length, prefix, digits or checksum."""
    if len(text) != KEY_LENGTH or not text.startswith(PREFIX) or text[_SECRET_AT - 1] != "_":
        return None
    key_id = parse_public_id(text[len(PREFIX) : _SECRET_AT - 1])
    if key_id is None or text[_CHECKSUM_AT:] != _checksum(text[:_CHECKSUM_AT]):
        return None
    return Presented(key_id, text.encode("ascii")) if text.isascii() else None


def _checksum(head: str) -> str:
    return to_base62(zlib.crc32(head.encode()), CHECKSUM_DIGITS)
