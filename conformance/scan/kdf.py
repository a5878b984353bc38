"""Password hashes in their common written forms, verified by recomputation where the standard library can."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

_MOST_ROUNDS = 3_000_000  # PBKDF2 rounds spent on one string; beyond, it is left unverified
_MOST_MEMORY = 1 << 28

# Recognised only: nothing among our dependencies computes them.
_UNVERIFIABLE = re.compile(rb"\$(2[abxy]|argon2(?:id|i|d)|5|6|y|7|bcrypt-sha256|gy)\$[^\s\"']{16,}")
_PBKDF2 = (
    re.compile(rb"pbkdf2_(?P<hash>sha\d+)\$(?P<rounds>\d+)\$(?P<text>[^$\s]+)\$(?P<b64>[A-Za-z0-9+/=]+)"),
    re.compile(
        rb"\$pbkdf2(?:-(?P<hash>sha\d+))?\$(?P<rounds>\d+)\$(?P<salt>[A-Za-z0-9./]+)\$(?P<b64>[A-Za-z0-9./]+)"
    ),
    re.compile(rb"pbkdf2:(?P<hash>sha\d+):(?P<rounds>\d+)\$(?P<text>[^$\s]+)\$(?P<hex>[0-9a-f]+)"),
)
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


def stretched(field: bytes, materials: Iterable[bytes]) -> Iterator[Stretched]:
    """Every password hash in a field that belongs to one of the materials, and those that cannot be computed here."""
    for match in _UNVERIFIABLE.finditer(field):
        yield Stretched(_named(match[1].decode()), verified=False, salt=b"", digest=b"")
    known = tuple(materials)
    for pattern in _PBKDF2:
        for match in pattern.finditer(field):
            yield from _pbkdf2(match, known)
    for pattern in _SCRYPT:
        for match in pattern.finditer(field):
            yield from _scrypt(match, known)


def _pbkdf2(match: re.Match[bytes], materials: tuple[bytes, ...]) -> Iterator[Stretched]:
    name = (match["hash"] or b"sha1").decode()
    rounds, salts, digest = int(match["rounds"]), _salts(match), _digest(match)
    tries = tuple(product(materials, salts))
    if name not in hashlib.algorithms_available or not 0 < rounds * len(tries) <= _MOST_ROUNDS:
        yield Stretched(f"PBKDF2-{name}", verified=False, salt=salts[0], digest=digest)
        return
    for material, salt in tries:
        if digest and hashlib.pbkdf2_hmac(name, material, salt, rounds, len(digest)) == digest:
            label = f"PBKDF2-{name}, {rounds:,} rounds"
            yield Stretched(label, verified=True, salt=salt, digest=digest)
            return


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


def _named(identifier: str) -> str:
    if identifier.startswith(("2", "bcrypt")):
        return "bcrypt"
    return identifier if identifier.startswith("argon2") else f"crypt ${identifier}$"
