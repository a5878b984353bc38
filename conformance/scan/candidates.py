"""Candidates: what a gateway may have computed from a key, generated once per record and in bounded number."""

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from conformance.canary.forms import Form
from conformance.scan.blake3 import MOST, blake3
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


def _offered(name: str, size: int | None = None) -> Hash:
    """A hash that OpenSSL has in some builds only, by its name there; `size` where that is free. Nothing where it has not."""

    def digest(message: bytes) -> bytes:
        made = hashlib.new(name, message, usedforsecurity=False)
        return made.digest() if size is None else made.digest(size)  # type: ignore[call-arg]

    return digest


def _chained(outer: str, inner: str, *, hexadecimal: bool) -> Hash:
    def digest(message: bytes) -> bytes:
        first = hashlib.new(inner, message, usedforsecurity=False)
        again = first.hexdigest().encode() if hexadecimal else first.digest()
        return hashlib.new(outer, again, usedforsecurity=False).digest()

    return digest


# Tried without a salt, and with one where no usual digest fits: too rare to be searched for everywhere.
RARER: dict[str, Hash] = {
    name: digest
    for name, needs, digest in (
        ("SHA-512/256", "sha512_256", _offered("sha512_256")),
        ("SHA-512/224", "sha512_224", _offered("sha512_224")),
        ("SHA3-384", "sha3_384", _offered("sha3_384")),
        ("SHA3-224", "sha3_224", _offered("sha3_224")),
        ("SHAKE256", "shake_256", _offered("shake_256", 64)),
        ("SHAKE128", "shake_128", _offered("shake_128", 64)),
        ("SM3", "sm3", _offered("sm3")),
        ("RIPEMD-160", "ripemd160", _offered("ripemd160")),
        ("SHA-512 twice", "sha512", _chained("sha512", "sha512", hexadecimal=False)),
        ("SHA-256 of hex MD5", "md5", _chained("sha256", "md5", hexadecimal=True)),
        ("SHA-256 of hex SHA-1", "sha1", _chained("sha256", "sha1", hexadecimal=True)),
        ("SHA-256 of hex SHA-512", "sha512", _chained("sha256", "sha512", hexadecimal=True)),
        ("SHA-512 of hex SHA-256", "sha512", _chained("sha512", "sha256", hexadecimal=True)),
        ("SHA-1 of SHA-1", "sha1", _chained("sha1", "sha1", hexadecimal=False)),
        ("SHA-1 of hex SHA-1", "sha1", _chained("sha1", "sha1", hexadecimal=True)),
        ("SHA-1 of hex MD5", "md5", _chained("sha1", "md5", hexadecimal=True)),
        ("MD5 of hex MD5", "md5", _chained("md5", "md5", hexadecimal=True)),
        ("MD5 of hex SHA-1", "md5", _chained("md5", "sha1", hexadecimal=True)),
        ("MD5 of hex SHA-256", "md5", _chained("md5", "sha256", hexadecimal=True)),
    )
    if needs in hashlib.algorithms_available
}
RARER["BLAKE2b-160"] = lambda m: hashlib.blake2b(m, digest_size=20).digest()
BROKEN = frozenset(
    {
        "SHA-1",
        "MD5",
        "RIPEMD-160",
        "HMAC-SHA-1",
        "HMAC-MD5",
        "SHA-1 of SHA-1",
        "SHA-1 of hex MD5",
        "MD5 of hex MD5",
    }
    | {"MD5 of hex SHA-256", "MD5 of hex SHA-1", "SHA-1 of hex SHA-1"}
)
_KEYED = {
    "HMAC-SHA-256": "sha256", "HMAC-SHA-512": "sha512", "HMAC-SHA-384": "sha384", "HMAC-SHA3-256": "sha3_256",
    "HMAC-SHA-1": "sha1", "HMAC-MD5": "md5",
}  # fmt: skip
_BETWEEN = (b"", b"$", b":", b".", b"-", b"_", b"|")
_CHECKSUM = 6  # characters, in the key formats of GitHub and npm
_PARTS = (4, 6, 8, 10, 12, 16, 20, 24, 32)
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
    found = [Material(secret.encode(), "the whole key"), _behind(core, "the last separator", secret)]
    found += [_behind(rest, name, secret) for rest, name in _rests(secret)]
    rest = re.split(r"[-_.]", secret, maxsplit=1)[-1] or secret
    for text, name in ((secret, "the whole key"), (core, "the last part"), (rest, "the rest")):
        if len(text) > 4 * _CHECKSUM:
            found.append(Material(text[:-_CHECKSUM].encode(), f"{name} without its last {_CHECKSUM}"))
    for text, name in ((core, "the last part"), (rest, "the rest"), (secret, "the whole key")):
        found += [Material(value, f"{name} as {way}") for value, way in _decoded(text)]
    found += _cut(secret, core)
    unique: dict[bytes, Material] = {}
    for material in found:
        unique.setdefault(material.value, material)
    return tuple(unique.values())


def decoded(secret: str) -> frozenset[bytes]:
    """What a key, or its part behind a separator, is the hexadecimal or base64 form of, where that is long enough to be it."""
    texts = (secret, re.split(r"[-_.]", secret)[-1], *(rest for rest, _ in _rests(secret)))
    found = {value for text in texts for value, _ in _decoded(text)}
    return frozenset(value for value in found if 8 * len(value) >= _ENOUGH)


