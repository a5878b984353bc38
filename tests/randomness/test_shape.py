"""The shape of keys: what varies, how many letters can stand where, and which checksum ends them."""

import base64
import random
import string
import uuid
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.randomness.shape import alike, checksum_of, sealed, shape

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
Spell = Callable[[random.Random], str]


def spelt(number: int, digits: str, width: int = 0) -> str:
    """A number in the digits of another base."""
    text = ""
    while number:
        number, digit = divmod(number, len(digits))
        text = digits[digit] + text
    return text.rjust(width, digits[0])


def with_checksum(text: str) -> str:
    """As GitHub and npm end their tokens."""
    return text + spelt(zlib.crc32(text.encode()), BASE62, 6)


SPELLINGS: dict[str, Spell] = {
    "hex": lambda dice: dice.randbytes(16).hex(),
    "base64": lambda dice: "sk-" + base64.urlsafe_b64encode(dice.randbytes(16)).decode().rstrip("="),
    "base58": lambda dice: spelt(int.from_bytes(dice.randbytes(16), "big"), BASE58),
    "base62": lambda dice: "k_" + spelt(dice.getrandbits(128), BASE62, 22),
    "base36": lambda dice: spelt(dice.getrandbits(128), string.digits + string.ascii_lowercase, 25),
    "base32": lambda dice: base64.b32encode(dice.randbytes(16)).decode().rstrip("="),
    "dashed": lambda dice: "-".join(dice.randbytes(4).hex() for _ in range(4)),
    "with a checksum": lambda dice: with_checksum("gw_" + spelt(dice.getrandbits(128), BASE62, 22)),
}


def sample(spell: Spell, count: int, seed: int = 0) -> list[str]:
    """Keys of one spelling."""
    dice = random.Random(seed)  # so that what is found once is found again
    return [spell(dice) for _ in range(count)]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("count", [16, 200, 600])
def test_a_key_of_128_bits_is_never_thought_to_hold_fewer(spelling: str, count: int) -> None:
    keys = alike(sample(SPELLINGS[spelling], count))

    assert shape(keys).capacity >= 127.9


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_of_many_keys_the_capacity_is_known_well(spelling: str) -> None:
    keys = alike(sample(SPELLINGS[spelling], 600))

    assert shape(keys).capacity < 129.5


def test_the_fixed_bits_of_a_uuid_do_not_count() -> None:
    found = shape(sample(lambda dice: str(uuid.UUID(int=dice.getrandbits(128), version=4)), 300))

    assert found.capacity == pytest.approx(122)
    assert found.alphabet == "hex"


def test_prefix_public_positions_and_checksum_do_not_count() -> None:
    keys = sample(lambda dice: with_checksum(f"gw_{dice.randbytes(4).hex()}_{dice.randbytes(20).hex()}"), 50)
    found = shape(keys, public=range(3, 11))

    assert (found.prefix, found.checksum, found.public) == ("gw_", "CRC-32 in base62", 8)
    assert found.capacity == 160


@pytest.mark.parametrize(
    ("end", "name"),
    [
        (lambda text: spelt(zlib.crc32(text.encode()), BASE62, 6), "CRC-32 in base62"),
        (lambda text: spelt(zlib.crc32(text[3:].encode()), BASE62, 6), "CRC-32 in base62"),
        (lambda text: f"{zlib.crc32(text.encode()):08x}", "CRC-32 in hex"),
        (
            lambda text: base64.urlsafe_b64encode(zlib.crc32(text.encode()).to_bytes(4, "big"))[:6].decode(),
            "CRC-32 in base64url",
        ),
        (lambda text: text[3:9], ""),
    ],
    ids=["whole", "without the prefix", "hex", "base64url", "none"],
)
def test_known_checksums_are_recognised_and_set_right_again(end: Callable[[str], str], name: str) -> None:
    bodies = [f"gw_{text}" for text in sample(lambda dice: dice.randbytes(16).hex(), 12)]
    keys = [body + end(body) for body in bodies]
    changed = "gw_" + "0" * 32 + keys[0][35:]

    assert checksum_of(keys) == name
    assert (sealed(changed, keys[0]) != changed) is bool(name)
    assert checksum_of([*keys, sealed(changed, keys[0])]) == name


@given(st.lists(st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=30), min_size=2))
def test_whatever_keys_are_they_have_a_shape(keys: list[str]) -> None:
    usual = alike(keys)
    found = shape(usual)

    assert all(key.startswith(found.prefix) for key in usual)
    assert len(found.varying) == len(found.letters) <= found.length
    assert all(
        len({key[at] for key in usual}) <= most for at, most in zip(found.varying, found.letters, strict=True)
    )
