"""Odd but conformant variants of the reference gateway: whatever is no promise may be otherwise."""

import base64
import hashlib
import hmac
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.accounts import ApiKey
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.wire import Held, Ledger, Refused, Reserve
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround, overheard
from tests.twins.reference_ended_keys import ROTATING
from tests.twins.reference_shown_keys import remembering

variant = partial(registry.variant, host="reference")


@variant("as-it-is")
def as_it_is(parts: Parts) -> Parts:
    """Nothing replaced."""
    return parts


def _statuses(parts: Parts, other: Mapping[int, int]) -> Parts:
    """Other status codes for the same refusals."""

    def around(app: App) -> App:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                status = message.get("status")
                await send({**message, "status": other.get(status, status)} if status else message)

            await app(scope, receive, sent)

        return changed

    return replace(parts, app=around, admin_app=around)


@variant("refuses-with-429-and-403")
def refuses_with_429_and_403(parts: Parts) -> Parts:
    """Over the limit is 429, a bad key 403, an unknown model 400."""
    return _statuses(parts, {402: 429, 401: 403, 404: 400})


@variant("hsts-spelt-oddly", about=("T3",))
def hsts_spelt_oddly(parts: Parts) -> Parts:
    """RFC 6797 allows quotes, any case, any order, and directives that nobody knows."""
    others = tuple(h for h in parts.response_headers if h[0].lower() != "strict-transport-security")
    odd = ("STRICT-TRANSPORT-SECURITY", 'IncludeSubDomains ; x=y; MAX-AGE="31536000"')
    return replace(parts, response_headers=(*others, odd))


@variant("hmac-with-a-salt", about=("K2",))
def hmac_with_a_salt(parts: Parts) -> Parts:
    """Keys stored as HMAC-SHA-256 under a salt of their own."""
    return replace(parts, hashing=Hashing(digest=lambda salt, key: hmac.digest(salt, key, "sha256")))


@variant("sha3-salt-last", about=("K2",))
def sha3_salt_last(parts: Parts) -> Parts:
    """Another strong digest, the salt behind the key."""
    return replace(parts, hashing=Hashing(digest=lambda salt, key: hashlib.sha3_256(key + salt).digest()))


@variant("shows-the-end-of-keys", about=("K1",))
def shows_the_end_of_keys(parts: Parts) -> Parts:
    """The last six characters beside each key, as many dashboards do: hundreds of bits stay unknown."""
    return remembering(parts, lambda secret: {"hint": f"…{secret[-6:]}"})


@variant("holds-back-thrice", about=("S1", "S2"))
def holds_back_thrice(parts: Parts) -> Parts:
    """Every call reserves three times its prompt: it refuses early, and never too late."""

    class Cautious(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            return await super().reserve(replace(message, prompt_bound=3 * message.prompt_bound))

    inner = parts.ledger

    def ledger(made: Ledger) -> Ledger:
        return Cautious(inner(made))

    return replace(parts, ledger=ledger)


@variant("noisy-log", about=("Z1",))
def noisy_log(parts: Parts) -> Parts:
    """A log full of random ids in the alphabet of canaries, and of base64, but without content."""
    letters = string.ascii_uppercase + string.digits

    def tell(_: object) -> None:
        ids = " ".join("".join(secrets.choice(letters) for _ in range(27)) for _ in range(20))
        print(f"trace {ids} {base64.b64encode(secrets.token_bytes(300)).decode()}", flush=True)

    return replace(parts, app=overheard(tell))


@variant("more-headers", about=("T3", "Z2"))
def more_headers(parts: Parts) -> Parts:
    """A proxy before it names itself and counts."""
    more = (("server", "proxy"), ("via", "1.1 proxy"), ("x-ratelimit-limit-requests", "10000"))
    return replace(parts, response_headers=(*parts.response_headers, *more))


@variant("errors-of-another-shape")
def errors_of_another_shape(parts: Parts) -> Parts:
    """Errors as many frameworks write them: one line, and nothing of OpenAI's shape."""
    body = b'{"detail":"refused"}'

    def around(app: App) -> App:
        async def rewriting(scope: Scope, receive: Receive, send: Send) -> None:
            refused = False

            async def sent(message: Message) -> None:
                nonlocal refused
                if message["type"] == "http.response.start":
                    refused = message["status"] >= 400
                    if refused:
                        others = [(k, v) for k, v in message["headers"] if k != b"content-length"]
                        message["headers"] = [*others, (b"content-length", b"%d" % len(body))]
                elif refused:
                    message = {"type": message["type"], "body": body}
                await send(message)

            await app(scope, receive, sent)

        return rewriting

    return replace(parts, app=around, admin_app=around)


@variant("offers-rotation", about=("K3",), dialect=ROTATING)
def offers_rotation(parts: Parts) -> Parts:
    """A dialect with rotation, in which keys cannot be suspended."""
    return parts


@variant("a-proxy-numbers-answers", about=("Z1",))
def a_proxy_numbers_answers(parts: Parts) -> Parts:
    """Something before the gateway adds a request id of its own to the gateway's."""

    def around(app: App) -> App:
        async def numbering(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    number = (b"x-request-id", secrets.token_hex(12).encode())
                    message["headers"] = [*message["headers"], number]
                await send(message)

            await app(scope, receive, sent)

        return numbering

    return replace(parts, app=around, admin_app=around)


@variant("usage-shown-late", about=("S1", "S2"), claims={"usage_lag": 4})
def usage_shown_late(parts: Parts) -> Parts:
    """Usage is shown as it was up to a second ago."""
    shown: dict[int, tuple[float, int]] = {}

    class Late(AccountsAround):
        async def get(self, key_id: int) -> ApiKey | None:
            account = await super().get(key_id)
            if account is None:
                return None
            at, total = shown.get(key_id, (0.0, 0))
            if time.monotonic() - at >= 1.0:
                shown[key_id] = time.monotonic(), account.total
                return account
            return replace(account, total=total)

    return replace(parts, accounts=Late)
