"""The second gateway's keys: how they are kept, recognised, shown and ended."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime

from tests.hosts.second_http import RefusalError
from tests.hosts.second_store import Account, Key, Store, from_pico

ITERATIONS = 1000  # a secret of 256 bits cannot be guessed: the salt is what the promise is about
CREATED = ("token", "key_alias", "key_name", "max_budget", "user_id", "expires")


class Keys:
    """One small method for each thing that can be promised of a key."""

    def __init__(self, store: Store, per_usd: int) -> None:
        self.store = store
        self.per_usd = per_usd
        self._decoy = Keys.stored_form(self, secrets.token_urlsafe(32))

    def new_secret(self, token: str, alias: str | None) -> str:
        """A new key: the token that names it, and 256 random bits."""
        return f"sk-{token}-{secrets.token_urlsafe(32)}"

    def token_of(self, secret: str) -> str:
        """The token in a key."""
        return secret.partition("sk-")[2].partition("-")[0]

    def stored_form(self, secret: str) -> str:
        """What is kept of a key: PBKDF2 over a salt of its own."""
        salt = secrets.token_bytes(16)
        digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, ITERATIONS)
        return "$".join(("pbkdf2_sha256", str(ITERATIONS), _b64(salt), _b64(digest)))

    def verify(self, secret: str, stored: str) -> bool:
        """Whether a secret is the one that a stored form was made from."""
        _, iterations, salt, digest = stored.split("$")
        fresh = hashlib.pbkdf2_hmac("sha256", secret.encode(), base64.b64decode(salt), int(iterations))
        return hmac.compare_digest(fresh, base64.b64decode(digest))

    def is_alive(self, key: Key) -> bool:
        """Whether a key may be used at this moment."""
        return not key.blocked and (key.expires is None or time.time() < key.expires)

    def authenticate(self, secret: str) -> Key:
        """The key of a caller. Unknown, blocked, expired and deleted look alike, and take as long."""
        key = self.by_secret(secret)
        if key is None or not self.is_alive(key):
            raise RefusalError(401)
        return key

    def by_secret(self, secret: str) -> Key | None:
        """The key whose secret this is, alive or not."""
        key = self.store.keys.get(self.token_of(secret))
        if key is None:
            Keys.verify(self, secret, self._decoy)
            return None
        return key if self.verify(secret, key.stored) else None

    def usage_of(self, account: Account) -> int:
        """The usage to show, in pico-dollars; it follows the enforced one with a lag."""
        return account.recorded

    def create_answer(self, key: Key, secret: str) -> dict[str, object]:
        """The one answer that holds the secret."""
        row = self.describe_key(key)
        return {"key": secret, **{name: row[name] for name in CREATED}}

    def describe_key(self, key: Key) -> dict[str, object]:
        """A key as lists and infos show it, to the master key and to itself."""
        return {
            "token": key.id,
            "key_name": key.name,
            "key_alias": key.alias,
            "spend": from_pico(self.usage_of(key), self.per_usd),
            "max_budget": from_pico(key.limit, self.per_usd),
            "user_id": key.user_id,
            "blocked": key.blocked,
            "expires": None if key.expires is None else datetime.fromtimestamp(key.expires, UTC).isoformat(),
            "metadata": key.metadata,
        }

    def describe_user(self, user: Account) -> dict[str, object]:
        """A user as infos show it."""
        return {
            "user_id": user.id,
            "spend": from_pico(self.usage_of(user), self.per_usd),
            "max_budget": from_pico(user.limit, self.per_usd),
        }

    def revoke(self, key: Key, *, forget: bool) -> None:
        """End a key at once, and with it the streams that it opened."""
        with self.store.lock:
            key.blocked = True
            if forget:
                self.store.keys.pop(key.id, None)
            self.store.save()
        self.cut(key.id)

    def cut(self, token: str) -> None:
        """End the open streams of a key."""
        raise NotImplementedError


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
