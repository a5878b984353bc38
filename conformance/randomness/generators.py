"""Common ways of making secrets that whoever knows the time, or a public value, can repeat. Pure.

Each generator is run over the seeds that the moment of creation allows; what it makes is looked for in the secret. That ten
characters of it match is no chance: some hundred thousand beginnings are tried.
"""

import base64
import hashlib
import random
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

_LEAST = 10  # characters that must match; two more are made, so that a checksum or a separator may follow
_SECONDS = 2  # around the moment of creation: clocks differ
REACH = 1000  # milliseconds around it
_COUNTED = 2048  # how far somebody may have counted
_UPPER, _LOWER, _DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
_ORDERS = (
    _LOWER + _UPPER + _DIGITS, _DIGITS + _LOWER + _UPPER, _UPPER + _LOWER + _DIGITS, _DIGITS + _UPPER + _LOWER,
    _LOWER + _DIGITS, _DIGITS + _LOWER, _UPPER + _DIGITS, _DIGITS + _UPPER, "0123456789abcdef", _DIGITS,
    _UPPER + _LOWER + _DIGITS + "-_",
)  # fmt: skip
_UUID = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-([0-9a-fA-F])[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    r"(?![0-9a-fA-F])"
)
_HASHES = ("md5", "sha1", "sha256", "sha512")
_WIDTHS = (256, 128, 160, 192)  # bits


@dataclass(frozen=True, slots=True)
class Remade:
    """A secret that could be made again: how, from what kind of seed, and which of its places that explains.

    The seed itself is a part of the secret's making and is not kept.
    """

    generator: str
    seed: str
    places: frozenset[int]


def remade(
    secret: str,
    moments: Iterable[float],
    public: Iterable[str],
    letters: Iterable[str],
    reach: int = REACH,
) -> Remade | None:
    """How a secret can be made again from the time of its creation or from a public value; None where it cannot so.

    `moments` are seconds since the epoch, by our clock and by the target's; `letters` are those that were seen in secrets;
    `reach` is how many milliseconds before and after each moment are tried.
    """
    when = tuple(moments)
    seeds = [*_times(when, reach)]
    known = [("a public value", value) for value in public]
    known += [
        (kind, str(number)) for kind, number in (*seeds, *(("a small number", n) for n in range(_COUNTED)))
    ]
    for kind, text in known:
        for name, made in _digests(text):
            if explained := _matching(secret, made):
                return Remade(name, kind, explained)
    if (found := _uuid_of_time(secret)) is not None:
        return found
    used = set(letters)
    orders = tuple(order for order in _ORDERS if used <= set(order))
    for kind, seed in seeds:
        for name, generate in _GENERATORS.items():
            for made in generate(seed, orders, _LEAST + 2):
                if _matching(secret, made):
                    whole = max((_matching(secret, m) for m in generate(seed, orders, len(secret))), key=len)
                    return Remade(name, kind, whole)
    return None


def _matching(secret: str, made: str) -> frozenset[int]:
    """The places of a secret at which what was made stands, if ten characters of it do."""
    at = secret.find(made[:_LEAST]) if len(made) >= _LEAST else -1
    if at < 0:
        return frozenset()
    end = at
    while end < len(secret) and end - at < len(made) and secret[end] == made[end - at]:
        end += 1
    return frozenset(range(at, end))


def _times(moments: Sequence[float], reach: int) -> Iterator[tuple[str, int]]:
    """The seconds and milliseconds around each moment, once."""
    seconds = {int(m) + more for m in moments for more in range(-_SECONDS, _SECONDS + 1)}
    milliseconds = {int(m * 1000) + more for m in moments for more in range(-reach, reach + 1)}
    yield from (("the second of creation", second) for second in sorted(seconds))
    yield from (("the millisecond of creation", millisecond) for millisecond in sorted(milliseconds))


def _digests(text: str) -> Iterator[tuple[str, str]]:
    for algorithm in _HASHES:
        digest = hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest()
        yield f"{algorithm} in hex", digest.hex()
        yield f"{algorithm} in base64", base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _uuid_of_time(secret: str) -> Remade | None:
    """A UUID in a secret that is made of time and node (RFC 9562, 5.1, 5.2, 5.6)."""
    for match in _UUID.finditer(secret):
        version = int(match[1], 16)
        if version in {1, 2, 6}:
            return Remade(f"UUID of version {version}", "time and node", frozenset(range(*match.span())))
    return None


def _mersenne(seed: int, orders: Sequence[str], size: int) -> Iterator[str]:
    """Python's `random` as it is mostly used: `choice` and `choices` over an alphabet, and bits in hex."""
    for letters in orders:
        choice = random.Random(seed).choice  # noqa: S311 - the very weakness that is looked for
        yield "".join([choice(letters) for _ in range(size)])
        yield "".join(random.Random(seed).choices(letters, k=size))  # noqa: S311
    if any("0123456789abcdef" in letters for letters in orders):
        for width in _WIDTHS:
            yield f"{random.Random(seed).getrandbits(width):0{width // 4}x}"  # noqa: S311
        yield random.Random(seed).randbytes(32).hex()  # noqa: S311


def _java(seed: int, orders: Sequence[str], size: int) -> Iterator[str]:
    """`java.util.Random.nextInt(n)`, a linear congruential generator of 48 bits (its documentation says how)."""
    for letters in orders:
        state = (seed ^ 0x5DEECE66D) & (1 << 48) - 1
        made, count = "", len(letters)
        for _ in range(size):
            state = (state * 0x5DEECE66D + 0xB) & (1 << 48) - 1
            bits = state >> 17
            made += letters[bits * count >> 31 if count & (count - 1) == 0 else bits % count]
        yield made


def _c_rand(seed: int, orders: Sequence[str], size: int) -> Iterator[str]:
    """The example generator of the C standard (ISO C11, 7.22.2), `rand() % n`."""
    for letters in orders:
        state, made = seed & 0xFFFFFFFF, ""
        for _ in range(size):
            state = (state * 1103515245 + 12345) & 0xFFFFFFFF
            made += letters[(state // 65536 % 32768) % len(letters)]
        yield made


_GENERATORS: dict[str, Callable[[int, Sequence[str], int], Iterator[str]]] = {
    "a Mersenne Twister": _mersenne,
    "java.util.Random": _java,
    "the C standard's rand()": _c_rand,
}
