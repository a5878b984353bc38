"""A layer of bytes: an item's own, or what something in it decodes to. Searched as it lies, through views, for streams."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf

from conformance.canary.mint import LENGTH
from conformance.scan.carve import SPOT, Believed, Carver
from conformance.scan.engines.interface import Hits
from conformance.scan.job import Found, Job
from conformance.scan.patterns import Beginning, Digits, Event, Fragment, Needle
from conformance.scan.runs import Runs
from conformance.scan.search import Hit
from conformance.scan.second_look import SecondLook
from conformance.scan.windows import TAIL

_STEP = 1 << 18  # decoded bytes gathered before they are looked at
_AHEAD = 1 << 12  # bytes that must follow a place before it is looked at
_APART = b"\0\n"  # no sign that a value begins behind it
_RUNS = frozenset({"base64", "hex"})

Seen = tuple[Hits, bool]


@dataclass(slots=True)
class _Sorted:
    """The hits of one window by what they are, with their offsets; pieces and events with their place in the window."""

    needles: list[tuple[int, Hit]] = field(default_factory=list)
    streams: list[tuple[int, int]] = field(default_factory=list)
    digits: list[tuple[int, Digits]] = field(default_factory=list)
    pieces: list[tuple[int, Fragment]] = field(default_factory=list)
    events: list[int] = field(default_factory=list)


class Layer:
    """Bytes in order, of any length, in bounded memory."""

    def __init__(self, job: Job, chain: tuple[str, ...], locate: Callable[[int], int]) -> None:
        """`chain` says how the bytes were decoded, `locate` turns their offsets into those of the item."""
        self.locate = locate
        self.breaks: list[int] = []  # offsets before which every stream ends, in order
        self._job = job
        self._chain = chain
        self._carver = Carver(self, job.repeats)
        self._runs = Runs(self)
        self._second = SecondLook(job, chain, locate)
        self._pools: dict[str, Pool] = {}
        self._waiting: list[bytes] = []
        self._size = 0  # bytes that wait
        self._tail = b""
        self._at = 0  # offset of the tail
        self._done = 0  # what begins before this offset was dealt with

    def feed(self, chunk: bytes) -> bool:
        """Take decoded bytes; false where the item may not be decoded any further."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        return self._size < _STEP or self._step(last=False)

    def close(self) -> None:
        """Look at what was kept back."""
        self._step(last=True)
        self.finish()

    def finish(self) -> None:
        """No window will follow."""
        self._carver.close()
        for pool in self._pools.values():
            pool.finish()

    def outlet(self, name: str, offset: int, believed: Believed) -> "Pool | None":
        """A place for a stream carved out at an offset of this one. One is open at a time."""
        if not self._may_nest(believed):
            return None
        if name not in self._pools:
            self._pools[name] = Pool(self._job, (*self._chain, name))
        self._pools[name].begin(self.locate(offset))
        return self._pools[name]

    def branch(self, name: str, offset: int, believed: Believed) -> "Layer | None":
        """A place beside others that are open."""
        place = self.locate(offset)
        return Layer(self._job, (*self._chain, name), lambda _: place) if self._may_nest(believed) else None

    def gap(self, reason: str, *, deciding: bool) -> None:
        """Enter what could not be decoded in the ledger."""
        self._job.gap(reason, deciding=deciding)

    def look(self, window: bytes | memoryview, at: int, seen: Seen, *, last: bool) -> None:
        """Deal with what begins in a window, but for its end: windows overlap."""
        hits, complete = seen
        if not complete and self._job.deep:
            self.gap("holds so many beginnings of streams in one place that none was followed", deciding=True)
        limit = at + len(window) - (0 if last else _AHEAD)
        found = self._sorted(hits, at, limit)
        whole = self._report(found, window)
        end = [at + len(window)] if last else []
        self._carver.take(window, at, found.streams, [*self._breaks(at), *end])
        if self._job.deep:
            self._runs.take(window, at, found.digits, last=last)
            pieces = _outside(found.pieces, whole)
            self._second.take(window, at, pieces, found.events, self._done)
        if not self._chain:
            self._job.ledger.classify(window, at, max(limit, self._done), self._carver.decoded())
        self._done = max(self._done, limit)

    def _breaks(self, at: int) -> list[int]:
        del self.breaks[: bisect_right(self.breaks, at)]
        return self.breaks

    def _may_nest(self, believed: Believed) -> bool:
        limits = self._job.limits
        if len(self._chain) >= limits.depth:
            self.gap(f"nested deeper than {limits.depth} encodings", deciding=believed())
        return len(self._chain) < limits.depth and self._job.allowed > 0

    def _step(self, *, last: bool) -> bool:
        chunk = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        if self._chain and not self._job.spend(len(chunk)):
            return False
        window = self._tail + chunk
        self.look(window, self._at, self._job.search.look(window), last=last)
        kept = min(len(window), TAIL)
        self._at += len(window) - kept
        self._tail = window[len(window) - kept :]
        return True

    def _sorted(self, hits: Hits, at: int, limit: int) -> _Sorted:
        """Hits by kind. Pieces and events are told again with the next window: a text may lie in both."""
        found, watched, done = _Sorted(), self._job.search.watched, self._done
        for number, end in hits:
            entry = watched[number]
            start = end - entry.size
            offset = at + start
            if not done <= offset < limit:
                if isinstance(entry, Fragment):
                    found.pieces.append((start, entry))
                elif isinstance(entry, Event):
                    found.events.append(start)
            elif isinstance(entry, Beginning):
                found.streams.append((offset + entry.skip, entry.opener))
            elif isinstance(entry, Digits):
                found.digits.append((offset, entry))
            elif isinstance(entry, Needle):
                found.needles.append((offset, Hit(start, end, entry)))
            elif isinstance(entry, Fragment):
                found.pieces.append((start, entry))
            else:
                found.events.append(start)
        if self._at_item_start(at):
            found.streams.append((0, SPOT))
        found.streams.sort()
        return found

    def _at_item_start(self, at: int) -> bool:
        return at == 0 and self._done == 0 and not self._chain and self._job.deep

    def _report(self, found: _Sorted, window: bytes | memoryview) -> list[tuple[int, int]]:
        """Report needles as they lie; where in the window whole ones lie."""
        whole = []
        for offset, hit in found.needles:
            one = self._job.found(hit, window, self._chain, self.locate(offset))
            if not one.whole():
                if hit.needle.read is not None:
                    continue
                one = self._second.mended(one, hit, window) or one
            else:
                whole.append((hit.start, max(hit.end, hit.start + LENGTH)))
            self._pass_on(one)
        return whole

    def _pass_on(self, found: Found) -> None:
        """Report, but for a run of digits that decoded to what its form already said."""
        if found.identity() not in self._job.seen or _RUNS.isdisjoint(found.chain):
            self._job.report(found)


