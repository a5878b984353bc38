"""The engine: bytes in, sightings out. Any length, in bounded memory, decoded as deep as it goes."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from conformance.canary.forms import forms, plain
from conformance.canary.mint import LENGTH, MARKER, Mint
from conformance.model.storage import CanaryId
from conformance.scan import views
from conformance.scan.carve import Carver
from conformance.scan.runs import RunDecoder
from conformance.scan.search import Hit, Needle, Search
from conformance.scan.tally import Tally, opaque_bytes

CHUNK = 1 << 20  # bytes per step that sources should yield
_DEPTH = 6
_RATIO = 64
_STEP = 1 << 18  # bytes gathered before they are looked at
_LINES = 1 << 13  # bytes looked at again, in which a wrapped atom may have begun
_APART = b"\n\0\0\n"
_RUNS = frozenset({views.BASE64.name, views.HEX.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing found in one item. `offset` counts raw bytes, to the pattern or its outermost encoding."""

    offset: int
    length: int
    form: str
    chain: tuple[str, ...]
    canary: CanaryId | None
    label: str

    def identity(self) -> tuple[str, int, int]:
        """What was found, whatever its form: the label, or sequence and copy (-1 for a marker alone)."""
        if self.canary is None:
            return self.label, -1, 0
        return self.label, self.canary.sequence, self.canary.copy


Sink = Callable[[Found], None]
Read = Callable[[str], CanaryId | None]


@dataclass(frozen=True, slots=True)
class Engine:
    """Needles compiled once, used for any number of items."""

    search: Search
    marker: str = ""
    read: Read | None = None
    allowance: int = 1 << 28  # decoded bytes per item, besides 64 times what was read

    def scan(self, chunks: Iterable[bytes], sink: Sink, tally: Tally, item: str = "") -> None:
        """Scan one item's bytes, given in order in pieces of any size."""
        job = _Job(self, sink, tally, item, self.allowance)
        stream = _Stream(job, (), _same)
        for chunk in chunks:
            tally.raw += len(chunk)
            job.allowed += _RATIO * len(chunk)
            stream.feed(chunk)
        stream.close()
        tally.items += 1


def canary_engine(mint: Mint, values: Mapping[str, str] | None = None) -> Engine:
    """An engine that finds every canary of a run, known or yet to be issued.

    It also finds values (label → text) as they are, to serve as controls: what a store holds in clear by
    necessity, the scan must find there.
    """
    needles = [Needle(form=form) for form in forms(mint.marker, LENGTH)]
    needles += [Needle(form=plain(value), label=label) for label, value in (values or {}).items()]
    return Engine(Search(needles), mint.marker, mint.read)


def secret_engine(secrets: Mapping[str, str], further: Iterable[Needle] = ()) -> Engine:
    """An engine that finds given secrets (label → ASCII text) in the same forms, and further needles."""
    needles = [
        Needle(form=form, label=label)
        for label, secret in secrets.items()
        for form in forms(secret, len(secret))
    ]
    return Engine(Search([*needles, *further]))


def _same(position: int) -> int:
    return position


@dataclass(slots=True)
class _Job:
    """One item under scan: what is shared by the streams that nest in it."""

    engine: Engine
    sink: Sink
    tally: Tally
    item: str
    allowed: int
    seen: set[tuple[str, int, int]] = field(default_factory=set)

    def report(self, found: Found) -> None:
        """Pass a find on, unless it is a run of digits decoded to what its form already said."""
        identity = found.identity()
        if identity in self.seen and not _RUNS.isdisjoint(found.chain):
            return
        self.seen.add(identity)
        self.sink(found)

    def spend(self, decoded: int) -> bool:
        """Count decoded bytes; false when the item's allowance is used up."""
        self.tally.decoded += decoded
        self.allowed -= decoded
        return self.allowed > 0

    def gap(self, reason: str, *, deciding: bool = True) -> None:
        self.tally.gap(self.item, reason, deciding=deciding)


