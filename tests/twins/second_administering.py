"""Twins of the second gateway on which others than the administrator manage keys, and an odd one."""

from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, as_json
from tests.twins import registry
from tests.twins.checks import ADMINISTER, DEFAULTS

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


_H1 = {"made": ["H1"]}


@twin("any-key-lists-all", fails={ADMINISTER}, claims=_H1)
class AnyKeyListsAll(SecondGateway):
    """Reading does no harm, somebody thought."""

    def require_master(self, call: Call) -> None:
        if call.path == "/key/list" and not self.is_master(call.bearer):
            self.authenticate(call.bearer)
        else:
            super().require_master(call)


@twin("any-key-is-read-by-any", fails={ADMINISTER}, claims=_H1)
class AnyKeyIsReadByAny(SecondGateway):
    """The id of a key is all that it takes to read it."""

    def require_master(self, call: Call) -> None:
        if call.path != "/key/info":
            super().require_master(call)


@twin("changes-before-it-refuses", fails={ADMINISTER}, claims=_H1)
class ChangesBeforeItRefuses(SecondGateway):
    """The role is asked for when the deed is done."""

    def require_master(self, call: Call) -> None:
        if call.path == "/key/update" and not self.is_master(call.bearer):
            self.update_key(call)
        super().require_master(call)


@twin("password-administers", fails={DEFAULTS}, claims=_H1)
class PasswordAdministers(SecondGateway):
    """What was meant to be changed before the start."""

    def is_master(self, secret: str) -> bool:
        return secret == "changeme" or super().is_master(secret)


@variant("keys-list-themselves", claims=_H1, about=("H1",))
class KeysListThemselves(SecondGateway):
    """The listing answers a key with that key."""

    def require_master(self, call: Call) -> None:
        if call.path != "/key/list":
            super().require_master(call)

    def list_keys(self, call: Call) -> Answer:
        if self.is_master(call.bearer):
            return super().list_keys(call)
        return as_json({"keys": [self.describe_key(self.authenticate(call.bearer))], "total_pages": 1})
