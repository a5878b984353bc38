"""The reference gateway with keys of other makes: some could be guessed, some are only spelt oddly."""

import base64
import hashlib
import itertools
import json
import random
import secrets
import ssl
import string
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import unquote

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from reference_gateway.config import Config
from reference_gateway.ledger.accounts import Issued, NewKey
from reference_gateway.ledger.keys import Hashing
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround
from tests.twins.reference_twins import RECOVERABLE
from tests.twins.reference_twins import _keeping as keeping

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")

UNGUESSABLE = "keys.secrets-are-unguessable"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE62 = string.digits + string.ascii_letters


# --- how keys are made -------------------------------------------------------------------------------------


def _spelt(parts: Parts, spell: Callable[[str, str], str]) -> Parts:
    """Keys as callers know them are spelt anew, from a key and its name; the gateway itself goes on with its own."""
    own: dict[str, str] = {}

    class Spelling(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            spelt = spell(issued.key, new.name)
            own[spelt] = issued.key
            return replace(issued, key=spelt)

    return replace(parts, accounts=Spelling, app=partial(_translated, own=own))


def _translated(app: App, *, own: Mapping[str, str]) -> App:
    async def translating(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [(name, _own(value, own)) for name, value in scope["headers"]]}
        await app(scope, receive, send)

    return translating


def _own(value: bytes, own: Mapping[str, str]) -> bytes:
    scheme, blank, token = value.decode("latin-1").partition(" ")
    return f"{scheme}{blank}{own[token]}".encode() if token in own else value


@twin("keys-are-counted", fails={UNGUESSABLE})
def keys_are_counted(parts: Parts) -> Parts:
    """A number that grows, written wide enough to look like a secret."""
    numbers = itertools.count(secrets.randbits(120))
    return _spelt(parts, lambda _key, _name: f"key-{next(numbers):048x}")


@twin("keys-are-seeded-by-the-clock", fails={UNGUESSABLE})
def keys_are_seeded_by_the_clock(parts: Parts) -> Parts:
    """A generator made for dice, seeded with the millisecond."""

    def spell(_key: str, _name: str) -> str:
        dice = random.Random(int(time.time() * 1000))
        return "key-" + "".join(dice.choice(string.ascii_letters + string.digits) for _ in range(40))

    return _spelt(parts, spell)


@twin("keys-are-short", fails={UNGUESSABLE})
def keys_are_short(parts: Parts) -> Parts:
    """Sixteen characters, of which a long prefix hides that they are few."""
    return _spelt(parts, lambda _key, _name: f"gateway-api-key-live-{secrets.token_hex(8)}")


@twin("keys-share-most", fails={UNGUESSABLE})
def keys_share_most(parts: Parts) -> Parts:
    """Two thirds of each secret are drawn when the process starts, four times."""
    drawn = [secrets.token_hex(20) for _ in range(4)]
    return _spelt(parts, lambda _key, _name: f"key-{secrets.choice(drawn)}{secrets.token_hex(12)}")


@twin("keys-are-hashes-of-their-names", fails={UNGUESSABLE})
def keys_are_hashes_of_their_names(parts: Parts) -> Parts:
    """What looks random is made of what everybody may know."""
    return _spelt(parts, lambda _key, name: f"key-{hashlib.sha256(name.encode()).hexdigest()}")


@twin("keys-favour-a-letter", fails={UNGUESSABLE})
def keys_favour_a_letter(parts: Parts) -> Parts:
    """A loop that fails draws an `a`, and it often fails."""
    letters = "a" * 60 + string.ascii_lowercase + string.digits
    return _spelt(parts, lambda _key, _name: "key-" + "".join(secrets.choice(letters) for _ in range(40)))


def _respelt(parts: Parts, spell: Callable[[str], str]) -> Parts:
    """Keys are spelt anew, and stored as they are spelt: salted SHA-256, as before."""

    def digest(salt: bytes, key: bytes) -> bytes:
        return hashlib.sha256(salt + spell(key.decode()).encode()).digest()

    return replace(_spelt(parts, lambda key, _name: spell(key)), hashing=Hashing(digest=digest))


def _bytes_of(key: str, size: int) -> bytes:
    """As many bytes, as random as the key: what they are spelt from."""
    return hashlib.shake_256(key.encode()).digest(size)


def _in(digits: str, data: bytes) -> str:
    number, letters = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(digits))
        letters = digits[digit] + letters
    return letters


@variant("keys-in-base58", about=("K1", "K2", "K4"))
def keys_in_base58(parts: Parts) -> Parts:
    """A number of 256 bits in base58: its length varies, and its first digit has not all letters."""
    return _respelt(parts, lambda key: "key" + _in(_BASE58, _bytes_of(key, 32)))


