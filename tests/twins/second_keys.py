"""The second gateway with keys of other makes: some could be guessed, some are only spelt oddly."""

import base64
import hashlib
import itertools
import json
import random
import secrets
import string
import threading
import time
import unicodedata
import uuid
import zlib
from collections.abc import Mapping
from functools import partial
from http.cookies import SimpleCookie

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError, as_json
from tests.hosts.second_store import Key
from tests.twins import registry

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")

UNGUESSABLE = "keys.secrets-are-unguessable"


# --- how keys are made -------------------------------------------------------------------------------------


@twin("keys-are-counted", fails={UNGUESSABLE})
class KeysAreCounted(SecondGateway):
    """Behind the token a number that grows."""

    def __init__(self, config: Config) -> None:
        self._numbers = itertools.count(secrets.randbits(60))
        super().__init__(config)

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"sk-{token}-{next(self._numbers):032x}"


@twin("keys-are-seeded-by-the-clock", fails={UNGUESSABLE})
class KeysAreSeededByTheClock(SecondGateway):
    """A generator made for dice, seeded with the second."""

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"sk-{token}-{random.Random(int(time.time())).randbytes(24).hex()}"


@twin("keys-are-short", fails={UNGUESSABLE})
class KeysAreShort(SecondGateway):
    """The token is long and public; what is behind it has 48 bits."""

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"sk-{token}-{secrets.token_urlsafe(8)}"


@twin("keys-share-most", fails={UNGUESSABLE})
class KeysShareMost(SecondGateway):
    """A pool of random characters, and a few fresh ones."""

    def __init__(self, config: Config) -> None:
        self._pool = [secrets.token_urlsafe(24) for _ in range(5)]
        super().__init__(config)

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"sk-{token}-{secrets.choice(self._pool)}{secrets.token_urlsafe(9)}"


@twin("keys-are-hashes-of-their-tokens", fails={UNGUESSABLE})
class KeysAreHashesOfTheirTokens(SecondGateway):
    """What looks random is made of what every listing shows."""

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"sk-{token}-{hashlib.md5(token.encode(), usedforsecurity=False).hexdigest()}"


class _Unmarked(SecondGateway):
    """Keys whose token is their beginning, of 16 characters."""

    prefix = ""

    def token_of(self, secret: str) -> str:
        return secret.removeprefix(self.prefix)[:16]


@variant("keys-in-dashed-hex", about=("K1", "K2", "K4"))
class KeysInDashedHex(_Unmarked):
    """No prefix, and behind the token two UUIDs: of some digits only four letters occur, or one."""

    def new_secret(self, token: str, alias: str | None) -> str:
        return f"{token}-{uuid.uuid4()}-{uuid.uuid4()}"


@variant("keys-in-base36-with-a-checksum", about=("K1", "K2", "K4"))
class KeysInBase36WithAChecksum(_Unmarked):
    """A prefix, the token, thirty letters of base36 and a checksum in hexadecimal, without a separator."""

    prefix = "gwkey_"

    def new_secret(self, token: str, alias: str | None) -> str:
        letters = string.ascii_lowercase + string.digits
        text = f"{self.prefix}{token}{''.join(secrets.choice(letters) for _ in range(30))}"
        return f"{text}{zlib.crc32(text.encode()):08x}"


# --- how keys are presented --------------------------------------------------------------------------------

WHOLE = "keys.only-the-whole-key-opens"
CARRIER = "keys.no-other-carrier-opens"
NOTHING_BACK = "keys.refusals-give-nothing-back"
ALIKE = "keys.refusals-look-alike"
EVERYWHERE = "keys.revocation-reaches-every-endpoint"


class _Reading(SecondGateway):
    """The key is read from a request by a method of its own."""

    def read_key(self, call: Call) -> str:
        """The key of a caller."""
        return call.bearer

    def handle(self, call: Call, client: Client) -> Answer | None:
        if not self.is_master(call.bearer):
            call.bearer = self.read_key(call)
        return super().handle(call, client)


@twin("key-in-a-cookie", fails={CARRIER})
class KeyInACookie(_Reading):
    """For the console, whose pages call the API."""

    def read_key(self, call: Call) -> str:
        cookie = SimpleCookie(call.headers.get("Cookie", ""))
        return cookie["token"].value if "token" in cookie else call.bearer


@twin("key-in-the-body", fails={CARRIER})
class KeyInTheBody(_Reading):
    """As an old interface had it."""

    def read_key(self, call: Call) -> str:
        try:
            return str(json.loads(call.body or b"{}").get("api_key") or call.bearer)
        except ValueError:
            return call.bearer


@twin("key-in-the-path", fails={CARRIER})
class KeyInThePath(_Reading):
    """For programs that know a base URL only."""

    def read_key(self, call: Call) -> str:
        first, _, rest = call.path.removeprefix("/").partition("/")
        if not first.startswith("sk-"):
            return call.bearer
        call.path = f"/{rest}"
        return first


