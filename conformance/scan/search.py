"""Searching a window of bytes for many patterns at once."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from conformance.scan.clues import clues
from conformance.scan.engines import interface
from conformance.scan.engines.choice import Chosen, choose
from conformance.scan.engines.interface import FloodedError, Hits
from conformance.scan.patterns import Clue, Needle

__all__ = ["Hit", "Needle", "Prints", "Search"]

# Hits in one window: as many as a table of numbers with two digits has values in a megabyte. More are no coincidence, and no
# scan could look into them all.
_MOST = 3 << 17


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern at `window[start:end]`."""

    start: int
    end: int
    needle: Needle


class Prints:
    """Fingerprints, of which there are many: they get a pass of their own over what the needles' has just read."""

    def __init__(self, needles: Iterable[Needle], engines: Sequence[interface.Engine] | None = None) -> None:
        """Only some `engines` may be allowed to search."""
        self.needles = tuple(_unique(needles).values())
        self._engines = engines

    @cached_property
    def chosen(self) -> Chosen | None:
        """What searches for them, where there are any. It takes seconds to compile, and lets other threads run meanwhile."""
        return choose([needle.pattern for needle in self.needles], self._engines) if self.needles else None

    def without(self, patterns: Container[bytes]) -> "Prints":
        """Those with other patterns than these."""
        if not any(needle.pattern in patterns for needle in self.needles):
            return self
        return Prints((needle for needle in self.needles if needle.pattern not in patterns), self._engines)


class Search:
    """Needles with the clues to them. They are compiled when first searched for."""

    def __init__(
        self,
        needles: Iterable[Needle],
        prints: Prints | None = None,
        engines: Sequence[interface.Engine] | None = None,
    ) -> None:
        """Where two needles have equal patterns, the first counts. Only some `engines` may be allowed to search."""
        self._engines = engines
        unique = _unique(needles)
        self._prints = (prints or Prints(())).without(unique)
        self._needles = tuple(sorted(unique.values(), key=lambda needle: (needle.deep, needle.pattern)))
        self._plain = tuple(needle for needle in self._needles if not needle.deep)
        self.patterns = len(self._needles)
        self.ahead = max((max(n.form.ahead, len(n.pattern)) for n in self._needles), default=0)

    @cached_property
    def plain(self) -> Chosen:
        """The needles alone, without deep ones."""
        return choose([needle.pattern for needle in self._plain], self._engines)

    @cached_property
    def full(self) -> Chosen:
        """Needles and clues."""
        return choose(
            [entry.pattern for entry in self.watched[: len(self.watched) - len(self._prints.needles)]],
            self._engines,
        )

    @cached_property
    def watched(self) -> Sequence[Needle | Clue]:
        """What the numbers of `look` mean: needles, then clues, then fingerprints."""
        unique: dict[bytes, Needle | Clue] = {needle.pattern: needle for needle in self._needles}
        for clue in clues(self._needles):
            unique.setdefault(clue.pattern, clue)
        return (*unique.values(), *self._prints.needles)

    def hits(self, window: bytes | memoryview) -> Iterator[Hit]:
        """Every needle found, but for deep ones."""
        for number, end in self.plain.matcher.scan(window, len(window) + _MOST):
            needle = self._plain[number]
            yield Hit(end - len(needle.pattern), end, needle)

    def look(self, window: bytes | memoryview, *, clues: bool = True) -> tuple[Hits, bool]:
        """Every pattern found, by its number in `watched`; and whether that is all of it.

        Where there are so many that something is amiss, only needles are told, and no deep ones.
        """
        if clues:
            try:
                return self._everything(window), True
            except FloodedError:
                pass
        return self.plain.matcher.scan(window, len(window) + _MOST), not clues

    def _everything(self, window: bytes | memoryview) -> Hits:
        hits = self.full.matcher.scan(window, _MOST)
        if (prints := self._prints.chosen) is not None:
            first = len(self.watched) - len(self._prints.needles)
            hits += [(first + number, end) for number, end in prints.matcher.scan(window, _MOST)]
        return hits


def _unique(needles: Iterable[Needle]) -> dict[bytes, Needle]:
    unique: dict[bytes, Needle] = {}
    for needle in needles:
        unique.setdefault(needle.pattern, needle)
    return unique
