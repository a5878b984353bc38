"""The shape of keys: what all of them share, what varies, and how many bits the varying part can carry. Pure."""

import base64
import math
import string
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

_UPPER, _LOWER, _DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
# The alphabets of which secrets are made, smallest first: one that holds every letter seen is the one counted with.
ALPHABETS: dict[str, frozenset[str]] = {
    "digits": frozenset(_DIGITS),
    "hex": frozenset(_DIGITS + "abcdef"),
    "HEX": frozenset(_DIGITS + "ABCDEF"),
    "lower case": frozenset(_LOWER),
    "upper case": frozenset(_UPPER),
    "base32": frozenset(_UPPER + "234567"),
    "Crockford's base32": frozenset(_DIGITS + _UPPER) - set("ILOU"),
    "base36": frozenset(_DIGITS + _LOWER),
    "BASE36": frozenset(_DIGITS + _UPPER),
    "letters": frozenset(_UPPER + _LOWER),
    "base58": frozenset(_DIGITS + _UPPER + _LOWER) - set("0OIl"),
    "base62": frozenset(_DIGITS + _UPPER + _LOWER),
    "base64url": frozenset(_DIGITS + _UPPER + _LOWER + "-_"),
    "base64": frozenset(_DIGITS + _UPPER + _LOWER + "+/"),
    "printable": frozenset(chr(code) for code in range(33, 127)),
}
_DOUBT = (
    1e-6  # chance at which a place is thought to have fewer letters than it has, over all places of a key
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What secrets of one length have in common, in character positions from 0.

    `varying` are the positions that differ between some of them and are of no checksum and no public id; `letters` says for
    each of them how many letters stand there at most; `alphabet` is the smallest known one that holds every letter seen.
    """

    length: int
    prefix: str  # common to all
    varying: tuple[int, ...]
    letters: tuple[int, ...]
    alphabet: str
    checksum: str  # which, at the end; empty: none that is known
    public: int  # characters that stand in public ids

    def bits(self) -> dict[int, float]:
        """What each varying place can carry, at most: a key may have been given far less."""
        return {place: math.log2(count) for place, count in zip(self.varying, self.letters, strict=True)}

    @property
    def capacity(self) -> float:
        """Bits that the varying part can carry."""
        return sum(self.bits().values())


def alike(secrets: Sequence[str]) -> tuple[str, ...]:
    """Those of the most common length, in their order: numbers in base58 lose a character now and then."""
    usual, _ = Counter(map(len, secrets)).most_common(1)[0]
    return tuple(secret for secret in secrets if len(secret) == usual)


def shape(secrets: Sequence[str], public: Collection[int] = frozenset()) -> Shape:
    """The shape of at least two secrets of one length; `public` are positions that also stand in a public id."""
    checksum = checksum_of(secrets)
    end = len(secrets[0]) - next((one.size for one in _CHECKSUMS if one.name == checksum), 0)
    columns = [{secret[place] for secret in secrets} for place in range(end)]
    varying = tuple(place for place in range(end) if len(columns[place]) > 1 and place not in public)
    seen = frozenset[str]().union(*(columns[place] for place in varying))
    alphabet = next((name for name, letters in ALPHABETS.items() if seen <= letters), "printable")
    full = len(ALPHABETS[alphabet])
    return Shape(
        length=len(secrets[0]),
        prefix=_common(secrets),
        varying=varying,
        letters=tuple(_at_most(len(columns[place]), full, len(secrets), len(varying)) for place in varying),
        alphabet=alphabet,
        checksum=checksum,
        public=len(public),
    )


def checksum_of(secrets: Sequence[str]) -> str:
    """Which checksum of what stands before it ends every secret; empty: none of those that secret scanners know."""
    return next(
        (
            one.name
            for one in _CHECKSUMS
            if all(len(secret) > one.size and one.ends(secret) for secret in secrets)
        ),
        "",
    )


def sealed(text: str, like: str) -> str:
    """A text of the form of a key, with the checksum that the key `like` ends with, where that is known."""
    made = next((one for one in _CHECKSUMS if len(like) > one.size and one.ends(like)), None)
    return text if made is None else text[: -made.size] + made.of(text[: -made.size])


def _at_most(seen: int, full: int, count: int, places: int) -> int:
    """How many letters a place can have where only so many were seen in `count` secrets.

    The last digit of 32 bytes in base64 has 16, the first of a number in base58 as many as fit. Were there one more than
    said here, so few would have been seen with a probability below C(m, seen) (seen / m)^count.
    """
    most = seen
    while most < full:
        chance = math.comb(most + 1, seen) * (seen / (most + 1)) ** count
        if chance * places < _DOUBT:
            break
        most += 1
    return most


def _written(number: int, digits: str) -> str:
    letters = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        letters = digits[digit] + letters
    return letters


def _common(secrets: Sequence[str]) -> str:
    first, last = min(secrets), max(secrets)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=True)) if a != b), len(first))
    return first[:same]


def _hex(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _base64(body: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().rstrip("=")


def _base62(digits: str, separator: str) -> Callable[[str], str]:
    """Of everything before it, or of what stands behind the last separator: some leave the prefix out."""
    return lambda body: _written(
        zlib.crc32((body.rsplit(separator, 1)[-1] if separator else body).encode()), digits
    )


@dataclass(frozen=True, slots=True)
class _Checksum:
    """A way to end a key with a checksum of so many characters."""

    name: str
    size: int
    of: Callable[[str], str]

    def ends(self, secret: str) -> bool:
        """Whether it ends a secret."""
        return secret[-self.size :] == self.of(secret[: -self.size])


_CHECKSUMS = (
    *(
        _Checksum("CRC-32 in base62", 6, _base62(digits, separator))  # as GitHub and npm append it
        for digits in (_DIGITS + _UPPER + _LOWER, _DIGITS + _LOWER + _UPPER, _UPPER + _LOWER + _DIGITS)
        for separator in ("", "_", "-")
    ),
    _Checksum("CRC-32 in hex", 8, _hex),
    _Checksum("CRC-32 in base64url", 6, _base64),
)