@variant("keys-in-dashed-hex", about=("K1", "K2", "K4"))
def keys_in_dashed_hex(parts: Parts) -> Parts:
    """160 bits in groups of five digits."""

    def spell(key: str) -> str:
        text = _bytes_of(key, 20).hex()
        return "-".join(text[at : at + 5] for at in range(0, 40, 5))

    return _respelt(parts, spell)


@variant("keys-of-128-bits", about=("K1", "K2", "K4"))
def keys_of_128_bits(parts: Parts) -> Parts:
    """As few bits as may be, in base64: of the last digit only four letters occur."""
    return _respelt(
        parts, lambda key: "sk-" + base64.urlsafe_b64encode(_bytes_of(key, 16)).decode().rstrip("=")
    )


@variant("keys-with-a-date-and-a-checksum", about=("K1", "K2", "K4"))
def keys_with_a_date_and_a_checksum(parts: Parts) -> Parts:
    """The millisecond of creation stands before a secret that owes nothing to it."""
    made: dict[str, str] = {}

    def spell(key: str) -> str:
        date = made.setdefault(key, f"{int(time.time() * 1000):012x}")
        text = f"gw_{date}{_in(_BASE62, _bytes_of(key, 24)).rjust(33, '0')}"
        return text + _in(_BASE62, zlib.crc32(text.encode()).to_bytes(4, "big")).rjust(6, "0")

    return _respelt(parts, spell)


# --- how keys are presented --------------------------------------------------------------------------------

WHOLE = "keys.only-the-whole-key-opens"
CARRIER = "keys.no-other-carrier-opens"
NOTHING_BACK = "keys.refusals-give-nothing-back"
ALIKE = "keys.refusals-look-alike"
EVERYWHERE = "keys.revocation-reaches-every-endpoint"


def _read_as(parts: Parts, read: Callable[[Scope, bytes], bytes]) -> Parts:
    """What is read as Authorization, made from the request and what stands there."""

    def around(app: App) -> App:
        async def reading(scope: Scope, receive: Receive, send: Send) -> None:
            fields = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            value = read(scope, given[0] if given else b"")
            more = [(b"authorization", value)] if value else []
            await app({**scope, "headers": [*fields, *more]}, receive, send)

        return reading

    return replace(parts, app=around)


def _knowing(parts: Parts, read: Callable[[str, list[str]], str]) -> Parts:
    """The key that is meant by what was presented, chosen among all that were ever given."""
    known: list[str] = []

    class Knowing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            known.append(issued.key)
            return issued

    def meant(_scope: Scope, value: bytes) -> bytes:
        scheme, blank, token = value.decode("latin-1").partition(" ")
        return f"{scheme}{blank}{read(token, known)}".encode("latin-1")

    return replace(_read_as(parts, meant), accounts=Knowing)


@twin("key-in-the-query", fails={CARRIER})
def key_in_the_query(parts: Parts) -> Parts:
    """For tools that can set no header."""

    def read(scope: Scope, value: bytes) -> bytes:
        name, _, token = scope["query_string"].partition(b"=")
        return b"Bearer " + token if name == b"api_key" else value

    return _read_as(parts, read)


@twin("half-a-key-opens", fails={WHOLE})
def half_a_key_opens(parts: Parts) -> Parts:
    """Keys are looked up by their beginning, of which fifty characters are thought to be enough."""
    return _knowing(parts, lambda token, known: next((k for k in known if k[:50] == token[:50]), token))


@twin("case-does-not-matter", fails={WHOLE})
def case_does_not_matter(parts: Parts) -> Parts:
    """A collation that ignores case."""
    return _knowing(parts, lambda token, known: next((k for k in known if k.lower() == token.lower()), token))


@twin("undefined-is-a-guest", fails={WHOLE})
def undefined_is_a_guest(parts: Parts) -> Parts:
    """What a careless program sends without a key is taken for the first customer's."""
    return _knowing(parts, lambda token, known: known[0] if known and token == "undefined" else token)


@twin("escapes-in-keys-are-read", fails={WHOLE})
def escapes_in_keys_are_read(parts: Parts) -> Parts:
    """Headers are decoded as URLs are."""
    return _knowing(parts, lambda token, _known: unquote(token))


def _refused_with(parts: Parts, change: Callable[[int, bytes, str], tuple[int, bytes] | None]) -> Parts:
    """Refusals of keys in other words, from status, body and what was presented; None: as they are."""

    def around(app: App) -> App:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            began: list[Message] = []

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] == 401:
                    began.append(message)
                    return
                if began and message["type"] == "http.response.body":
                    start, body = began.pop(), message.get("body", b"")
                    status, body = change(start["status"], body, given) or (start["status"], body)
                    fields = [field for field in start["headers"] if field[0] != b"content-length"]
                    fields.append((b"content-length", b"%d" % len(body)))
                    await send({**start, "status": status, "headers": fields})
                    message = {**message, "body": body}
                await send(message)

            await app(scope, receive, sent)

        return changed

    return replace(parts, app=around)


