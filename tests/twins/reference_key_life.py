"""The reference gateway with keys that are made and that end in other ways: some flawed, some only odd."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.accounts import Account, AccountTerms, Issued, NewKey
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround
from tests.twins.checks import AS_LONG, EXPIRED, OPEN, OWNERS, SHOWN_ONCE

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")


# --- made twice --------------------------------------------------------------------------------------------


def _replaying(parts: Parts, again: Callable[[list[Message]], list[Message]]) -> Parts:
    """An answer of the key API is given again for its idempotency key, as `again` makes it of the first."""
    kept: dict[bytes, list[Message]] = {}

    def around(app: App) -> App:
        async def replaying(scope: Scope, receive: Receive, send: Send) -> None:
            name = dict(scope["headers"]).get(b"idempotency-key")
            if name is None or name not in kept:
                told = kept.setdefault(name, []) if name else []

                async def noted(message: Message) -> None:
                    told.append(message)
                    await send(message)

                await app(scope, receive, noted)
                return
            for message in again(kept[name]):
                await send(message)

        return replaying

    return replace(parts, admin_app=around)


def _answer(messages: list[Message], status: int, body: bytes) -> list[Message]:
    """Another answer with the same headers."""
    fields = [(name, value) for name, value in messages[0]["headers"] if name != b"content-length"]
    fields.append((b"content-length", b"%d" % len(body)))
    return [
        {**messages[0], "status": status, "headers": fields},
        {"type": "http.response.body", "body": body},
    ]


@twin("creation-is-replayed", fails={SHOWN_ONCE})
def creation_is_replayed(parts: Parts) -> Parts:
    """Whoever repeats a request gets the answer that was lost, the secret in it."""
    return _replaying(parts, lambda messages: messages)


@variant("creation-is-replayed-without-its-secret", about=("K1",))
def creation_is_replayed_without_its_secret(parts: Parts) -> Parts:
    """The same key once more, and nothing that would open anything."""

    def again(messages: list[Message]) -> list[Message]:
        document = json.loads(b"".join(message.get("body", b"") for message in messages))
        return _answer(messages, 200, json.dumps({**document, "key": None}).encode())

    return _replaying(parts, again)


# --- open when the key ends --------------------------------------------------------------------------------


@twin("streams-outlive-their-key", fails={OPEN})
def streams_outlive_their_key(parts: Parts) -> Parts:
    """Whoever has begun may finish, and the page says nothing of it."""

    class Deaf(LedgerAround):
        def on_revoked(self, listener: Callable[[int], None]) -> None:
            return

    return replace(parts, ledger=Deaf)


# --- dates -------------------------------------------------------------------------------------------------


@twin("expiry-is-only-shown", fails={EXPIRED})
def expiry_is_only_shown(parts: Parts) -> Parts:
    """The date is kept with the key, for the console."""

    class Showing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(replace(new, expires_at=None), by)
            return replace(issued, record=replace(issued.record, expires_at=new.expires_at))

    return replace(parts, accounts=Showing)


@twin("expiry-in-the-past-is-none", fails={EXPIRED})
def expiry_in_the_past_is_none(parts: Parts) -> Parts:
    """A date that cannot be meant is left out."""

    class Helpful(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            past = new.expires_at is not None and new.expires_at < time.time() * 1000
            return await super().create(replace(new, expires_at=None) if past else new, by)

    return replace(parts, accounts=Helpful)


# --- owners ------------------------------------------------------------------------------------------------

_OWNED = """
[dialect.own]
name = "with accounts"
[[dialect.own.create.calls]]
method = "POST"
path = "/api/v1/accounts"
body = { name = "{name}" }
capture = { account = "/data/id" }
[[dialect.own.create.calls]]
method = "POST"
path = "/api/v1/keys"
body = { name = "{name}", limit = "{limit}", account = "{account}" }
capture = { secret = "/key", id = "/data/hash" }
[[dialect.own.read.calls]]
method = "GET"
path = "/api/v1/keys/{id}"
capture = { limit = "/data/limit", usage = "/data/usage" }
[dialect.own.listing]
items = "/data"
id = "/hash"
name = "/name"
style = "offset"
[dialect.own.listing.call]
method = "GET"
path = "/api/v1/keys?offset={offset}"
[[dialect.own.set_limit.calls]]
method = "PATCH"
path = "/api/v1/keys/{id}"
body = { limit = "{limit}" }
[[dialect.own.revoke.calls]]
method = "DELETE"
path = "/api/v1/keys/{id}"
[[dialect.own.remove_owner.calls]]
method = "PATCH"
path = "/api/v1/accounts/{account}"
body = { disabled = true }
[dialect.own.absent]
rotate = "a new key is made and the old one deleted"
"""


@twin("keys-outlive-their-owner", fails={OWNERS}, dialect=_OWNED)
def keys_outlive_their_owner(parts: Parts) -> Parts:
    """An account is marked as gone, and its keys do not ask."""

    class Marking(AccountsAround):
        async def revise_account(
            self, account_id: int, revise: Callable[[Account], AccountTerms], by: str
        ) -> Account | None:
            account = await super().revise_account(
                account_id, lambda a: replace(revise(a), disabled=False), by
            )
            return account and replace(account, disabled=True)

    return replace(parts, accounts=Marking)


@variant("keys-end-with-their-owner", about=("K1", "K3"), dialect=_OWNED)
def keys_end_with_their_owner(parts: Parts) -> Parts:
    """Each key has an account of its own, and dies with it."""
    return parts


# --- the time that refusals take ---------------------------------------------------------------------------


@twin("known-ids-take-longer", fails={AS_LONG}, alone=True)
def known_ids_take_longer(parts: Parts) -> Parts:
    """A slow digest is made where there is one to compare with."""
    ids: set[str] = set()

    def public(key: str) -> str:
        return "_".join(key.split("_")[:3])

    class Knowing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            ids.add(public(issued.key))
            return issued

    def around(app: App) -> App:
        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            if public(given) in ids:
                await asyncio.sleep(0.003)
            await app(scope, receive, send)

        return slow

    return replace(parts, accounts=Knowing, app=around)


# --- read where no dialect looks ---------------------------------------------------------------------------


@twin("audit-log-shows-what-was-made", fails={SHOWN_ONCE})
def audit_log_shows_what_was_made(parts: Parts) -> Parts:
    """Whoever reads who made which key is told the keys; only the API's own description says that there is such a log."""
    made: list[str] = []

    class Knowing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            made.append(issued.key)
            return issued

    def around(app: App) -> App:
        async def telling(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start" and scope["path"] == "/api/v1/audit":
                    more = [(b"x-made", " ".join(made[-20:]).encode())]
                    message = {**message, "headers": [*message["headers"], *more]}
                await send(message)

            await app(scope, receive, sent)

        return telling

    return replace(parts, accounts=Knowing, admin_app=around)
