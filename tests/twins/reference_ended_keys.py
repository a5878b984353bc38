"""Twins of the reference gateway on which keys outlive their end, and what rotation is called there."""

import time
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.accounts import Accounts, ApiKey, Issued, NewKey, Revise
from reference_gateway.ledger.wire import (
    TAIL,
    Authorise,
    Held,
    Ledger,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround, noting
from tests.twins.checks import ENDED, EVERYWHERE, EXPIRED

twin = partial(registry.twin, host="reference")


_CACHE_SECONDS = 5.0


@twin("revocation-cached", fails={ENDED, EXPIRED})
def revocation_cached(parts: Parts) -> Parts:
    """A cache in front of the ledger that no revocation reaches."""

    class Cached(LedgerAround):
        def __init__(self, inner: Ledger) -> None:
            super().__init__(inner)
            self._known: dict[tuple[int, bytes], tuple[float, Standing]] = {}

        async def authorise(self, message: Authorise) -> Standing | Refused:
            key = message.key_id, message.tail
            at, standing = self._known.get(key, (0.0, None))
            if standing is not None and time.monotonic() - at < _CACHE_SECONDS:
                return standing
            fresh = await super().authorise(message)
            if isinstance(fresh, Standing):
                self._known[key] = time.monotonic(), fresh
            return fresh

        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            return Held(-1) if answer == Refused(Why.KEY_UNUSABLE) else answer

        def settle(self, message: Settle) -> None:
            if message.rid >= 0:
                super().settle(message)

    return replace(parts, ledger=Cached)


@twin("disable-ignored", fails={ENDED})
def disable_ignored(parts: Parts) -> Parts:
    """Disabling is answered and not done."""

    class Ignoring(AccountsAround):
        async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
            revised = await super().revise(key_id, lambda key: replace(revise(key), disabled=False), by)
            return revised and replace(revised, disabled=True)

    return replace(parts, accounts=Ignoring)


@twin("ended-keys-list-models", fails={EVERYWHERE})
def ended_keys_list_models(parts: Parts) -> Parts:
    """Whoever has ever had a key may see what is on offer."""
    given: list[str] = []

    def around(app: App) -> App:
        async def lenient(scope: Scope, receive: Receive, send: Send) -> None:
            key = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            if scope["path"] != "/v1/models" or key not in given:
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'{"object":"list","data":[]}'})

        return lenient

    return replace(parts, accounts=noting(given), app=around)


ROTATING = """
[dialect.own]
name = "with rotation"
[[dialect.own.create.calls]]
method = "POST"
path = "/api/v1/keys"
body = { name = "{name}", limit = "{limit}" }
capture = { secret = "/key", id = "/data/hash" }
[[dialect.own.read.calls]]
method = "GET"
path = "/api/v1/keys/{id}"
capture = { limit = "/data/limit", usage = "/data/usage" }
[[dialect.own.set_limit.calls]]
method = "PATCH"
path = "/api/v1/keys/{id}"
body = { limit = "{limit}" }
[[dialect.own.revoke.calls]]
method = "DELETE"
path = "/api/v1/keys/{id}"
[[dialect.own.rotate.calls]]
method = "POST"
path = "/api/v1/keys/{id}/rotate"
capture = { secret = "/key" }
"""


@twin("rotation-keeps-the-old-secret", fails={"keys.rotation-replaces-the-secret"}, dialect=ROTATING)
def rotation_keeps_the_old_secret(parts: Parts) -> Parts:
    """A new secret beside the old one."""
    replaced: dict[bytes, bytes] = {}

    class Rotating(AccountsAround):
        def __init__(self, inner: Accounts) -> None:
            super().__init__(inner)
            self._tails: dict[int, bytes] = {}

        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            self._tails[issued.record.key_id] = issued.key[-TAIL:].encode()
            return issued

        async def rotate(self, key_id: int, by: str) -> Issued | None:
            issued = await super().rotate(key_id, by)
            if issued is not None:
                replaced[self._tails[key_id]] = issued.key[-TAIL:].encode()
            return issued

    class Lenient(LedgerAround):
        async def authorise(self, message: Authorise) -> Standing | Refused:
            return await super().authorise(replace(message, tail=replaced.get(message.tail, message.tail)))

    return replace(parts, accounts=Rotating, ledger=Lenient)
