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

from reference_gateway import credential
from reference_gateway.ledger.wire import Endpoint

SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32
ANY_ENDPOINT: Final = 0xFF


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


def endpoint_mask(endpoints: frozenset[Endpoint] | None) -> int:
    """One bit for each endpoint that a key is for; None is every endpoint, later ones included."""
    return ANY_ENDPOINT if endpoints is None else sum(1 << endpoint for endpoint in endpoints)


def endpoints_of(mask: int) -> frozenset[Endpoint] | None:
    """What `endpoint_mask` was made of."""
    if mask == ANY_ENDPOINT:
        return None
    return frozenset(endpoint for endpoint in Endpoint if mask & 1 << endpoint)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is kept of a key, and whether it may be used. `limited` and `usable` count its account in."""

    key_id: int
    salt: bytes
    digest: bytes
    generation: int
    limited: bool
    usable: bool
    expires_at: int | None
    endpoints: int = ANY_ENDPOINT

    def live(self, now: int) -> bool:
        """Neither disabled nor deleted nor expired at `now` (UTC ms)."""
        return self.usable and (self.expires_at is None or now < self.expires_at)

    def is_for(self, endpoint: Endpoint) -> bool:
        """Whether the key's scope has this endpoint."""
        return bool(self.endpoints & 1 << endpoint)


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


class Register:
    """The verifiers of all keys, in memory. What a caller proves is the part of a key behind its id."""

    def __init__(self, hashing: Hashing, environment: str) -> None:
        self._hashing = hashing
        self._environment = environment
        self._known: dict[int, tuple[bytes, Verifier]] = {}
        self._nobody = self._headed(NOBODY)

    def put(self, verifier: Verifier) -> None:
        """From now on this is what is known of its key."""
        self._known[verifier.key_id] = self._headed(verifier)

    def drop(self, key_id: int) -> None:
        """The key is unknown from now on."""
        self._known.pop(key_id, None)

    def prove(self, key_id: int, tail: bytes) -> Verifier | None:
        """The verifier of a key that was rightly presented; whether it may be used is not asked here."""
        head, verifier = self._known.get(key_id, self._nobody)
        return verifier if matches(self._hashing, verifier, head + tail) else None

    def _headed(self, verifier: Verifier) -> tuple[bytes, Verifier]:
        return credential.head(self._environment, verifier.key_id).encode(), verifier
