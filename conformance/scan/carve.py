"""Carving: compressed streams found by their first bytes, wherever they begin, and decompressed in pieces."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from conformance.scan.inflate import Broken, Inflater
from conformance.scan.magics import (
    GLANCE,
    HEADER,
    MAGIC,
    OPENERS,
    NoDecoderError,
    Start,
    headerless,
    is_plain,
)
from conformance.scan.repeats import Repeats

Believed = Callable[[], bool]
"""Whether something that begins here is more than chance."""

_SLICE = 1 << 14  # input per step: zlib copies what it has not consumed
_TELLING = 64  # bytes put out
_TRIAL = 1 << 10  # input that must decode before a stream is believed
_RETRY = 1 << 16  # a stream that breaks sooner is searched again, for what it may have hidden
_ENOUGH = 512  # decoded bytes that show what a value without a header holds
_CROWDED = 150  # different bytes in half a kilobyte: of random ones 221 are expected

SPOT = -1  # stands for an opener where a value without a magic may begin


class Outlet(Protocol):
    """Where decoded bytes go."""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; false where no more are wanted."""

    def close(self) -> None:
        """No more will come."""


@runtime_checkable
class Lossy(Protocol):
    """A decoder that may have to leave something out."""

    lost: str  # what it was; empty: nothing


class Host(Protocol):
    """Whoever lets streams be carved out of its bytes."""

    def outlet(self, name: str, offset: int, believed: Believed) -> Outlet | None:
        """A place for what a stream at an offset holds, or None where no more shall be decoded.

        Whether it is `believed` is asked only then: that chance is left undecoded says nothing.
        """

    def gap(self, reason: str, *, deciding: bool) -> None:
        """Hear of something that could not be decoded."""

    def locate(self, position: int) -> int:
        """The offset in the item of an offset in the host's bytes."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes from `begin` to `end` that a decoder read."""

    begin: int
    end: int
    by: str


class Carver:
    """Finds compressed streams in windows given in order, and hands on what they hold.

    Bytes of a stream that decoded are not searched for further streams; what it put out is.
    """

    def __init__(self, host: Host, repeats: Repeats) -> None:
        """Begin at offset 0 of the host's bytes."""
        self._host = host
        self._repeats = repeats
        self._fed = 0  # offset behind what was looked at
        self._until = 0  # offset behind the last stream
        self._active: _Running | None = None
        self._breaks: Sequence[int] = ()
        self._decoded: list[Decoded] = []

    def take(
        self,
        window: bytes | memoryview,
        at: int,
        starts: Iterable[tuple[int, int]],
        breaks: Sequence[int] = (),
    ) -> None:
        """Go on through a window whose first byte has offset `at`. `starts` are (offset, number of the opener); no stream
        goes on beyond one of the `breaks`, which are in order.
        """
        view, fed = memoryview(window), self._fed
        self._fed = at + len(view)
        self._breaks = breaks
        if self._active is not None:
            self._pump(self._active, view, at, fed)
        for offset, opener in starts:
            if self._active is not None:
                break
            if offset >= self._until:
                self._begin(view, at, offset, opener)

    def close(self) -> None:
        """No more will come: a stream that is still open was cut off."""
        running, self._active = self._active, None
        if running is not None:
            running.outlet.close()
            self._host.gap(f"a {running.start.name} stream ends too early", deciding=False)

    def decoded(self) -> list[Decoded]:
        """What was decoded since this was last asked, in order."""
        told, self._decoded = self._decoded, []
        return told

    def _begin(self, view: memoryview, at: int, offset: int, opener: int) -> None:
        position = offset - at
        if opener == SPOT and is_plain(bytes(view[position : position + GLANCE])):
            return
        head = bytes(view[position : position + HEADER])
        for start in headerless(head) if opener == SPOT else self._opener(head, opener):
            begin = offset + start.skip
            if begin >= max(at, self._until) and self._decode(start, view, at, min(offset, begin), begin):
                return

    def _opener(self, head: bytes, opener: int) -> tuple[Start, ...]:
        try:
            start = OPENERS[opener][1](head)
        except NoDecoderError as missing:
            self._host.gap(f"{missing} has no decoder here", deciding=True)
            return ()
        return (start,) if start is not None else ()

    def _decode(self, start: Start, view: memoryview, at: int, offset: int, begin: int) -> bool:
        """Decode a stream found at an offset, if it is one; bzip2's magic stands behind its stream's first bytes."""
        data = view[begin - at :]
        if not _plausible(start, data[:_TRIAL]):
            return False
        known = self._repeats.length(start.name, data, self._host.locate(offset))
        if known:
            self._decoded.append(Decoded(begin, begin + known, start.name))
            if not _doubtful(start, known):
                self._until = begin + known
            return True
        whole = data[: self._end_behind(begin) - begin]
        outlet = self._host.outlet(start.name, offset, partial(_tells, start, whole))
        return outlet is not None and self._pump(_Running(start, outlet, offset, begin), view, at, begin)

    def _end_behind(self, position: int) -> int:
        """Where the bytes end that belong together with those at an offset, as far as they were fed."""
        place = bisect_right(self._breaks, position)
        return self._breaks[place] if place < len(self._breaks) else self._fed

    def _pump(self, running: "_Running", view: memoryview, at: int, position: int) -> bool:
        """Feed a stream from an offset on; false where it broke so soon that it was none."""
        stop = self._end_behind(position)
        used = running.pump(view[position - at : stop - at])
        self._active = None
        if running.broken:
            return self._broken(running)
        if used is not None:
            self._ended(running, view, at, position + used)
        elif bisect_right(self._breaks, position) < len(self._breaks):
            self._cut_off(running, stop)
        else:
            self._active = running
            self._credit(running, stop)
        return True

    def _broken(self, running: "_Running") -> bool:
        running.outlet.close()
        if running.taken <= _RETRY or running.start.headerless:
            return False
        self._credit(running, running.begin + running.taken)
        return True

    def _ended(self, running: "_Running", view: memoryview, at: int, end: int) -> None:
        if isinstance(running.inflater, Lossy) and running.inflater.lost:
            self._host.gap(f"{running.inflater.lost} has no decoder here", deciding=True)
        if running.begin >= at:
            place = self._host.locate(running.offset)
            self._repeats.add(running.start.name, view[running.begin - at : end - at], place)
        until = self._until
        self._credit(running, end)
        if _doubtful(running.start, end - running.begin):
            self._until = until

    def _cut_off(self, running: "_Running", end: int) -> None:
        """What lies in it is searched again where it is short: it may have been no stream."""
        running.outlet.close()
        self._host.gap(f"a {running.start.name} stream ends too early", deciding=False)
        until = self._until
        self._credit(running, end)
        if end - running.begin <= _RETRY:
            self._until = until

    def _credit(self, running: "_Running", end: int) -> None:
        begin = max(running.begin, running.credited)
        self._until = max(self._until, end)
        if end > begin:
            self._decoded.append(Decoded(begin, end, running.start.name))
            running.credited = end