def _rests(secret: str) -> Iterator[tuple[str, str]]:
    """What is left of a key behind each of its first separators."""
    for count, name in enumerate(("the first separator", "the second separator", "the third separator"), 1):
        parts = re.split(r"[-_.]", secret, maxsplit=count)
        if len(parts) > count and parts[-1]:
            yield parts[-1], name


def _behind(text: str, name: str, secret: str) -> Material:
    """A part of a key; too little of it where it can be guessed and more of the key is unknown."""
    bits = len(text) * (4 if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", text) else 6)
    little = bits < _ENOUGH and 2 * len(text) < len(secret)
    return Material(text.encode(), f"the part behind {name}", part=little)


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
    for material, (name, digest) in product((*ways, *_dressed(secret)), (ALGORITHMS | RARER).items()):
        yield Candidate(digest(material.value), name, material, "unsalted")
    for material in ways:
        yield Candidate(hmac.digest(b"", material.value, "sha256"), "HMAC-SHA-256", material, "unsalted")
        yield from _blake3(material)
    known = tuple(salts)
    for part in (False, True):
        for salt, material in product(known, ways):
            if material.part is part:
                yield from _salted(material, salt, _BETWEEN if material in ways[:3] else _BETWEEN[:1])
    for salt, material in product(known, ways[:2]):
        yield from _rarely_salted(material, salt)


def seasoned(secret: str, peppers: Iterable[Token], salts: Iterable[Token]) -> Iterator[Candidate]:
    """What is computed of a key, a salt and something third that all keys share; the salt is the one that is named."""
    known = tuple(salts)
    for pepper, salt, material in product(peppers, known, materials(secret)[:2]):
        if pepper.value == salt.value:
            continue
        for inner, order in (
            (salt.value + material.value, "salt first"),
            (material.value + salt.value, "key first"),
        ):
            for name in ("sha256", "sha512"):
                label = f"{name.upper().replace('SHA', 'SHA-')} with a further value"
                yield Candidate(
                    hmac.digest(pepper.value, inner, name), f"HMAC-{label}", material, order, salt
                )
                for whole in (pepper.value + inner, inner + pepper.value):
                    yield Candidate(hashlib.new(name, whole).digest(), label, material, order, salt)
        keyed = hmac.digest(pepper.value, material.value, "sha256")
        for inner in (salt.value + keyed, keyed + salt.value, salt.value + keyed.hex().encode()):
            label = "SHA-256 of an HMAC with a further value"
            yield Candidate(hashlib.sha256(inner).digest(), label, material, "salt first", salt)


def _dressed(secret: str) -> Iterator[Material]:
    """The whole key as it stands in a header, a line or a document, and in other letters."""
    for text, name in (
        (f"Bearer {secret}", "the key behind its scheme"),
        (f"{secret}\n", "the key with the end of its line"),
        (f'"{secret}"', "the key in quotes"),
        (secret.lower(), "the key in small letters"),
        (secret.upper(), "the key in capitals"),
        (base64.b64encode(secret.encode()).decode(), "the key in base64"),
    ):
        yield Material(text.encode(), name)
    yield Material(secret.encode("utf-16-le"), "the key in UTF-16")


def _blake3(material: Material) -> Iterator[Candidate]:
    if len(material.value) <= MOST:
        yield Candidate(blake3(material.value), "BLAKE3", material, "unsalted")


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


def _salted(material: Material, salt: Token, marks: Sequence[bytes]) -> Iterator[Candidate]:
    for name, digest in ALGORITHMS.items():
        for between in marks:
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


def _rarely_salted(material: Material, salt: Token) -> Iterator[Candidate]:
    """Digests and ways of salting that only few use."""
    first, last = salt.value + material.value, material.value + salt.value
    for name, digest in RARER.items():
        yield Candidate(digest(first), name, material, "salt first", salt)
        yield Candidate(digest(last), name, material, "key first", salt)
    for name, digest in ALGORITHMS.items():
        for whole, order in (
            (first + salt.value, "salt on both sides"),
            (salt.value + b"\0" + material.value, "salt first"),
            (material.value + b"{" + salt.value + b"}", "key first"),
            (salt.value + digest(material.value), "salt before the digest"),
            (digest(material.value) + salt.value, "salt behind the digest"),
            (salt.value + digest(material.value).hex().encode(), "salt before the digest"),
            (digest(material.value).hex().encode() + salt.value, "salt behind the digest"),
        ):
            yield Candidate(digest(whole), name, material, order, salt)
    if len(salt.value) <= hashlib.blake2b.SALT_SIZE:
        for size in (32, 64):
            made = hashlib.blake2b(material.value, salt=salt.value, digest_size=size).digest()
            yield Candidate(made, "BLAKE2b", material, "its own salt", salt)
    if len(first) <= MOST and len(salt.value) >= 8:
        yield Candidate(blake3(first), "BLAKE3", material, "salt first", salt)
        yield Candidate(blake3(last), "BLAKE3", material, "key first", salt)
        if len(salt.value) == 32:
            yield Candidate(blake3(material.value, salt.value), "BLAKE3", material, "keyed", salt)
