"""Password hashes in their common written forms, verified by recomputation. Pure, but for the system's libcrypt."""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from conformance.scan import crypt_strings

_MOST_ROUNDS = 12_000_000  # PBKDF2 rounds spent on one string; beyond, it is left unverified
_MOST_MEMORY = 1 << 28

_PBKDF2 = (
    re.compile(rb"pbkdf2_(?P<hash>sha\d+)\$(?P<rounds>\d+)\$(?P<text>[^$\s]+)\$(?P<b64>[A-Za-z0-9+/=]+)"),
    re.compile(
        rb"\$pbkdf2(?:-(?P<hash>sha\d+))?\$(?P<rounds>\d+)\$(?P<salt>[A-Za-z0-9./]+)\$(?P<b64>[A-Za-z0-9./]+)"
    ),
    re.compile(rb"pbkdf2:(?P<hash>sha\d+):(?P<rounds>\d+)\$(?P<text>[^$\s]+)\$(?P<hex>[0-9a-f]+)"),
    re.compile(
        rb"grub\.pbkdf2\.(?P<hash>sha\d+)\.(?P<rounds>\d+)\.(?P<text>[0-9A-Fa-f]+)\.(?P<hex>[0-9A-Fa-f]+)"
    ),
)
# ASP.NET Core Identity, version 3: 1, the hash by number, rounds, salt length (big-endian words), salt, digest.
_ASP_NET = re.compile(rb"(?<![A-Za-z0-9+/])AQAAAA[A-Za-z0-9+/]{50,150}={0,2}")
_ASP_NET_HEAD = struct.Struct(">xIII")
_ASP_NET_HASHES = {0: "sha1", 1: "sha256", 2: "sha512"}
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_SCRYPT = (
    re.compile(rb"scrypt\$(?P<n>\d+)\$(?P<text>[^$\s]+)\$(?P<r>\d+)\$(?P<p>\d+)\$(?P<b64>[A-Za-z0-9+/=]+)"),
    re.compile(rb"scrypt:(?P<n>\d+):(?P<r>\d+):(?P<p>\d+)\$(?P<text>[^$\s]+)\$(?P<hex>[0-9a-f]+)"),
    re.compile(
        rb"\$scrypt\$ln=(?P<ln>\d+),r=(?P<r>\d+),p=(?P<p>\d+)\$(?P<salt>[A-Za-z0-9+/.]*)\$(?P<b64>[A-Za-z0-9+/.]+)"
    ),
)


@dataclass(frozen=True, slots=True)
class Stretched:
    """A password hash found in a field: verified against the key, or only recognised."""

    algorithm: str
    verified: bool
    salt: bytes
    digest: bytes
    weak: bool = False  # made of MD5 or SHA-1 without a name that promises more
    bits: int | None = None  # that its salt can carry, where `salt` is not the salt alone


def stretched(field: bytes, materials: Iterable[bytes]) -> Iterator[Stretched]:
    """Every password hash in a field that belongs to one of the materials, and those that cannot be computed here."""
    known = tuple(materials)
    for match in crypt_strings.CRYPT.finditer(field):
        yield from _crypt(match, known)
    for match in crypt_strings.ARGON2.finditer(field):
        salt = crypt_strings.argon2_salt(match)
        yield from _decided(match, match["name"].decode(), salt, known, crypt_strings.made_by_argon2)
    for match in crypt_strings.PREHASHED.finditer(field):
        made = crypt_strings.made_by_prehashed_bcrypt
        yield from _decided(match, "bcrypt of HMAC-SHA-256", match["salt"], known, made)
    for match in _ASP_NET.finditer(field):
        yield from _asp_net(_unpacked(match[0]), known)
    for pattern in _PBKDF2:
        for match in pattern.finditer(field):
            yield from _pbkdf2(match, known)
    for pattern in _SCRYPT:
        for match in pattern.finditer(field):
            yield from _scrypt(match, known)


def _crypt(match: re.Match[bytes], materials: Sequence[bytes]) -> Iterator[Stretched]:
    stored, name = match[0], match["name"].decode()
    found = [crypt_strings.made_by_crypt(stored, material) for material in materials]
    if True in found or None in found:
        yield Stretched(
            "bcrypt" if name.startswith("2") else f"crypt ${name}$",
            verified=True in found,
            salt=crypt_strings.salt_of(stored),
            digest=stored,
            weak=name in crypt_strings.WEAK,
            bits=crypt_strings.salt_bits(stored),
        )


