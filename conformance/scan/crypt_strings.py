"""Password hashes that carry their own settings, such as `$2b$12$…` and `$argon2id$v=19$…`, made again from a secret.

The system's libcrypt makes bcrypt, yescrypt, scrypt and those of crypt(5); argon2 (RFC 9106) comes from cryptography. What
neither can make here, or what would take too long, stays undecided.
"""

import base64
import binascii
import ctypes
import hmac
import re
from collections.abc import Callable
from functools import cache, lru_cache

from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf import argon2

CRYPT = re.compile(rb"\$(?P<name>2[abxy]|1|5|6|7|y|gy|sha1|md5)[$,][./A-Za-z0-9$=]{16,}")
ARGON2 = re.compile(
    rb"\$(?P<name>argon2(?:id|i|d))\$v=\d+\$m=(?P<memory>\d+),t=(?P<passes>\d+),p=(?P<lanes>\d+)"
    rb"\$(?P<salt>[A-Za-z0-9+/]+)\$[A-Za-z0-9+/]+"
)
PREHASHED = re.compile(
    rb"\$bcrypt-sha256\$v=2,t=(?P<kind>2[aby]),r=(?P<cost>\d+)\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<digest>[./A-Za-z0-9]{31})"
)
WEAK = frozenset({"1", "md5", "sha1"})  # made of MD5 and SHA-1

_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
_SCRATCH = 1 << 18  # bytes of crypt_r's own memory: 128 KiB in glibc, 32 KiB in libxcrypt
_MOST_COST = 14  # of bcrypt: a second
_MOST_CRYPT_ROUNDS = 1_000_000
_MOST_KIBIBYTES = 1 << 19
_MOST_PASSES = 16
_ROUNDS = re.compile(rb"\$rounds=(\d+)\$")
_COST = re.compile(rb"\$2[abxy]\$(\d\d)\$")


@lru_cache(maxsize=4096)
def made_by_crypt(stored: bytes, secret: bytes) -> bool | None:
    """Whether libcrypt makes a stored string of a secret; None: it cannot here, or would take too long."""
    crypt = _libcrypt()
    if crypt is None or b"\0" in secret or _is_slow(stored):
        return None
    made = crypt(secret, stored)
    return None if not made or made[:1] == b"*" else hmac.compare_digest(made, stored)


def made_by_argon2(match: re.Match[bytes], secret: bytes) -> bool | None:
    """Whether a secret gives an argon2 string in its common written form; None: it cannot be computed here."""
    maker = getattr(argon2, match["name"].decode().capitalize(), None)
    memory, passes = int(match["memory"]), int(match["passes"])
    if maker is None or memory > _MOST_KIBIBYTES or passes > _MOST_PASSES:
        return None
    try:
        maker.verify_phc_encoded(secret, match[0].decode())
    except InvalidKey:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    return True


def made_by_prehashed_bcrypt(match: re.Match[bytes], secret: bytes) -> bool | None:
    """Whether a secret gives passlib's bcrypt of HMAC-SHA-256, keyed with the salt's text."""
    settings = b"$%s$%s$%s" % (match["kind"], match["cost"].rjust(2, b"0"), match["salt"])
    digest = base64.b64encode(hmac.digest(match["salt"], secret, "sha256"))
    return made_by_crypt(settings + match["digest"], digest)


def salt_of(stored: bytes) -> bytes:
    """The settings of a crypt string with its salt: equal for two keys only where their salts are."""
    return stored[:29] if _COST.match(stored) else stored.rpartition(b"$")[0]


def salt_bits(stored: bytes) -> int:
    """How many bits the salt of a crypt string can carry, by its length."""
    return 128 if _COST.match(stored) else 6 * len(stored.split(b"$")[-2])


def argon2_salt(match: re.Match[bytes]) -> bytes:
    """The salt of an argon2 string."""
    text = match["salt"]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return text


def _is_slow(stored: bytes) -> bool:
    cost, rounds = _COST.match(stored), _ROUNDS.search(stored)
    if cost is not None:
        return int(cost[1]) > _MOST_COST
    return rounds is not None and int(rounds[1]) > _MOST_CRYPT_ROUNDS


@cache
def _libcrypt() -> Callable[[bytes, bytes], bytes | None] | None:
    """crypt_r of the system, as a function of a secret and settings; None where there is none."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_char_p
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        return lambda secret, settings: function(secret, settings, ctypes.create_string_buffer(_SCRATCH))
    return None