def _doubtful(start: Start, size: int) -> bool:
    """Whether a stream that decoded to its end may have been none, and hides what lies in it: a few bytes of anything
    happen to be one without a header.
    """
    return start.headerless and size <= _RETRY


@dataclass(slots=True)
class _Running:
    """A stream being decoded."""

    start: Start
    outlet: Outlet
    offset: int  # of its magic
    begin: int
    taken: int = 0  # bytes of input that decoded
    credited: int = 0  # offset up to which they were told
    broken: bool = False
    inflater: Inflater = field(init=False)

    def __post_init__(self) -> None:
        self.inflater = self.start.inflater()

    def pump(self, data: memoryview) -> int | None:
        """Decode more; how many of the bytes belonged to the stream if it ended in them, else None."""
        for begin in range(0, len(data), _SLICE):
            part = data[begin : begin + _SLICE]
            try:
                wanted = all(self.outlet.feed(piece) for piece in self.inflater.pieces(part))
            except Broken:
                wanted = False
            if not wanted:
                self.broken = True
                return None
            self.taken += len(part)
            if self.inflater.eof:
                self.outlet.close()
                return begin + len(part) - self.inflater.unused
        return None


def _plausible(start: Start, head: memoryview) -> bool:
    """Whether the first kilobyte decodes, and where the magic is weak, to something."""
    out = b""
    try:
        for piece in start.inflater().pieces(head):
            out += piece
            if len(out) >= _ENOUGH or not start.headerless:
                break
    except Broken:
        return False
    # What is copied as it lies was searched already, and may hold its own beginning again and again.
    if (start.strict or start.headerless) and len(out) >= _TELLING and out[:_ENOUGH] in bytes(head):
        return False
    if start.headerless:
        return len(out) >= len(head) // 8 and len(set(out[:_ENOUGH])) < _CROWDED
    return not start.strict or bool(out)


def _tells(start: Start, data: memoryview) -> bool:
    """Whether a stream is more than the chance of a weak magic, or of none, in bytes that are random, as a key's salt is.

    It is where it goes on beyond the trial, or ends (a checksum then fits, where the format has one) and has put out as
    much as would hold something.
    """
    if not (start.strict or start.headerless):
        return True
    inflater = start.inflater()
    size = 0
    try:
        for piece in inflater.pieces(data[:_TRIAL]):
            size += len(piece)
    except Broken:
        return False
    return size >= _TELLING and (inflater.eof or len(data) > _TRIAL)


def begins_stream(data: bytes, *, tried: bool) -> bool:
    """Whether a stream begins within the first three bytes: what precedes it may share a digit with it.

    It is `tried` where there are enough bytes for its first to be decoded.
    """
    return any(_begins_at(data[skipped:], tried=tried) for skipped in range(3) if MAGIC.match(data, skipped))


def _begins_at(data: bytes, *, tried: bool) -> bool:
    for magic, opener in OPENERS:
        if data.startswith(magic):
            try:
                start = opener(data[:HEADER].ljust(HEADER, b"\0"))
            except NoDecoderError:
                return True  # whoever looks into it will say so
            if start is None or not tried:
                return start is not None
            return _plausible(start, memoryview(data)[max(0, start.skip) :][:_TRIAL])
    return data[4:10] == b"1AY&SY"