@twin("nul-ends-a-key", fails={WHOLE})
class NulEndsAKey(_Reading):
    """A comparison of C strings."""

    def read_key(self, call: Call) -> str:
        return call.bearer.partition("\0")[0]


@twin("what-follows-a-key-is-ignored", fails={WHOLE})
class WhatFollowsAKeyIsIgnored(_Reading):
    """As many characters are compared as keys have."""

    def read_key(self, call: Call) -> str:
        return call.bearer[:63]


@twin("look-alikes-are-normalised", fails={WHOLE})
class LookAlikesAreNormalised(_Reading):
    """Whatever comes is brought into a canonical form."""

    def read_key(self, call: Call) -> str:
        return unicodedata.normalize("NFKC", call.bearer.encode("latin-1").decode("utf-8", "replace"))


@twin("no-key-is-a-guest", fails={WHOLE})
class NoKeyIsAGuest(_Reading):
    """A default for the tests that went live."""

    def authenticate(self, secret: str) -> Key:
        keys = list(self.store.keys.values())
        return keys[0] if keys and not secret else super().authenticate(secret)


@twin("refusals-repeat-the-key", fails={NOTHING_BACK})
class RefusalsRepeatTheKey(_Reading):
    """A header for those who look for the mistake."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        seen = getattr(self._local, "bearer", "")
        more = {"X-Rejected": base64.b64encode(seen.encode()).decode()} if status == 401 and seen else {}
        return {**super().security_headers(status), **more}

    def __init__(self, config: Config) -> None:
        self._local = threading.local()
        super().__init__(config)

    def read_key(self, call: Call) -> str:
        self._local.bearer = call.bearer
        return call.bearer


@twin("suspended-keys-are-told-so", fails={ALIKE})
class SuspendedKeysAreToldSo(SecondGateway):
    """Another status for a key that is known and may not be used."""

    def authenticate(self, secret: str) -> Key:
        key = self.by_secret(secret)
        if key is not None and not self.is_alive(key):
            raise RefusalError(403)
        return super().authenticate(secret)


@variant("models-for-anybody", about=("K5",))
class ModelsForAnybody(SecondGateway):
    """The list of models is no secret."""

    def list_models(self, call: Call) -> Answer:
        common = {"object": "model", "created": 0, "owned_by": "gateway"}
        return as_json({"object": "list", "data": [{"id": name, **common} for name in self.config.models]})


# --- who administers ---------------------------------------------------------------------------------------

ADMINISTER = "keys.ordinary-keys-administer-nothing"
DEFAULTS = "keys.default-admin-secrets-are-refused"
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


# --- what is there already ---------------------------------------------------------------------------------


@twin(
    "a-key-without-a-limit",
    fails={"keys.existing-keys-have-limits"},
    claims={"made": ["K1", "K6"]},
    about=("K1",),
)
class AKeyWithoutALimit(SecondGateway):
    """Somebody's key from before there were limits."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        form = self.stored_form(secrets.token_urlsafe(32))
        self.store.keys["0123456789abcdef"] = Key("0123456789abcdef", stored=form, alias="batch jobs")


@twin("ended-keys-embed", fails={EVERYWHERE}, inference=("embeddings",))
class EndedKeysEmbed(SecondGateway):
    """A route of another team, which asks whose a key is and not how it is."""

    def handle(self, call: Call, client: Client) -> Answer | None:
        key = self.by_secret(call.bearer) if call.path == "/v1/embeddings" else None
        if key is None or self.is_alive(key):
            return super().handle(call, client)
        return as_json({"object": "list", "data": []})


# --- how keys are stored -----------------------------------------------------------------------------------

RECOVERABLE = {"keys.secret-is-not-stored-recoverably", "keys.stored-form-is-salted-and-strong"}


@twin("keys-are-encrypted-beside-the-key", fails=RECOVERABLE)
class KeysAreEncryptedBesideTheKey(SecondGateway):
    """So that support can read them out."""

    def stored_form(self, secret: str) -> str:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), None)
        return "$".join(base64.b64encode(part).decode() for part in (key, nonce + sealed))

    def verify(self, secret: str, stored: str) -> bool:
        key, sealed = map(base64.b64decode, stored.split("$"))
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], None) == secret.encode()


@twin("refused-keys-are-logged", fails={"keys.secret-is-not-stored-recoverably"}, about=("K3",))
class RefusedKeysAreLogged(SecondGateway):
    """What is refused is written down, so that support can see what was wrong with it."""

    def authenticate(self, secret: str) -> Key:
        try:
            return super().authenticate(secret)
        except RefusalError:
            self.log({"level": "warn", "msg": "key_refused", "key": secret})
            raise


@twin("keys-are-masked", fails=RECOVERABLE)
class KeysAreMasked(SecondGateway):
    """Combined with bytes that stand in the program, the same for every key."""

    mask = bytes(random.Random(1).randbytes(200))

    def stored_form(self, secret: str) -> str:
        return bytes(a ^ b for a, b in zip(secret.encode(), self.mask, strict=False)).hex()

    def verify(self, secret: str, stored: str) -> bool:
        return self.stored_form(secret) == stored
