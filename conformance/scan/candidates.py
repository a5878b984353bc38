"""Candidates: what a gateway may have computed from a key, generated once per record and in bounded number."""

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from conformance.canary.forms import Form
from conformance.scan.search import Needle
from conformance.scan.tokens import Token

Hash = Callable[[bytes], bytes]

ALGORITHMS: dict[str, Hash] = {
    "SHA-256": lambda m: hashlib.sha256(m).digest(),
    "SHA-512": lambda m: hashlib.sha512(m).digest(),
    "SHA-384": lambda m: hashlib.sha384(m).digest(),
    "SHA-224": lambda m: hashlib.sha224(m).digest(),
    "SHA3-256": lambda m: hashlib.sha3_256(m).digest(),
    "SHA3-512": lambda m: hashlib.sha3_512(m).digest(),
    "BLAKE2b": lambda m: hashlib.blake2b(m).digest(),
    "BLAKE2b-256": lambda m: hashlib.blake2b(m, digest_size=32).digest(),
    "BLAKE2s": lambda m: hashlib.blake2s(m).digest(),
    "SHA-1": lambda m: hashlib.sha1(m, usedforsecurity=False).digest(),
    "MD5": lambda m: hashlib.md5(m, usedforsecurity=False).digest(),
    "SHA-256 twice": lambda m: hashlib.sha256(hashlib.sha256(m).digest()).digest(),
    "SHA-256 of hex SHA-256": lambda m: hashlib.sha256(hashlib.sha256(m).hexdigest().encode()).digest(),
}
BROKEN = frozenset({"SHA-1", "MD5", "HMAC-SHA-1", "HMAC-MD5"})
_KEYED = {"HMAC-SHA-256": "sha256", "HMAC-SHA-512": "sha512", "HMAC-SHA-1": "sha1", "HMAC-MD5": "md5"}
_BETWEEN = (b"", b"$", b":", b".")
_CHECKSUM = 6  # characters, in the key formats of GitHub and npm
_PARTS = (8, 10, 12, 16, 20, 24, 32)
_ENOUGH = 128  # bits


@dataclass(frozen=True, slots=True)
class Material:
    """Bytes of a key that may have been hashed; `part` where too little of it to be the key."""

    value: bytes
    name: str
    part: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A digest that a key may be stored as, and how it comes about."""

    digest: bytes
    algorithm: str
    material: Material
    order: str  # "unsalted", "salt first", "key first", "keyed"
    salt: Token | None = None


def materials(secret: str) -> tuple[Material, ...]:
    """The ways of reading a key before hashing it, the whole first."""
    core = re.split(r"[-_.]", secret)[-1] or secret
    rest = re.split(r"[-_.]", secret, maxsplit=1)[-1] or secret
    found = [
        Material(secret.encode(), "the whole key"),
        Material(core.encode(), "the part behind the last separator"),
    ]
    found.append(Material(rest.encode(), "the part behind the first separator"))
    for text, name in ((secret, "the whole key"), (core, "the last part"), (rest, "the rest")):
        if len(text) > 4 * _CHECKSUM:
            found.append(Material(text[:-_CHECKSUM].encode(), f"{name} without its last {_CHECKSUM}"))
    found += [Material(value, f"the last part as {name}") for value, name in _decoded(core)]
    found += [Material(value, f"the rest as {name}") for value, name in _decoded(rest)]
    found += _cut(secret, core)
    unique: dict[bytes, Material] = {}
    for material in found:
        unique.setdefault(material.value, material)
    return tuple(unique.values())


def _cut(secret: str, core: str) -> Iterator[Material]:
    """Beginnings and ends that leave out so much that what is left can be guessed."""
    per_character = math.log2(max(2, len(set(core)))) if core else 1.0
    for text, count in product(dict.fromkeys((secret, core)), _PARTS):
        if count < len(text) and count * min(per_character, 6) < _ENOUGH:
            yield Material(text[:count].encode(), f"its first {count} characters", part=True)
            yield Material(text[-count:].encode(), f"its last {count} characters", part=True)


def _decoded(text: str) -> Iterator[tuple[bytes, str]]:
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){8,}", text):
        yield bytes.fromhex(text), "hex"
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        yield base64.b64decode(padded, validate=True), "base64"
    except binascii.Error:
        return


def candidates(secret: str, salts: Iterable[Token]) -> Iterator[Candidate]:
    """Everything computed from a key without salt, then with each of the salts: parts of it last."""
    ways = materials(secret)
    for material, (name, digest) in product(ways, ALGORITHMS.items()):
        yield Candidate(digest(material.value), name, material, "unsalted")
    known = tuple(salts)
    for part in (False, True):
        for salt, material in product(known, ways):
            if material.part is part:
                yield from _salted(material, salt)


def unsalted_needles(label: str, secret: str) -> Iterator[Needle]:
    """Patterns by which a digest of a key is found without a record that names the key."""
    for material, (name, digest) in product(materials(secret)[:2], ALGORITHMS.items()):
        value = digest(material.value)
        hexadecimal = value.hex().encode()
        encoded = base64.b64encode(value).rstrip(b"=")[:-1]
        url_safe = encoded.replace(b"+", b"-").replace(b"/", b"_")
        for pattern in dict.fromkeys((value, hexadecimal, hexadecimal.upper(), encoded, url_safe)):
            form = Form(name=f"{name} of {material.name}", pattern=pattern, decode=bytes, ahead=len(pattern))
            yield Needle(form=form, label=label, bare=True)


def _salted(material: Material, salt: Token) -> Iterator[Candidate]:
    for name, digest in ALGORITHMS.items():
        for between in _BETWEEN:
            first = salt.value + between + material.value
            last = material.value + between + salt.value
            yield Candidate(digest(first), name, material, "salt first", salt)
            yield Candidate(digest(last), name, material, "key first", salt)
    for name, algorithm in _KEYED.items():
        yield Candidate(hmac.digest(salt.value, material.value, algorithm), name, material, "keyed", salt)
        yield Candidate(hmac.digest(material.value, salt.value, algorithm), name, material, "key first", salt)
    if 0 < len(salt.value) <= 32:
        for size in (32, 64):
            keyed = hashlib.blake2b(material.value, key=salt.value, digest_size=size).digest()
            yield Candidate(keyed, "BLAKE2b", material, "keyed", salt)
        keyed = hashlib.blake2s(material.value, key=salt.value).digest()
        yield Candidate(keyed, "BLAKE2s", material, "keyed", salt)
