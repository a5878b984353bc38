"""Secrets that a record holds in some writing, or in parts. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations

from conformance.scan import inflate
from conformance.scan.candidates import decoded
from conformance.scan.ciphers import Recovered
from conformance.scan.tokens import Token, tokens

_LEAST_PART = 6  # characters of a value that is a part of a secret by no chance
_LEAST_UNKNOWN = 64  # bits that parts of a secret must leave unknown
_LEAST_WRITTEN = 20  # characters that are neither mixed nor mapped to others by chance
_LEAST_REPEATS = 6  # of characters in a secret that no other value repeats likewise by chance
_BITS = 6  # of a character


def written(secret: str, known: Sequence[Token]) -> Iterator[Recovered]:
    """Values that are the secret, forwards or backwards, once they are read back, or the bytes that it is a writing of."""
    whole, bare = secret.encode(), decoded(secret)
    for token in known:
        value = token.value
        if token.encoding != "text" and (_holds(value, whole) or value in bare):
            yield Recovered(value, token.encoding)
        elif token.encoding == "text" and len(value) >= len(whole):
            backwards = (t for t in tokens([value[::-1]]) if t.encoding != "text" and _holds(t.value, whole))
            yield from (Recovered(value, f"{other.encoding}, backwards") for other in backwards)
        yield from (Recovered(value, f"compressed by {name}") for name in _compressed(value, whole))
        if token.encoding == "text" and _substituted(value, whole):
            yield Recovered(value, "with other characters for its own")
    yield from _mixed(whole, [token.value for token in known if token.encoding == "text"])


def in_parts(secret: str, known: Iterable[Token]) -> Iterator[Recovered]:
    """The secret by parts of it that stand in several values, where they leave so little that it can be guessed."""
    seen: set[int] = set()
    for token in known:
        text = token.value.decode("utf-8", "replace") if token.encoding == "text" else ""
        at = secret.find(text) if len(text) >= _LEAST_PART else -1
        seen |= set(range(at, at + len(text))) if at >= 0 else set()
    unknown = _BITS * (len(secret) - len(seen))
    if unknown < _LEAST_UNKNOWN:
        yield Recovered(b"", f"in parts that leave {unknown} bits unknown")


def _compressed(value: bytes, secret: bytes) -> Iterator[str]:
    """The formats without a magic that a value too short for carving holds the secret in; no text begins such a stream."""
    for name, make in (("deflate", inflate.deflate), ("brotli", inflate.brotli)):
        if not inflate.here(make):
            continue
        with suppress(inflate.Broken):
            if secret in b"".join(make().pieces(value)):
                yield name


def _holds(value: bytes, secret: bytes) -> bool:
    return secret in value or secret[::-1] in value


def _substituted(value: bytes, secret: bytes) -> bool:
    """Whether each character of the secret stands for the same other one throughout: shifted, mirrored, in other letters."""
    pairs = set(zip(value, secret, strict=False))
    one_way = (
        len(value) == len(secret) and value != secret and len(secret) - len(set(secret)) >= _LEAST_REPEATS
    )
    return one_way and len(pairs) == len(set(value)) == len(set(secret))


def _mixed(secret: bytes, texts: Sequence[bytes]) -> Iterator[Recovered]:
    """The characters of the secret in another order, in a value or in two."""
    wanted = Counter(secret)
    for text in texts:
        if len(text) == len(secret) >= _LEAST_WRITTEN and text != secret and Counter(text) == wanted:
            yield Recovered(text, "its characters in another order")
    for one, other in combinations(dict.fromkeys(texts), 2):
        if len(one) + len(other) == len(secret) >= _LEAST_WRITTEN and Counter(one + other) == wanted:
            yield Recovered(one, "its characters in two values")
