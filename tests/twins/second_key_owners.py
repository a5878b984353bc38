"""The second gateway with users who can be removed, and with keys that can be given new secrets."""

import json
from collections.abc import Callable
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, RefusalError, as_json
from tests.hosts.second_store import Key
from tests.twins import registry
from tests.twins.checks import OWNERS, ROTATION

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


# --- owners ------------------------------------------------------------------------------------------------

_OWNED = """
per_usd = 100
[dialect.own]
name = "with users"
[[dialect.own.create.calls]]
method = "POST"
path = "/user/new"
body = { user_id = "{name}" }
capture = { user = "/user_id" }
[[dialect.own.create.calls]]
method = "POST"
path = "/key/generate"
body = { key_alias = "{name}", max_budget = "{limit}", user_id = "{user}" }
capture = { secret = "/key", id = "/token" }
[[dialect.own.read.calls]]
method = "GET"
path = "/key/info?key={id}"
capture = { limit = "/info/max_budget", usage = "/info/spend" }
[dialect.own.listing]
items = "/keys"
id = "/token"
name = "/key_alias"
style = "page"
[dialect.own.listing.call]
method = "GET"
path = "/key/list?return_full_object=true&page={page}&size={size}"
[[dialect.own.set_limit.calls]]
method = "POST"
path = "/key/update"
body = { key = "{id}", max_budget = "{limit}" }
[[dialect.own.revoke.calls]]
method = "POST"
path = "/key/delete"
body = { keys = ["{id}"] }
[[dialect.own.remove_owner.calls]]
method = "POST"
path = "/user/delete"
body = { user_id = "{user}" }
[dialect.own.absent]
rotate = "a new key is made and the old one deleted"
"""


class _Removing(SecondGateway):
    """A user can be removed."""

    def admin_routes(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {**super().admin_routes(), ("POST", "/user/delete"): self.delete_user}

    def delete_user(self, call: Call) -> Answer:
        """POST /user/delete."""
        name = json.loads(call.body)["user_id"]
        keys = [key for key in list(self.store.keys.values()) if key.user_id == name]
        self.leave(keys)
        with self.store.lock:
            self.store.users.pop(name, None)
            self.store.save()
        return as_json({"deleted": name})

    def leave(self, keys: list[Key]) -> None:
        """What becomes of the keys of whoever leaves."""
        for key in keys:
            self.revoke(key, forget=True)


@twin("keys-outlive-their-owner", fails={OWNERS}, dialect=_OWNED)
class KeysOutliveTheirOwner(_Removing):
    """A user goes, and the keys stay."""

    def leave(self, keys: list[Key]) -> None:
        return


@variant("keys-end-with-their-owner", about=("K1", "K3"), dialect=_OWNED)
class KeysEndWithTheirOwner(_Removing):
    """A user's keys are deleted with the user, so that they cannot be deleted once more."""


@variant("owners-of-keys-stay", about=("K3",), dialect=_OWNED)
class OwnersOfKeysStay(_Removing):
    """Whoever has keys is not removed."""

    def leave(self, keys: list[Key]) -> None:
        if keys:
            raise RefusalError(409)


# --- new secrets -------------------------------------------------------------------------------------------

_ROTATING = """
per_usd = 100
[dialect.own]
name = "with regeneration"
[[dialect.own.create.calls]]
method = "POST"
path = "/key/generate"
body = { key_alias = "{name}", max_budget = "{limit}" }
capture = { secret = "/key", id = "/token" }
[[dialect.own.read.calls]]
method = "GET"
path = "/key/info?key={id}"
capture = { limit = "/info/max_budget", usage = "/info/spend" }
[[dialect.own.set_limit.calls]]
method = "POST"
path = "/key/update"
body = { key = "{id}", max_budget = "{limit}" }
[[dialect.own.revoke.calls]]
method = "POST"
path = "/key/delete"
body = { keys = ["{id}"] }
[[dialect.own.rotate.calls]]
method = "POST"
path = "/key/regenerate"
body = { key = "{id}" }
capture = { secret = "/key" }
"""


class _Regenerating(SecondGateway):
    """A key can be given a new secret."""

    def admin_routes(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {**super().admin_routes(), ("POST", "/key/regenerate"): self.regenerate}

    def regenerate(self, call: Call) -> Answer:
        """POST /key/regenerate."""
        key = self.store.keys[json.loads(call.body)["key"]]
        secret = self.new_secret(key.id, key.alias)
        with self.store.lock:
            key.stored = self.renewed(key.stored, secret)
            self.store.save()
        return as_json(self.create_answer(key, secret))

    def renewed(self, stored: str, secret: str) -> str:
        """What is kept from now on, from what was kept and the new secret."""
        return self.stored_form(secret)


@twin("regeneration-adds-a-secret", fails={ROTATION}, dialect=_ROTATING)
class RegenerationAddsASecret(_Regenerating):
    """The old one is kept, for whoever has not noticed."""

    def renewed(self, stored: str, secret: str) -> str:
        return f"{stored} {self.stored_form(secret)}"

    def verify(self, secret: str, stored: str) -> bool:
        return any(super(_Regenerating, self).verify(secret, one) for one in stored.split())


@twin("regeneration-changes-nothing", fails={ROTATION}, dialect=_ROTATING)
class RegenerationChangesNothing(_Regenerating):
    """The same secret once more, made from the key's id."""

    def new_secret(self, token: str, alias: str | None) -> str:
        made = self.__dict__.setdefault("_made", {})
        return str(made.setdefault(token, super().new_secret(token, alias)))


@variant("offers-regeneration", about=("K3",), dialect=_ROTATING)
class OffersRegeneration(_Regenerating):
    """A new secret in the old one's place."""
