"""ahocorasick-rs: in every installation. Fast for few patterns with similar beginnings, right for any."""

from collections.abc import Sequence
from importlib.metadata import version

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from conformance.scan.engines.interface import Engine, FloodedError, Hits

# The vector prefilter applies to few patterns only, and only with this kind of match.
_GROUP = 48


class _Automata:
    """Groups of neighbours, a pass for each."""

    def __init__(self, patterns: Sequence[bytes], group: int) -> None:
        self._groups = [
            (
                start,
                BytesAhoCorasick(list(patterns[start : start + group]), matchkind=MatchKind.LeftmostLongest),
            )
            for start in range(0, len(patterns), group)
        ]

    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        """Of patterns of one group that overlap, the leftmost and longest."""
        hits: Hits = []
        for first, automaton in self._groups:
            found = automaton.find_matches_as_indexes(data)
            if len(hits) + len(found) > most:
                raise FloodedError
            hits += [(first + index, end) for index, _, end in found]
        if len(self._groups) > 1:
            hits.sort(key=_end)
        return hits


def grouped() -> Engine:
    """A pass per 48 patterns, each with the vector prefilter."""
    return Engine(name="ahocorasick-rs", version=version("ahocorasick-rs"), compile=_grouped)


def whole() -> Engine:
    """One pass for all, without it."""
    name = "ahocorasick-rs, one automaton"
    return Engine(name=name, version=version("ahocorasick-rs"), compile=_whole)


def _grouped(patterns: Sequence[bytes]) -> _Automata:
    return _Automata(patterns, _GROUP)


def _whole(patterns: Sequence[bytes]) -> _Automata:
    return _Automata(patterns, len(patterns))


def _end(hit: tuple[int, int]) -> int:
    return hit[1]
