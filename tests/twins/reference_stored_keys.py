"""Twins of the reference gateway that store keys so that they can be recovered or guessed."""

import asyncio
import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from reference_gateway.credential import public_id
from reference_gateway.ledger.accounts import Issued, NewKey
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import AccountsAround
from tests.twins.checks import RECOVERABLE, STRONG
from tests.twins.reference_ledger import write

twin = partial(registry.twin, host="reference")


def keeping(parts: Parts, kept: Callable[[str], str]) -> Parts:
    """A table beside the ledger's own that holds something made from each secret."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        opened = open_sqlite(path)
        write(path, "CREATE TABLE IF NOT EXISTS key_text (key_id INTEGER, public TEXT, value TEXT)")
        return opened

    class Keeping(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            key_id = issued.record.key_id
            row = (key_id, public_id(key_id), kept(issued.key))
            await asyncio.to_thread(write, ledger[0], "INSERT INTO key_text VALUES (?, ?, ?)", row)
            return issued

    return replace(parts, storage=storage, accounts=Keeping)


@twin("key-stored-plain", fails={RECOVERABLE})
def key_stored_plain(parts: Parts) -> Parts:
    """Keys for the support desk."""
    return keeping(parts, lambda secret: secret)


@twin("key-stored-base64", fails={RECOVERABLE})
def key_stored_base64(parts: Parts) -> Parts:
    """Keys for the support desk, encoded."""
    return keeping(parts, lambda secret: base64.b64encode(secret.encode()).decode())


@twin("keys-are-encrypted-beside-the-key", fails={RECOVERABLE})
def keys_are_encrypted_beside_the_key(parts: Parts) -> Parts:
    """A copy for the support desk, encrypted by a key that lies in the same row."""

    def sealed(secret: str) -> str:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        return f"{key.hex()}:{base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), None)).decode()}"

    return keeping(parts, sealed)


@twin("key-unsalted-sha256", fails={STRONG})
def key_unsalted_sha256(parts: Parts) -> Parts:
    """SHA-256 of the key alone."""
    return replace(parts, hashing=Hashing(salt=lambda: b""))


@twin("one-salt-for-all", fails={STRONG})
def one_salt_for_all(parts: Parts) -> Parts:
    """A salt from the configuration."""
    salt = os.urandom(16)
    return replace(parts, hashing=Hashing(salt=lambda: salt))


@twin("key-md5", fails={STRONG})
def key_md5(parts: Parts) -> Parts:
    """Salted, with the digest of another age, in hexadecimal."""

    def digest(salt: bytes, key: bytes) -> bytes:
        return hashlib.md5(salt + key, usedforsecurity=False).hexdigest().encode()

    return replace(parts, hashing=Hashing(digest=digest))
