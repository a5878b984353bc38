"""The second gateway with keys of other makes: some could be guessed, some are only spelt oddly."""

import hashlib
import itertools
import random
import secrets
import string
import time
import uuid
import zlib
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.twins import registry
from tests.twins.checks import UNGUESSABLE

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


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
