"""The reference gateway with keys of other makes: some could be guessed, some are only spelt oddly."""

import base64
import hashlib
import itertools
import random
import secrets
import string
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.accounts import Issued, NewKey
from reference_gateway.ledger.keys import Hashing
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround
from tests.twins.checks import UNGUESSABLE

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


_BASE62 = string.digits + string.ascii_letters


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
