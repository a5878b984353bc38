"""Twins of the reference gateway with two customers, with answers that can be asked for again, and with fields to write."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from reference_gateway.credential import public_id
from reference_gateway.ledger.accounts import Accounts, ApiKey, Issued, NewKey, Revise
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, Exchange, overheard
from tests.twins.checks import ADMINISTER, OBJECTS, SEPARATE, WRITES
from tests.twins.reference_administering import admitting

twin = partial(registry.twin, host="reference", claims={"made": ["H1"]})
variant = partial(registry.variant, host="reference", claims={"made": ["H1"]}, about=("H1",))

_OTHER = "other-"  # what the second customer's token begins with
_ASKING: ContextVar[str] = ContextVar("asking", default="")


@twin("any-key-reads-the-audit-log", fails={ADMINISTER})
def any_key_reads_the_audit_log(parts: Parts) -> Parts:
    """A path that only the API's own document names, and of which nobody thought."""
    return admitting(
        parts, lambda scope, given: scope["path"] == "/api/v1/audit" and given.startswith("rgw_")
    )


# --- two customers -----------------------------------------------------------------------------------------


class _Owned(AccountsAround):
    """Keys belong to whoever made them, and are there for nobody else."""

    everybodys: frozenset[str] = frozenset()  # acts for which nobody asks whose a key is

    def __init__(self, inner: Accounts) -> None:
        super().__init__(inner)
        self._owners: dict[int, str] = {}

    def _there(self, act: str, key_id: int) -> bool:
        return act in self.everybodys or self._owners.get(key_id, "") == _ASKING.get()

    async def create(self, new: NewKey, by: str) -> Issued:
        issued = await super().create(new, by)
        self._owners[issued.record.key_id] = _ASKING.get()
        return issued

    async def get(self, key_id: int) -> ApiKey | None:
        return await super().get(key_id) if self._there("get", key_id) else None

    async def page(self, offset: int, size: int) -> tuple[ApiKey, ...]:
        listed = await super().page(offset, size)
        return tuple(key for key in listed if self._there("page", key.key_id))

    async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
        return await super().revise(key_id, revise, by) if self._there("revise", key_id) else None

    async def rotate(self, key_id: int, by: str) -> Issued | None:
        return await super().rotate(key_id, by) if self._there("rotate", key_id) else None

    async def delete(self, key_id: int, by: str) -> bool:
        return await super().delete(key_id, by) if self._there("delete", key_id) else False