def _decided(
    match: re.Match[bytes],
    name: str,
    salt: bytes,
    materials: Sequence[bytes],
    made: Callable[[re.Match[bytes], bytes], bool | None],
) -> Iterator[Stretched]:
    found = [made(match, material) for material in materials]
    if True in found or None in found:
        yield Stretched(name, verified=True in found, salt=salt, digest=match[0])


def _pbkdf2(match: re.Match[bytes], materials: tuple[bytes, ...]) -> Iterator[Stretched]:
    name = (match["hash"] or b"sha1").decode()
    yield from _rounds(name, int(match["rounds"]), _salts(match), _digest(match), materials)


def _asp_net(blob: bytes, materials: tuple[bytes, ...]) -> Iterator[Stretched]:
    number, rounds, size = _ASP_NET_HEAD.unpack_from(blob)
    start = _ASP_NET_HEAD.size
    salt, digest = blob[start : start + size], blob[start + size :]
    if number in _ASP_NET_HASHES and len(salt) == size and digest:
        yield from _rounds(_ASP_NET_HASHES[number], rounds, (salt,), digest, materials)


def _rounds(
    name: str, rounds: int, salts: Sequence[bytes], digest: bytes, materials: Sequence[bytes]
) -> Iterator[Stretched]:
    """PBKDF2 by as many materials and salts as its rounds allow, the likely ones first."""
    tries = tuple(product(materials, salts))
    most = _MOST_ROUNDS // rounds if rounds > 0 and name in hashlib.algorithms_available and digest else 0
    for material, salt in islice(tries, most):
        if hashlib.pbkdf2_hmac(name, material, salt, rounds, len(digest)) == digest:
            label = f"PBKDF2-{name}, {rounds:,} rounds"
            yield Stretched(label, verified=True, salt=salt, digest=digest)
            return
    if len(tries) > most:
        yield Stretched(f"PBKDF2-{name}", verified=False, salt=salts[0], digest=digest)


def _scrypt(match: re.Match[bytes], materials: tuple[bytes, ...]) -> Iterator[Stretched]:
    named = match.groupdict()
    cost = 1 << min(int(named["ln"]), 40) if named.get("ln") else int(match["n"])
    block, lanes, salts, digest = int(match["r"]), int(match["p"]), _salts(match), _digest(match)
    size = 128 * cost * block
    label = f"scrypt, N={cost:,} r={block} p={lanes}"
    if not digest or size > _MOST_MEMORY or lanes > 4 or cost & (cost - 1) or cost < 2:
        yield Stretched(label, verified=False, salt=salts[0], digest=digest)
        return
    for material, salt in product(materials, salts):
        computed = hashlib.scrypt(
            material, salt=salt, n=cost, r=block, p=lanes, maxmem=2 * size + (1 << 20), dklen=len(digest)
        )
        if computed == digest:
            yield Stretched(label, verified=True, salt=salt, digest=digest)
            return


def _salts(match: re.Match[bytes]) -> tuple[bytes, ...]:
    """The salt as it is written, and as the bytes that it may be the base64 or hexadecimal form of."""
    named = match.groupdict()
    text = named.get("text") or b""
    if not text:
        return (_unpacked(named.get("salt") or b""),)
    decoded = [_unpacked(text)] if len(text) % 4 != 1 else []
    decoded += [bytes.fromhex(text.decode())] if _HEX.fullmatch(text) else []
    return tuple(dict.fromkeys([text, *(salt for salt in decoded if salt)]))


def _digest(match: re.Match[bytes]) -> bytes:
    named = match.groupdict()
    if named.get("hex"):
        return bytes.fromhex(named["hex"].decode()) if len(named["hex"]) % 2 == 0 else b""
    return _unpacked(named["b64"])


def _unpacked(text: bytes) -> bytes:
    """Base64 with or without padding, with passlib's dot for plus."""
    digits = text.rstrip(b"=").replace(b".", b"+")
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        return b""