class Pool:
    """What all streams of one kind inside a layer decode to, scanned as one: most of them are small."""

    def __init__(self, job: Job, chain: tuple[str, ...]) -> None:
        self._layer = Layer(job, chain, self._locate)
        self._size = 0
        self._starts: list[int] = []  # where each decoded stream begins in the pool
        self._places: list[int] = []  # and where its encoding lies in the item

    def begin(self, place: int) -> None:
        """What is fed next was found at a place of the item."""
        self._starts.append(self._size)
        self._places.append(place)

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes of the open stream."""
        self._size += len(chunk)
        return self._layer.feed(chunk)

    def close(self) -> None:
        """The open stream ended; the next is kept apart from it."""
        self.feed(_APART)
        self._layer.breaks.append(self._size)

    def finish(self) -> None:
        """No stream will follow."""
        self._layer.close()

    def _locate(self, position: int) -> int:
        return self._places[max(0, bisect_right(self._starts, position) - 1)]


def _outside(pieces: list[tuple[int, Fragment]], spans: list[tuple[int, int]]) -> list[tuple[int, Fragment]]:
    """The pieces that begin in none of the spans."""
    spans = sorted(spans)
    begins = [begin for begin, _ in spans]
    reach = [-inf, *accumulate((end for _, end in spans), max)]  # how far those that began so far reach
    return [piece for piece in pieces if reach[bisect_right(begins, piece[0])] <= piece[0]]
