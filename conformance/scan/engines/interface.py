"""What every engine offers: patterns compiled once, buffers scanned by any number of threads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Hits = list[tuple[int, int]]  # (pattern number, offset behind its last byte), in the order of the ends


class FloodedError(Exception):
    """A buffer holds more matches than a scan may bring back; nothing is said of any of them."""


class Matcher(Protocol):
    """Patterns, compiled."""

    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        """Every pattern found, whatever lies around it; other threads run meanwhile. Of patterns that overlap,
        some engines tell all, some the leftmost and longest. Raises FloodedError beyond `most` matches.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A library that can search. Patterns are bytes, none empty, no two equal; neighbours may share a pass."""

    name: str
    version: str  # of the library, with the instruction set that it uses where it tells
    compile: Callable[[Sequence[bytes]], Matcher] = field(repr=False)
    most: int | None = None  # patterns beyond which it is not worth trying; it takes them all the same
