"""Which engine searches: each must find a planted set whole, and the fastest that does is taken.

The measurement is made once per process and class of sizes, on the first set of that class; every compiled set is
tried on its own patterns.
"""

import random
import time
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from conformance.scan.engines import automaton
from conformance.scan.engines.interface import Engine, FloodedError, Matcher
from conformance.scan.engines.system import system
from conformance.scan.engines.wheel import wheel

_SIZES = (64, 128, 512, 8192)  # engines differ by how many patterns they take well; these bound the classes
_SAMPLE = 1 << 20
_ROUNDS, _HOPELESS = 5, 3
_PLANTED = 2000  # of a larger set, so many are planted
_MOST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A matcher, by whom it was made, and what was said of the others."""

    matcher: Matcher
    engine: str
    version: str
    patterns: int
    turned_down: tuple[str, ...] = ()


class NoEngineError(Exception):
    """No engine finds what was planted; nothing that is not found would mean anything."""


@cache
def available() -> tuple[Engine, ...]:
    """The engines that can be loaded here."""
    found = (*system(), wheel(), automaton.grouped(), automaton.whole())
    return tuple(engine for engine in found if engine is not None)


def choose(patterns: Sequence[bytes], engines: Iterable[Engine] | None = None) -> Chosen:
    """Compile with the fastest engine that finds these patterns. Raises NoEngineError."""
    ordered = _ranked(patterns) if engines is None else tuple(engines)
    turned_down = []
    for engine in ordered:
        matcher = _right(engine, patterns)
        if matcher is None:
            turned_down.append(f"{engine.name} {engine.version} misses what was planted")
            continue
        return Chosen(
            matcher=matcher,
            engine=engine.name,
            version=engine.version,
            patterns=len(patterns),
            turned_down=tuple(turned_down),
        )
    raise NoEngineError(f"no engine finds {len(patterns)} planted patterns: {'; '.join(turned_down)}")


def missed(matcher: Matcher, patterns: Sequence[bytes]) -> int:
    """How many planted patterns a matcher does not find where they lie."""
    text, ends = _planted(patterns)
    try:
        found = {end for _, end in matcher.scan(text, _MOST)}
    except FloodedError:
        return len(ends)
    return sum(end not in found for end in ends)


def _right(engine: Engine, patterns: Sequence[bytes]) -> Matcher | None:
    try:
        matcher = engine.compile(patterns)
    except (ValueError, MemoryError, RuntimeError):
        return None
    return None if missed(matcher, patterns) else matcher


def _planted(patterns: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """Patterns one after another, far enough apart that no vector holds two; and where each ends."""
    step = -(-len(patterns) // _PLANTED) or 1
    text, ends = bytearray(b"\xff" * 64), []
    for pattern in patterns[::step]:
        text += pattern
        ends.append(len(text))
        text += b"\xff" * (33 + len(ends) % 31)
    return bytes(text), ends


_rankings: dict[int, tuple[str, ...]] = {}


def _ranked(patterns: Sequence[bytes]) -> tuple[Engine, ...]:
    """The engines, fastest first, by the first set of this size that was searched for."""
    size = next((size for size in _SIZES if len(patterns) <= size), _SIZES[-1])
    if size not in _rankings:
        _rankings[size] = tuple(_timed(patterns[:: -(-len(patterns) // _PLANTED) or 1], _fit(size)))
    order = _rankings[size]
    return tuple(sorted(_fit(size), key=lambda engine: order.index(engine.name)))


def _fit(size: int) -> list[Engine]:
    return [engine for engine in available() if engine.most is None or size <= engine.most]


def _timed(patterns: Sequence[bytes], engines: Iterable[Engine]) -> list[str]:
    """Names of the engines by their best CPU time of several rounds in turn; what is wrong, or hopeless after one, comes last."""
    matchers = {engine.name: _right(engine, patterns) for engine in engines}
    best = dict.fromkeys(matchers, float("inf"))
    for _ in range(_ROUNDS):
        hopeless = _HOPELESS * min(best.values())
        for name, matcher in matchers.items():
            if matcher is not None and (best[name] == float("inf") or best[name] < hopeless):
                best[name] = min(best[name], _seconds(matcher))
    return sorted(best, key=lambda name: best[name])


def _seconds(matcher: Matcher) -> float:
    sample = _mixed()
    began = time.thread_time()
    matcher.scan(sample, _MOST)
    return time.thread_time() - began


@cache
def _mixed() -> bytes:
    source = random.Random(1)  # noqa: S311 - a sample that is the same everywhere
    return b"".join(_piece(source) for _ in range(_SAMPLE >> 15))


def _piece(source: random.Random) -> bytes:
    """32 KiB: half of what logs hold, which is text, numbers and base64; half of noise."""
    words = " ".join(source.choices(("event", "request", "200", "milliseconds", "chat"), k=1100))
    numbers = ", ".join(str(source.randrange(100_000)) for _ in range(600))
    digits = b64encode(source.randbytes(3 << 10))
    log = b"\n".join((words.encode(), numbers.encode(), digits))
    return log.ljust(1 << 14)[: 1 << 14] + source.randbytes(1 << 14)
