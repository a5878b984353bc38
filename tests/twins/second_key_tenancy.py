"""Twins of the second gateway with two customers, with answers that can be asked for again, and with fields to write."""

import json
import threading
from collections.abc import Callable, Mapping
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError, as_json
from tests.hosts.second_order import parse
from tests.hosts.second_store import Key, to_pico
from tests.twins import registry
from tests.twins.checks import OBJECTS, SEPARATE, WRITES

twin = partial(registry.twin, host="second", claims={"made": ["H1"]})
variant = partial(registry.variant, host="second", claims={"made": ["H1"]}, about=("H1",))

_OTHER = "other-"  # what the second customer's master key begins with


# --- two customers -----------------------------------------------------------------------------------------


@variant("two-customers", other_account=True)
class TwoCustomers(SecondGateway):
    """Two master keys, each of a customer to whom what is the other's is not there."""

    everybodys: frozenset[str] = frozenset()  # paths at which nobody asks whose a key is

    def __init__(self, config: Config) -> None:
        self._asking = threading.local()
        self._owners: dict[str, bool] = {}
        super().__init__(config)

    def is_master(self, secret: str) -> bool:
        return secret.startswith(_OTHER) or super().is_master(secret)

    def require_master(self, call: Call) -> None:
        super().require_master(call)
        self._asking.theirs = call.bearer.startswith(_OTHER)
        self._asking.path = call.path

    def generate_key(self, call: Call) -> Answer:
        made = super().generate_key(call)
        self._owners[json.loads(made.body)["token"]] = self._asking.theirs
        return made

    def list_keys(self, call: Call) -> Answer:
        theirs = [key for key in self.store.keys.values() if self._is_there(key)]
        return as_json({"keys": [self.describe_key(key) for key in theirs], "total_pages": 1})

    def _named(self, name: object) -> Key:
        key = super()._named(name)
        if not self._is_there(key):
            raise RefusalError(404)
        return key

    def _is_there(self, key: Key) -> bool:
        whose = self._owners.get(key.id, False) == self._asking.theirs
        return whose or self._asking.path in self.everybodys


@twin("customers-read-by-id", fails={SEPARATE}, other_account=True)
class CustomersReadById(TwoCustomers):
    """The id is the credential where a key is read."""

    everybodys = frozenset({"/key/info"})


@twin("customers-change-limits-by-id", fails={SEPARATE}, other_account=True)
class CustomersChangeLimitsById(TwoCustomers):
    """Changes are made to whatever is named."""

    everybodys = frozenset({"/key/update"})


class _Named(TwoCustomers):
    """Each customer is an organisation, which answers name."""

    def describe_key(self, key: Key) -> dict[str, object]:
        owner = self._owners.get(key.id, getattr(self._asking, "theirs", False))
        return {**super().describe_key(key), "organisation": "org-theirs" if owner else "org-first"}


@variant("customers-are-organisations", other_account=True)
class CustomersAreOrganisations(_Named):
    """Whose a key is, is told, and follows from who made it."""


@twin("organisations-are-chosen", fails={SEPARATE}, other_account=True)
class OrganisationsAreChosen(_Named):
    """Whose a key is, is said by whoever makes it."""

    def generate_key(self, call: Call) -> Answer:
        made = super().generate_key(call)
        if "organisation" in (wanted := parse(call.body)):
            self._owners[json.loads(made.body)["token"]] = wanted["organisation"] == "org-theirs"
        return made


# --- what calls leave behind -------------------------------------------------------------------------------

_CHATS = "/v1/chat/completions"


class _Keeping(SecondGateway):
    """Completions are kept in memory, and shown at their own path."""

    def __init__(self, config: Config) -> None:
        self._kept: dict[str, tuple[str, bytes]] = {}
        super().__init__(config)

    def may(self, call: Call, owner: str) -> bool:
        """Whether a caller may do what it asks for."""
        return bool(self.authenticate(call.bearer)) and call.bearer == owner

    def handle(self, call: Call, client: Client) -> Answer | None:
        if call.method == "GET" and call.path.startswith(f"{_CHATS}/"):
            return self._again(call, call.path.rpartition("/")[2])
        answer = super().handle(call, client)
        if call.path == _CHATS and answer is not None and answer.status == 200:
            self._kept[json.loads(answer.body)["id"]] = (call.bearer, answer.body)
        return answer

    def _again(self, call: Call, id_: str) -> Answer:
        owner, text = self._kept.get(id_, ("", b""))
        if not text or not self.may(call, owner):
            raise RefusalError(404)
        return Answer(200, text)


@variant("answers-are-their-callers")
class AnswersAreTheirCallers(_Keeping):
    """Who asked for a completion may ask for it again."""


@twin("answers-need-no-key", fails={OBJECTS})
class AnswersNeedNoKey(_Keeping):
    """Behind a path that nobody can guess no key was thought to be needed."""

    def may(self, call: Call, owner: str) -> bool:
        return True


# --- what may be written -----------------------------------------------------------------------------------


class _Writing(SecondGateway):
    """What was spent is taken from whoever tells it."""

    def update_key(self, call: Call) -> Answer:
        self._write(self._named(parse(call.body).get("key")), parse(call.body, exact=True))
        return super().update_key(call)

    def _write(self, key: Key, wanted: Mapping[str, object]) -> None:
        if "spend" in wanted:
            key.recorded = to_pico(wanted["spend"], self.per_usd)


@twin("spend-can-be-written", fails={WRITES})
class SpendCanBeWritten(_Writing):
    """Nobody said that it could."""


@variant("spend-is-offered")
class SpendIsOffered(_Writing):
    """An administrator may correct what was spent, as the API's own document says."""

    def _table(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {**super()._table(), ("GET", "/openapi.json"): self._describe}

    def _describe(self, _call: Call) -> Answer:
        change = {"properties": {"key": {"type": "string"}, "spend": {"type": "number"}}}
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Change"}}}}
        return as_json({
            "openapi": "3.1.0",
            "paths": {"/key/update": {"post": {"requestBody": body}}},
            "components": {"schemas": {"Change": change}},
        })  # fmt: skip


@twin("a-role-can-be-chosen", fails={WRITES})
class ARoleCanBeChosen(SecondGateway):
    """Whoever makes a key says what it is, and a key that is an administrator makes others."""

    def __init__(self, config: Config) -> None:
        self._raised: set[str] = set()
        super().__init__(config)

    def is_master(self, secret: str) -> bool:
        return secret in self._raised or super().is_master(secret)

    def generate_key(self, call: Call) -> Answer:
        made = super().generate_key(call)
        if parse(call.body).get("role") == "admin":
            self._raised.add(json.loads(made.body)["key"])
        return made


@twin("keys-raise-their-own-limit", fails={WRITES})
class KeysRaiseTheirOwnLimit(SecondGateway):
    """Who may read a key may change it."""

    def _table(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {**super()._table(), ("POST", "/key/info"): self._change}

    def _change(self, call: Call) -> Answer:
        key = self.authenticate(call.bearer)
        key.limit = to_pico(parse(call.body, exact=True)["max_budget"], self.per_usd)
        return as_json(self.describe_key(key))
