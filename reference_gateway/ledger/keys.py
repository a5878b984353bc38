"""How a key is stored and checked: SHA-256(salt || key), one 16-byte salt per key.

A slow hash would add nothing: 256 random bits cannot be guessed (NIST SP 800-63B asks for plain hashing
of look-up secrets from 112 bits on), and it would hand an attacker a lever for denial of service. The
salt stops links between dumps.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32


def salted_sha256(salt: bytes, key: bytes) -> bytes:
    """SHA-256 over the salt and the whole text of the key."""
    return hashlib.sha256(salt + key).digest()


def fresh_salt() -> bytes:
    """Sixteen random bytes."""
    return secrets.token_bytes(SALT_BYTES)


@dataclass(frozen=True, slots=True)
class Hashing:
    """The two choices that make up key storage; replaced as one."""

    salt: Callable[[], bytes] = fresh_salt
    digest: Callable[[bytes, bytes], bytes] = salted_sha256


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is kept of a key, and whether it may be used."""

    key_id: int
    salt: bytes
    digest: bytes
    generation: int
    limited: bool
    usable: bool
    expires_at: int | None

    def live(self, now: int) -> bool:
        """Neither disabled nor deleted nor expired at `now` (UTC ms)."""
        return self.usable and (self.expires_at is None or now < self.expires_at)


# Stands in for an unknown key id, so that knowing ids cannot be told by time.
NOBODY: Final = Verifier(
    key_id=0,
    salt=fresh_salt(),
    digest=secrets.token_bytes(DIGEST_BYTES),
    generation=0,
    limited=True,
    usable=False,
    expires_at=None,
)


def matches(hashing: Hashing, verifier: Verifier, key: bytes) -> bool:
    """Whether `key` is the key of `verifier`, in time that does not depend on where they differ."""
    return hmac.compare_digest(hashing.digest(verifier.salt, key), verifier.digest)
