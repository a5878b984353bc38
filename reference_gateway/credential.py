"""The text of an API key: `rgw_` + environment + `_` + key id + `_` + secret + checksum.

The environment (`live`, `test`, …) keeps a key of one deployment from being tried in another. The key id
(64 bits, 11 base62 digits) is public and finds the row; the secret (256 bits, 43 digits) is never looked
up by value; the checksum (CRC-32 of all before it, 6 digits) rejects typos and lets scanners drop false
positives without a database.
"""

import secrets
import zlib
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "rgw_"
ID_DIGITS: Final = 11
SECRET_DIGITS: Final = 43
CHECKSUM_DIGITS: Final = 6
MAX_KEY_ID: Final = 2**63 - 1

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_ALPHABET)}
_TAIL_DIGITS = SECRET_DIGITS + CHECKSUM_DIGITS


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
    """A well-formed key as a caller presented it; whether it exists is the ledger's to say.

    `tail` is its text behind the id: secret and checksum.
    """

    key_id: int
    tail: bytes

    def __repr__(self) -> str:
        return "<presented key>"


def mint(environment: str, key_id: int) -> str:
    """A new key for `key_id` with 256 fresh random bits."""
    text = head(environment, key_id) + to_base62(secrets.randbits(256), SECRET_DIGITS)
    return text + _checksum(text)


def head(environment: str, key_id: int) -> str:
    """The text of a key as far as it is public: everything before the secret."""
    return f"{label(environment, key_id)}_"


def label(environment: str, key_id: int) -> str:
    """How a key is called where its secret must not be."""
    return f"{PREFIX}{environment}_{public_id(key_id)}"


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


def parse(environment: str, text: str) -> Presented | None:
    """A well-formed key, or None: wrong length, prefix, environment, digits or checksum."""
    before = f"{PREFIX}{environment}_"
    secret_at = len(before) + ID_DIGITS + 1
    if len(text) != secret_at + _TAIL_DIGITS or not text.startswith(before) or text[secret_at - 1] != "_":
        return None
    key_id = parse_public_id(text[len(before) : secret_at - 1])
    secret, checksum = text[secret_at:-CHECKSUM_DIGITS], text[-CHECKSUM_DIGITS:]
    if key_id is None or checksum != _checksum(text[:-CHECKSUM_DIGITS]) or not secret.isascii():
        return None
    return Presented(key_id, (secret + checksum).encode("ascii"))


def _checksum(text: str) -> str:
    return to_base62(zlib.crc32(text.encode()), CHECKSUM_DIGITS)