def _two_customers(parts: Parts, accounts: type[_Owned] = _Owned) -> Parts:
    """Two admin credentials, each of a customer; what is the gateway's own is the first one's only."""

    def around(app: App) -> App:
        async def asking(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            theirs = given.startswith(_OTHER)
            _ASKING.set("other" if theirs else "")
            if theirs and not scope["path"].startswith(("/api/v1/keys", "/openapi.json")):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            await app(scope, receive, send)

        return asking

    admitted = admitting(parts, lambda _scope, given: given.startswith(_OTHER))
    return replace(admitted, accounts=accounts, admin_app=lambda app: around(admitted.admin_app(app)))


@variant("two-customers", other_account=True)
def two_customers(parts: Parts) -> Parts:
    """What is the other's is not there."""
    return _two_customers(parts)


@twin("customers-share-a-listing", fails={SEPARATE}, other_account=True)
def customers_share_a_listing(parts: Parts) -> Parts:
    """Each key is guarded, and all of them are listed."""

    class Listing(_Owned):
        everybodys = frozenset({"page"})

    return _two_customers(parts, Listing)


@twin("customers-delete-by-id", fails={SEPARATE}, other_account=True)
def customers_delete_by_id(parts: Parts) -> Parts:
    """Whose a key is, is asked everywhere but where it is ended."""

    class Deleting(_Owned):
        everybodys = frozenset({"delete"})

    return _two_customers(parts, Deleting)


# --- what calls leave behind -------------------------------------------------------------------------------

_CHATS = "/v1/chat/completions"
_Kept = dict[str, tuple[str, bytes]]  # by id: whose, and what
_Ask = Callable[[str, str, _Kept], bytes | None]  # by the caller's key and the id: what is shown
_MayDelete = Callable[[str, str], bool]  # by the caller's key and the owner's


def _same(caller: str, owner: str) -> bool:
    return caller == owner


def _asked_again(parts: Parts, ask: _Ask, may_delete: _MayDelete = _same) -> Parts:
    """Completions are kept in memory, shown and deleted at their own path."""
    kept: _Kept = {}

    def keep(exchange: Exchange) -> None:
        if exchange.path == _CHATS and exchange.status == 200 and exchange.answer.startswith(b"{"):
            id_: str = json.loads(exchange.answer)["id"]
            kept[id_] = (exchange.headers.get("authorization", ""), exchange.answer)

    def delete(caller: str, id_: str) -> bytes | None:
        if id_ not in kept or not may_delete(caller, kept[id_][0]):
            return None
        del kept[id_]
        return b'{"deleted":true}'

    def around(app: App) -> App:
        async def showing(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] not in {"GET", "DELETE"} or not scope["path"].startswith(_CHATS):
                await app(scope, receive, send)
                return
            caller = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            id_ = scope["path"].removeprefix(_CHATS).strip("/")
            shown = ask(caller, id_, kept) if scope["method"] == "GET" else delete(caller, id_)
            fields = [(name.encode(), value.encode()) for name, value in parts.response_headers]
            status = 404 if shown is None else 200
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body", "body": shown or b'{"error":"not found"}'})

        return showing

    return replace(parts, app=lambda app: around(overheard(keep)(parts.app(app))))


def _own(caller: str, id_: str, kept: _Kept) -> bytes | None:
    owner, text = kept.get(id_, ("", b""))
    return text if caller and caller == owner else None


@variant("answers-are-their-callers")
def answers_are_their_callers(parts: Parts) -> Parts:
    """Who asked for a completion may ask for it again, and delete it."""
    return _asked_again(parts, _own)


@twin("answers-for-whoever-knows-the-id", fails={OBJECTS})
def answers_for_whoever_knows_the_id(parts: Parts) -> Parts:
    """The id is long, and was thought to be enough."""
    return _asked_again(parts, lambda caller, id_, kept: kept.get(id_, ("", None))[1] if caller else None)


@twin("answers-are-listed-to-all", fails={OBJECTS})
def answers_are_listed_to_all(parts: Parts) -> Parts:
    """One is guarded; the list of all is not."""

    def ask(caller: str, id_: str, kept: _Kept) -> bytes | None:
        if id_ or not caller:
            return _own(caller, id_, kept)
        return json.dumps({"data": [{"id": one} for one in kept]}).encode()

    return _asked_again(parts, ask)


@twin("answers-are-deleted-by-anybody", fails={OBJECTS})
def answers_are_deleted_by_anybody(parts: Parts) -> Parts:
    """To delete is no breach of secrecy, somebody thought."""
    return _asked_again(parts, _own, lambda caller, _owner: bool(caller))


# --- what may be written -----------------------------------------------------------------------------------


@twin("usage-can-be-written", fails={WRITES})
def usage_can_be_written(parts: Parts) -> Parts:
    """What stands in the body of a change goes into the record."""
    written: dict[str, Any] = {}

    def view(key: ApiKey) -> dict[str, Any]:
        shown, id_ = parts.key_view(key), public_id(key.key_id)
        return {**shown, "usage": written[id_]} if id_ in written else shown

    def around(app: App) -> App:
        async def writing(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] != "PATCH":
                await app(scope, receive, send)
                return
            body = json.loads((await receive())["body"] or b"{}")
            if "usage" in body:
                written[scope["path"].rpartition("/")[2]] = body.pop("usage")
            content = json.dumps(body).encode()

            async def given() -> Message:
                return {"type": "http.request", "body": content, "more_body": False}

            fields = [field for field in scope["headers"] if field[0] != b"content-length"]
            fields.append((b"content-length", b"%d" % len(content)))
            await app({**scope, "headers": fields}, given, send)

        return writing

    return replace(parts, key_view=view, admin_app=around)
