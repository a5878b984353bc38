"""Slow hashes of which salt and digest stand in columns of their own, their settings beside them or in the gateway's code. Pure.

That is how Node's `scryptSync` and `pbkdf2Sync` are mostly used. Settings are taken from numbers of the record, then from the
usual ones, within a budget.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from conformance.scan.kdf import Stretched
from conformance.scan.tokens import Token, is_digest_sized, is_piece

_USUAL_ROUNDS = (1_000, 10_000, 100_000)
_USUAL_COSTS = (1 << 14,)  # 16,384 is Node's own
_HASHES = ("sha256", "sha512", "sha1")
_MOST_ROUNDS, _MOST_TOLD = 700_000, 3_000_000
_MOST_MIXED = 4  # scrypt computations
_ROUNDS, _COSTS = range(1_000, 2_000_001), range(1 << 10, (1 << 17) + 1)
_BLOCK = 8  # scrypt's r; its p is one
_LONGEST = 64
_SALTS = range(8, 65)
_USUAL_SALTS = (16, 32, 24, 22, 8, 12, 20)
_MOST_SALTS = 4


def stretched_apart(
    known: Sequence[Token], public: Iterable[bytes], materials: Sequence[bytes]
) -> Iterator[Stretched]:
    """What PBKDF2 or scrypt makes of a material and a salt among `known`, where that is another one that is not public."""
    unknown = [t for t in known if t.value not in set(public) and not t.value.isdigit()]
    digests = {t.value for t in unknown if is_digest_sized(t)}
    sized = sorted((t for t in unknown if len(t.value) in _SALTS), key=_likely)
    salts = list(dict.fromkeys(token.value for token in sized))
    numbers = [int(t.value) for t in known if t.encoding == "text" and t.value.isdigit() and len(t.value) < 8]
    if digests and salts:
        tries = tuple(product(materials[:1], salts[:_MOST_SALTS]))
        yield from _scrypt(tries, [n for n in numbers if n in _COSTS and not n & (n - 1)], digests)
        yield from _pbkdf2(tries, [n for n in numbers if n in _ROUNDS], digests)


def _likely(salt: Token) -> tuple[bool, int]:
    """Values before parts of values, usual lengths first: of bytes, and of the text of those."""
    size = len(salt.value)
    return is_piece(salt), _USUAL_SALTS.index(size) if size in _USUAL_SALTS else size + len(_USUAL_SALTS)


def _scrypt(
    tries: Sequence[tuple[bytes, bytes]], told: Sequence[int], digests: set[bytes]
) -> Iterator[Stretched]:
    left = _MOST_MIXED
    for cost, (material, salt) in product(dict.fromkeys([*told, *_USUAL_COSTS]), tries):
        if not left:
            return
        left -= 1
        made = hashlib.scrypt(material, salt=salt, n=cost, r=_BLOCK, p=1, maxmem=1 << 28, dklen=_LONGEST)
        for digest in _beginnings(made, digests - {salt}):
            yield Stretched(f"scrypt, N={cost:,} r={_BLOCK} p=1", verified=True, salt=salt, digest=digest)
            return


def _pbkdf2(
    tries: Sequence[tuple[bytes, bytes]], told: Sequence[int], digests: set[bytes]
) -> Iterator[Stretched]:
    left = _MOST_ROUNDS + min(_MOST_TOLD, sum(told) * len(tries) * len(_HASHES))
    sizes = max(len(digest) for digest in digests)
    for rounds, (material, salt), name in product(dict.fromkeys([*told, *_USUAL_ROUNDS]), tries, _HASHES):
        length = min(sizes, hashlib.new(name, usedforsecurity=False).digest_size)
        left -= rounds
        if left < 0:
            return
        made = hashlib.pbkdf2_hmac(name, material, salt, rounds, length)
        for digest in _beginnings(made, digests - {salt}):
            yield Stretched(f"PBKDF2-{name}, {rounds:,} rounds", verified=True, salt=salt, digest=digest)
            return


def _beginnings(made: bytes, digests: Iterable[bytes]) -> Iterator[bytes]:
    """The digests that begin as what was made: each block of either function is made for itself."""
    return (digest for digest in digests if digest[: len(made)] == made[: len(digest)])
