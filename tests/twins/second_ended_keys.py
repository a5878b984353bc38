"""Twins of the second gateway on which keys outlive their end, or have no limit."""

import secrets
import time
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, as_json
from tests.hosts.second_store import Key
from tests.twins import registry
from tests.twins.checks import ENDED, EVERYWHERE, EXPIRED

twin = partial(registry.twin, host="second")


@twin("revocation-cached", fails={ENDED, EXPIRED})
class RevocationCached(SecondGateway):
    """A cache of good keys that no revocation reaches."""

    cache_seconds = 5.0

    def authenticate(self, secret: str) -> Key:
        cache: dict[str, tuple[float, Key]] = self.__dict__.setdefault("_cache", {})
        at, key = cache.get(secret, (0.0, None))
        if key is not None and time.monotonic() - at < self.cache_seconds:
            return key
        fresh = super().authenticate(secret)
        cache[secret] = time.monotonic(), fresh
        return fresh

    def is_alive(self, key: Key) -> bool:
        cache: dict[str, tuple[float, Key]] = self.__dict__.get("_cache", {})
        known = any(key is kept and time.monotonic() - at < self.cache_seconds for at, kept in cache.values())
        return known or super().is_alive(key)

    def cut(self, token: str) -> None:
        return


@twin("revocation-a-second-late", fails={ENDED})
class RevocationASecondLate(RevocationCached):
    """The same cache, kept for less than a second: longer than declared all the same."""

    cache_seconds = 0.8


@twin("disable-ignored", fails={ENDED, EXPIRED})
class DisableIgnored(SecondGateway):
    """Blocking is noted and not looked at; deletion works."""

    def is_alive(self, key: Key) -> bool:
        return key.id in self.store.keys

    def cut(self, token: str) -> None:
        return


@twin("ended-keys-embed", fails={ENDED, EVERYWHERE, EXPIRED}, inference=("embeddings",))
class EndedKeysEmbed(SecondGateway):
    """A route of another team, which asks whose a key is and not how it is."""

    def handle(self, call: Call, client: Client) -> Answer | None:
        key = self.by_secret(call.bearer) if call.path == "/v1/embeddings" else None
        if key is None or self.is_alive(key):
            return super().handle(call, client)
        return as_json({"object": "list", "data": []})


@twin(
    "a-key-without-a-limit",
    fails={"keys.existing-keys-have-limits"},
    claims={"made": ["K1", "K6"]},
    about=("K1",),
)
class AKeyWithoutALimit(SecondGateway):
    """Somebody's key from before there were limits."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        form = self.stored_form(secrets.token_urlsafe(32))
        self.store.keys["0123456789abcdef"] = Key("0123456789abcdef", stored=form, alias="batch jobs")
