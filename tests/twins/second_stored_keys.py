"""Twins of the second gateway that store keys so that they can be recovered or guessed."""

import base64
import hashlib
import hmac
import os
import random
import secrets
from functools import partial

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import RefusalError
from tests.hosts.second_store import Key
from tests.twins import registry
from tests.twins.checks import RECOVERABLE, STRONG

twin = partial(registry.twin, host="second")


@twin("key-stored-plain", fails={RECOVERABLE, STRONG})
class KeyStoredPlain(SecondGateway):
    """Keys as they are."""

    def stored_form(self, secret: str) -> str:
        return secret

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(secret.encode(), stored.encode())


@twin("key-stored-base64", fails={RECOVERABLE, STRONG})
class KeyStoredBase64(SecondGateway):
    """Keys in base64."""

    def stored_form(self, secret: str) -> str:
        return base64.b64encode(secret.encode()).decode()

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(self.stored_form(secret), stored)


@twin("keys-are-encrypted-beside-the-key", fails={RECOVERABLE, STRONG})
class KeysAreEncryptedBesideTheKey(SecondGateway):
    """So that support can read them out."""

    def stored_form(self, secret: str) -> str:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), None)
        return "$".join(base64.b64encode(part).decode() for part in (key, nonce + sealed))

    def verify(self, secret: str, stored: str) -> bool:
        key, sealed = map(base64.b64decode, stored.split("$"))
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], None) == secret.encode()


@twin("keys-are-masked", fails={RECOVERABLE, STRONG})
class KeysAreMasked(SecondGateway):
    """Combined with bytes that stand in the program, the same for every key."""

    mask = bytes(random.Random(1).randbytes(200))

    def stored_form(self, secret: str) -> str:
        return bytes(a ^ b for a, b in zip(secret.encode(), self.mask, strict=False)).hex()

    def verify(self, secret: str, stored: str) -> bool:
        return self.stored_form(secret) == stored


class _Digest(SecondGateway):
    """`salt$digest` in hexadecimal."""

    def salt(self) -> bytes:
        return os.urandom(16)

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret).digest()

    def stored_form(self, secret: str) -> str:
        salt = self.salt()
        return f"{salt.hex()}${self.digest(salt, secret.encode()).hex()}"

    def verify(self, secret: str, stored: str) -> bool:
        salt, _, digest = stored.partition("$")
        fresh = self.digest(bytes.fromhex(salt), secret.encode())
        return hmac.compare_digest(fresh, bytes.fromhex(digest))


@twin("key-unsalted-sha256", fails={STRONG})
class KeyUnsaltedSha256(_Digest):
    """SHA-256 of the key alone."""

    def salt(self) -> bytes:
        return b""


@twin("one-salt-for-all", fails={STRONG})
class OneSaltForAll(_Digest):
    """A salt from the source code."""

    def salt(self) -> bytes:
        return b"the salt of all!"


@twin("key-md5", fails={STRONG})
class KeyMd5(_Digest):
    """Salted, with the digest of another age."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.md5(salt + secret, usedforsecurity=False).digest()


@twin("key-sha1", fails={STRONG})
class KeySha1(_Digest):
    """Salted, with a digest that is broken."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha1(salt + secret, usedforsecurity=False).digest()


@twin("key-digest-cut", fails={STRONG})
class KeyDigestCut(_Digest):
    """Salted, and cut to 64 bits."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret).digest()[:8]


@twin("key-hashed-in-part", fails={STRONG})
class KeyHashedInPart(_Digest):
    """Salted, but of the last eight characters only."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret[-8:]).digest()


@twin("key-in-the-log", fails={RECOVERABLE})
class KeyInTheLog(SecondGateway):
    """Whoever creates a key is helped by a log line."""

    def create_answer(self, key: Key, secret: str) -> dict[str, object]:
        self.log({"level": "debug", "msg": "key_created", "key": secret})
        return super().create_answer(key, secret)


@twin("refused-keys-are-logged", fails={RECOVERABLE}, about=("K3",))
class RefusedKeysAreLogged(SecondGateway):
    """What is refused is written down, so that support can see what was wrong with it."""

    def authenticate(self, secret: str) -> Key:
        try:
            return super().authenticate(secret)
        except RefusalError:
            self.log({"level": "warn", "msg": "key_refused", "key": secret})
            raise
