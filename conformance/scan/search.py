"""Searching a window of bytes for many patterns at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from conformance.canary.forms import Form

# The matcher is fast only while its vector prefilter applies: few patterns with similar beginnings.
_GROUP = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """One form of one thing searched for. The label is empty for the run's marker, else it names a secret."""

    form: Form
    label: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern at `window[start:end]`."""

    start: int
    end: int
    needle: Needle


class Search:
    """Patterns, compiled. A window is passed over once per 48 of them."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        """Compile; where two needles have equal patterns, the first counts."""
        unique: dict[bytes, Needle] = {}
        for needle in needles:
            unique.setdefault(needle.form.pattern, needle)
        ordered = [unique[pattern] for pattern in sorted(unique)]
        self.patterns = len(ordered)
        self.ahead = max((max(n.form.ahead, len(n.form.pattern)) for n in ordered), default=0)
        self._groups = [
            (_compile([n.form.pattern for n in group]), group)
            for group in (ordered[start : start + _GROUP] for start in range(0, len(ordered), _GROUP))
        ]

    def hits(self, window: bytes) -> Iterator[Hit]:
        """Every pattern found. Where patterns of one group overlap, the leftmost and longest counts."""
        for matcher, needles in self._groups:
            for index, start, end in matcher.find_matches_as_indexes(window):
                yield Hit(start, end, needles[index])


def _compile(patterns: list[bytes]) -> BytesAhoCorasick:
    return BytesAhoCorasick(patterns, matchkind=MatchKind.LeftmostLongest)