class _Stream:
    """Bytes in order: searched as they lie, through every view, and for streams that nest in them."""

    def __init__(self, job: _Job, chain: tuple[str, ...], locate: Callable[[int], int]) -> None:
        self._job = job
        self._chain = chain
        self._locate = locate
        self._carver = Carver(self)
        self._runs = [RunDecoder(self, alphabet) for alphabet in (views.BASE64, views.HEX)]
        self._pools: dict[str, _Pool] = {}
        self._waiting: list[bytes] = []
        self._size = 0  # bytes that wait
        self._tail = b""
        self._at = 0  # offset of the tail
        self._done = 0  # hits that start before this offset were dealt with

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; false where the item may not be decoded any further."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        return self._size < _STEP or self._step(last=False)

    def close(self) -> None:
        """Scan what was kept back."""
        self._step(last=True)
        self._carver.close()
        for pool in self._pools.values():
            pool.finish()

    def outlet(self, name: str, offset: int) -> "_Pool | None":
        """A place for a stream carved out at an offset of this one. One is open at a time."""
        if len(self._chain) >= _DEPTH:
            self._job.gap(f"nested deeper than {_DEPTH} encodings")
        if len(self._chain) >= _DEPTH or self._job.allowed <= 0:
            return None
        if name not in self._pools:
            self._pools[name] = _Pool(self._job, (*self._chain, name))
        self._pools[name].begin(self._locate(offset))
        return self._pools[name]

    def branch(self, name: str, offset: int) -> "_Stream | None":
        """A stream for a run of digits at an offset of this one; several may be open at a time."""
        place = self._locate(offset)
        return self._child(name, lambda _: place)

    def batch(self, name: str, data: bytes, locate: Callable[[int], int]) -> None:
        """Scan a decoded whole, whose positions `locate` turns into offsets of this stream."""
        stream = self._child(name, lambda position: self._locate(locate(position)))
        if stream is not None:
            stream.feed(data)
            stream.close()

    def _child(self, name: str, locate: Callable[[int], int]) -> "_Stream | None":
        if len(self._chain) >= _DEPTH or self._job.allowed <= 0:
            return None  # most runs are no encoding at all: no gap
        return _Stream(self._job, (*self._chain, name), locate)

    def gap(self, reason: str, *, deciding: bool) -> None:
        """Enter what could not be decoded in the ledger."""
        self._job.gap(reason, deciding=deciding)

    def _step(self, *, last: bool) -> bool:
        chunk = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        if self._chain and not self._job.spend(len(chunk)):
            self._job.gap("decodes to more than the scan may spend on it")
            return False
        ahead = self._job.engine.search.ahead
        window = self._tail + chunk
        end = self._at + len(window)
        self._look(window, end if last else end - ahead)
        self._nested(chunk, end - len(chunk), last=last)
        kept = min(len(window), 2 * ahead + _LINES)
        self._tail, self._at = window[len(window) - kept :], end - kept
        return True

    def _look(self, window: bytes, limit: int) -> None:
        """Report what starts from `_done` on and before `limit`; then what only a view shows."""
        for hit in self._job.engine.search.hits(window):
            if self._done <= self._at + hit.start < limit:
                self._job.report(self._found(hit, window, self._chain, self._at + hit.start))
        self._done = max(self._done, limit)
        for view in (views.without_blanks(window), views.dumped(window), views.deltas(window)):
            if view is not None and view.data != window:
                self._look_through(view, limit)

    def _look_through(self, view: views.View, limit: int) -> None:
        """Report what a view shows and the bytes themselves did not; atoms cut off in it are left alone."""
        for hit in self._job.engine.search.hits(view.data):
            found = self._found(hit, view.data, (*self._chain, view.name), 0)
            whole = found.canary is not None or bool(found.label)
            if whole and found.identity() not in self._job.seen:
                position = self._at + view.locate(hit.start)
                if position < limit:
                    self._job.report(replace(found, offset=self._locate(position)))

    def _found(self, hit: Hit, window: bytes, chain: tuple[str, ...], position: int) -> Found:
        return Found(
            offset=self._locate(position),
            length=hit.end - hit.start,
            form=hit.needle.form.name,
            chain=chain,
            canary=self._canary(hit, window),
            label=hit.needle.label,
        )

    def _canary(self, hit: Hit, window: bytes) -> CanaryId | None:
        engine, form = self._job.engine, hit.needle.form
        if engine.read is None or hit.needle.label:
            return None
        start = max(0, hit.end - form.ahead) if form.behind else hit.start
        end = hit.end if form.behind else hit.start + form.ahead
        payload = form.decode(window[start:end])[MARKER:LENGTH]
        return engine.read(engine.marker + payload.decode("latin-1"))

    def _nested(self, chunk: bytes, start: int, *, last: bool) -> None:
        before = self._carver.consumed
        self._carver.feed(chunk)
        if not self._chain:
            carved = self._carver.consumed - before
            self._job.tally.opaque += max(0, opaque_bytes(chunk) - carved)
        joined = views.without_breaks(chunk)
        for run in self._runs:
            run.feed(joined, start, last=last)


class _Pool:
    """What all streams of one kind inside a stream decode to, scanned as one: most of them are small."""

    def __init__(self, job: _Job, chain: tuple[str, ...]) -> None:
        self._stream = _Stream(job, chain, self._locate)
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
        return self._stream.feed(chunk)

    def close(self) -> None:
        """The open stream ended; the next is kept apart from it."""
        self.feed(_APART)

    def finish(self) -> None:
        """No stream will follow."""
        self._stream.close()

    def _locate(self, position: int) -> int:
        return self._places[max(0, bisect_right(self._starts, position) - 1)]
