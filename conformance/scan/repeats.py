"""Streams that lie in several places, as rotated logs, copies of a log file and layers of images do: decoded once."""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256

_FIRST = 32  # bytes by which a stream is recognised, before all of it is compared
_MOST = 1 << 16


@dataclass(slots=True)
class Known:
    """A whole stream that was decoded before. What it held nothing of is settled once its item was scanned."""

    length: int
    digest: bytes
    place: int  # offset in its item
    settled: bool = False


@dataclass(slots=True)
class Library:
    """Streams of all items that one engine scanned."""

    streams: dict[tuple[str, bytes], Known] = field(default_factory=dict)


@dataclass(slots=True)
class Repeats:
    """The streams of one item, and of items before in which nothing was found."""

    library: Library
    _own: dict[tuple[str, bytes], Known] = field(default_factory=dict)
    _again: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _found: set[int] = field(default_factory=set)

    def length(self, name: str, data: memoryview, place: int) -> int:
        """How many of these bytes are a stream whose content is known; 0 where it has to be decoded."""
        key = name, bytes(data[:_FIRST])
        known = self._own.get(key) or self.library.streams.get(key)
        if known is None or len(data) < known.length or _digest(data[: known.length]) != known.digest:
            return 0
        if not known.settled:
            if known.place in self._found:
                return 0
            self._again[known.place].append(place)
        return known.length

    def add(self, name: str, stream: memoryview, place: int) -> None:
        """Remember a stream that lay whole in what was looked at."""
        if len(stream) > _FIRST and len(self._own) < _MOST:
            known = Known(len(stream), _digest(stream), place)
            self._own.setdefault((name, bytes(stream[:_FIRST])), known)

    def found(self, place: int) -> tuple[int, ...]:
        """Something was found in the stream at a place: the other places at which the same stream lies."""
        self._found.add(place)
        return tuple(self._again.get(place, ()))

    def settle(self) -> None:
        """The item was scanned to its end: in what is not marked as found, there is nothing."""
        for key, known in self._own.items():
            known.settled = known.place not in self._found
            if known.settled and len(self.library.streams) < _MOST:
                self.library.streams[key] = known


def _digest(data: memoryview) -> bytes:
    return sha256(data).digest()
