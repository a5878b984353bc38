"""Secrets that can be made again from the time of their creation or from what is public."""

import base64
import hashlib
import random
import secrets
import string
import uuid
from collections.abc import Callable

import pytest

from conformance.randomness.generators import remade

NOW = 1_764_000_000.123
ALPHANUMERIC = string.ascii_letters + string.digits
REACH = 30  # milliseconds, so that it is quick


def java(seed: int, letters: str, size: int) -> str:
    """`letters.charAt(new Random(seed).nextInt(letters.length()))`, as Java's documentation defines it."""
    state, made = (seed ^ 0x5DEECE66D) & (2**48 - 1), ""
    for _ in range(size):
        state = (state * 0x5DEECE66D + 0xB) & (2**48 - 1)
        made += letters[(state >> 17) % len(letters)]
    return made


WAYS: dict[str, Callable[[], str]] = {
    "choice": lambda: "".join(map(random.Random(int(NOW)).choice, [ALPHANUMERIC] * 32)),
    "choices": lambda: "".join(random.Random(int(NOW * 1000) + 20).choices(ALPHANUMERIC, k=40)),
    "bytes": lambda: "sk-" + random.Random(int(NOW * 1000) - 9).randbytes(24).hex(),
    "bits": lambda: f"{random.Random(int(NOW)).getrandbits(128):032x}",
    "java": lambda: "key_" + java(int(NOW * 1000) + 3, ALPHANUMERIC, 32),
    "md5 of the millisecond": lambda: hashlib.md5(b"1764000000123", usedforsecurity=False).hexdigest(),
    "sha256 of the name": lambda: "k." + hashlib.sha256(b"a name").hexdigest(),
    "sha512 of a number": lambda: base64.b64encode(hashlib.sha512(b"77").digest()).decode().replace("+", "-"),
    "a UUID of time": lambda: f"sk-{uuid.UUID('c232ab00-9414-11ec-b3c8-9f6bdeced846')}",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_can_be_made_again_is_made_again(way: str) -> None:
    secret = WAYS[way]()
    found = remade(secret, [NOW], ["a name"], set(secret) - set("sk-_."), REACH)

    assert found is not None
    assert len(found.places) >= 10


@pytest.mark.parametrize(
    "secret",
    [
        secrets.token_hex(24),
        "sk-" + secrets.token_urlsafe(32),
        f"{uuid.uuid4()}",
        f"{uuid.uuid4()}-{uuid.uuid4()}",
        str(int(NOW)) + "-" + secrets.token_hex(20),
    ],
    ids=["hex", "base64", "a random UUID", "two of them", "with a date"],
)
def test_a_random_secret_is_not(secret: str) -> None:
    assert remade(secret, [NOW], ["a name"], set(secret), REACH) is None


def test_a_clock_that_is_wrong_is_believed_where_it_is_told() -> None:
    theirs = NOW + 86_400
    secret = random.Random(int(theirs)).randbytes(20).hex()

    assert remade(secret, [NOW], [], set(secret), REACH) is None
    assert remade(secret, [NOW, theirs], [], set(secret), REACH) is not None


def test_what_can_be_made_again_beside_a_secret_is_told_by_its_places() -> None:
    digest = hashlib.md5(b"a name", usedforsecurity=False).hexdigest()
    found = remade(f"sk-{digest}-{secrets.token_hex(32)}", [NOW], ["a name"], set("0a"), REACH)

    assert found is not None
    assert found.places == frozenset(range(3, 35))
