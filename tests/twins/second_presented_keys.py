"""Twins of the second gateway that read keys where none should be, or say too much of them, and an odd one that does not."""

import base64
import json
import threading
import unicodedata
from collections.abc import Mapping
from functools import partial
from http.cookies import SimpleCookie

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError, as_json
from tests.hosts.second_store import Key
from tests.twins import registry
from tests.twins.checks import ALIKE, CARRIER, NOTHING_BACK, WHOLE

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


class _Reading(SecondGateway):
    """The key is read from a request by a method of its own."""

    def read_key(self, call: Call) -> str:
        """The key of a caller."""
        return call.bearer

    def handle(self, call: Call, client: Client) -> Answer | None:
        if not self.is_master(call.bearer):
            call.bearer = self.read_key(call)
        return super().handle(call, client)


@twin("key-in-a-cookie", fails={CARRIER})
class KeyInACookie(_Reading):
    """For the console, whose pages call the API."""

    def read_key(self, call: Call) -> str:
        cookie = SimpleCookie(call.headers.get("Cookie", ""))
        return cookie["token"].value if "token" in cookie else call.bearer


@twin("key-in-the-body", fails={CARRIER})
class KeyInTheBody(_Reading):
    """As an old interface had it."""

    def read_key(self, call: Call) -> str:
        try:
            return str(json.loads(call.body or b"{}").get("api_key") or call.bearer)
        except ValueError:
            return call.bearer


@twin("key-in-the-path", fails={CARRIER})
class KeyInThePath(_Reading):
    """For programs that know a base URL only."""

    def read_key(self, call: Call) -> str:
        first, _, rest = call.path.removeprefix("/").partition("/")
        if not first.startswith("sk-"):
            return call.bearer
        call.path = f"/{rest}"
        return first


@twin("nul-ends-a-key", fails={WHOLE})
class NulEndsAKey(_Reading):
    """A comparison of C strings."""

    def read_key(self, call: Call) -> str:
        return call.bearer.partition("\0")[0]


@twin("what-follows-a-key-is-ignored", fails={WHOLE})
class WhatFollowsAKeyIsIgnored(_Reading):
    """As many characters are compared as keys have."""

    def read_key(self, call: Call) -> str:
        return call.bearer[:63]


@twin("look-alikes-are-normalised", fails={WHOLE})
class LookAlikesAreNormalised(_Reading):
    """Whatever comes is brought into a canonical form."""

    def read_key(self, call: Call) -> str:
        return unicodedata.normalize("NFKC", call.bearer.encode("latin-1").decode("utf-8", "replace"))


@twin("no-key-is-a-guest", fails={WHOLE})
class NoKeyIsAGuest(_Reading):
    """A default for the tests that went live."""

    def authenticate(self, secret: str) -> Key:
        keys = list(self.store.keys.values())
        return keys[0] if keys and not secret else super().authenticate(secret)


@twin("refusals-repeat-the-key", fails={NOTHING_BACK})
class RefusalsRepeatTheKey(_Reading):
    """A header for those who look for the mistake."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        seen = getattr(self._local, "bearer", "")
        more = {"X-Rejected": base64.b64encode(seen.encode()).decode()} if status == 401 and seen else {}
        return {**super().security_headers(status), **more}

    def __init__(self, config: Config) -> None:
        self._local = threading.local()
        super().__init__(config)

    def read_key(self, call: Call) -> str:
        self._local.bearer = call.bearer
        return call.bearer


@twin("suspended-keys-are-told-so", fails={ALIKE})
class SuspendedKeysAreToldSo(SecondGateway):
    """Another status for a key that is known and may not be used."""

    def authenticate(self, secret: str) -> Key:
        key = self.by_secret(secret)
        if key is not None and not self.is_alive(key):
            raise RefusalError(403)
        return super().authenticate(secret)


@variant("models-for-anybody", about=("K5",))
class ModelsForAnybody(SecondGateway):
    """The list of models is no secret."""

    def list_models(self, call: Call) -> Answer:
        common = {"object": "model", "created": 0, "owned_by": "gateway"}
        return as_json({"object": "list", "data": [{"id": name, **common} for name in self.config.models]})
