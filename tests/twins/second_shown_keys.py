"""Twins of the second gateway that show secrets again."""

from collections.abc import Mapping
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_store import Key
from tests.twins import registry
from tests.twins.checks import SHOWN_ONCE

twin = partial(registry.twin, host="second")


class _Remembering(SecondGateway):
    """Every view of a key with more fields, made from its secret."""

    def shown(self, secret: str) -> Mapping[str, object]:
        raise NotImplementedError

    def create_answer(self, key: Key, secret: str) -> dict[str, object]:
        self._secrets = {**getattr(self, "_secrets", {}), key.id: secret}
        return super().create_answer(key, secret)

    def describe_key(self, key: Key) -> dict[str, object]:
        secret = getattr(self, "_secrets", {}).get(key.id)
        return super().describe_key(key) | dict(self.shown(secret) if secret else {})


@twin("secret-in-listing", fails={SHOWN_ONCE})
class SecretInListing(_Remembering):
    """The secret beside each key."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"key": secret}


@twin("most-of-secret-in-listing", fails={SHOWN_ONCE})
class MostOfSecretInListing(_Remembering):
    """A mask that hides the middle only: what is left could be guessed."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"key_name": f"{secret[:40]}...{secret[-10:]}"}


@twin("secret-in-errors", fails={SHOWN_ONCE})
class SecretInUpdates(_Remembering):
    """The secret in answers to changes, for the support desk."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"metadata": {"key": secret}}