@twin("refusals-repeat-the-key", fails={NOTHING_BACK})
def refusals_repeat_the_key(parts: Parts) -> Parts:
    """An error as helpful as can be."""
    return _refused_with(
        parts, lambda status, _body, key: (status, json.dumps({"error": "invalid", "param": key}).encode())
    )


@twin("refusals-know-old-keys", fails={ALIKE})
def refusals_know_old_keys(parts: Parts) -> Parts:
    """Whoever has a key that was good once is told so."""
    given: set[str] = set()

    class Knowing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            given.add(issued.key)
            return issued

    def change(_status: int, body: bytes, key: str) -> tuple[int, bytes] | None:
        return (403, body) if key in given else None

    return replace(_refused_with(parts, change), accounts=Knowing)


@variant("refuses-with-404", about=("K3", "K5"))
def refuses_with_404(parts: Parts) -> Parts:
    """To whoever has no key, there is nothing here; and each time it is said with another number."""
    return _refused_with(
        parts,
        lambda _status, _body, _key: (404, f'{{"error":"no such page, {secrets.token_hex(8)}"}}'.encode()),
    )


@variant("errors-show-the-end-of-keys", about=("K5",))
def errors_show_the_end_of_keys(parts: Parts) -> Parts:
    """The last six characters of what was presented, as many gateways show them."""
    return _refused_with(
        parts, lambda status, _body, key: (status, json.dumps({"error": f"invalid key …{key[-6:]}"}).encode())
    )


@variant("any-scheme-and-the-first-field", about=("K5",))
def any_scheme_and_the_first_field(parts: Parts) -> Parts:
    """The key alone, or behind any word, and the first of two fields: odd, and nobody without a key comes in."""
    return _read_as(parts, lambda _scope, value: b"Bearer " + value.rpartition(b" ")[2] if value else b"")


# --- who administers ---------------------------------------------------------------------------------------

ADMINISTER = "keys.ordinary-keys-administer-nothing"
DEFAULTS = "keys.default-admin-secrets-are-refused"
_H1 = {"made": ["H1"]}


def _admitting(parts: Parts, admits: Callable[[Scope, str], bool]) -> Parts:
    """Some requests to the key API count as the administrator's, whatever their credential."""
    tokens: list[bytes] = []

    def context(config: Config) -> ssl.SSLContext:
        tokens.append((config.ledger_path.parent / "admin.token").read_bytes().strip())
        return parts.tls_context(config)

    def around(app: App) -> App:
        async def admitting(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            if admits(scope, given):
                fields = [field for field in scope["headers"] if field[0] != b"authorization"]
                scope = {**scope, "headers": [*fields, (b"authorization", b"Bearer " + tokens[0])]}
            await app(scope, receive, send)

        return admitting

    return replace(parts, tls_context=context, admin_app=around)


@twin("any-key-administers", fails={ADMINISTER}, claims=_H1)
def any_key_administers(parts: Parts) -> Parts:
    """Whoever has a key is somebody, and somebody is enough."""
    return _admitting(parts, lambda _scope, given: given.startswith("rgw_"))


@twin("any-key-changes-limits", fails={ADMINISTER}, claims=_H1)
def any_key_changes_limits(parts: Parts) -> Parts:
    """The role is asked for where keys are read, made and ended."""
    return _admitting(parts, lambda scope, given: scope["method"] == "PATCH" and given.startswith("rgw_"))


@twin("example-secret-administers", fails={DEFAULTS}, claims=_H1)
def example_secret_administers(parts: Parts) -> Parts:
    """The secret of the quick start works beside the true one."""
    return _admitting(parts, lambda _scope, given: given == "sk-1234")


# --- how keys end ------------------------------------------------------------------------------------------


@twin("ended-keys-list-models", fails={EVERYWHERE})
def ended_keys_list_models(parts: Parts) -> Parts:
    """Whoever has ever had a key may see what is on offer."""
    given: set[str] = set()

    class Knowing(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            given.add(issued.key)
            return issued

    def around(app: App) -> App:
        async def lenient(scope: Scope, receive: Receive, send: Send) -> None:
            key = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            if scope["path"] != "/v1/models" or key not in given:
                await app(scope, receive, send)
                return
            fields = [(name.encode(), value.encode()) for name, value in parts.response_headers]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": b'{"object":"list","data":[]}'})

        return lenient

    return replace(parts, accounts=Knowing, app=around)


# --- how keys are stored -----------------------------------------------------------------------------------


@twin("keys-are-encrypted-beside-the-key", fails={RECOVERABLE})
def keys_are_encrypted_beside_the_key(parts: Parts) -> Parts:
    """A copy for the support desk, encrypted by a key that lies in the same row."""

    def sealed(secret: str) -> str:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        return f"{key.hex()}:{base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), None)).decode()}"

    return keeping(parts, sealed)
