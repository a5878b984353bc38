"""Carving: compressed streams found by their first bytes, wherever they begin, and decompressed in pieces."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from conformance.scan.inflate import BROKEN, Deflate, Inflater, bzip2, xz

_SLICE = 1 << 14  # input per step: zlib copies what it has not consumed
_TRIAL = 1 << 10  # input that must decode before a stream is believed
_HEADER = 512  # bytes kept back, so that no header is cut
_RETRY = 1 << 16  # a stream that breaks sooner is searched again, for what it may have hidden


class Outlet(Protocol):
    """Where decoded bytes go."""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; false where no more are wanted."""

    def close(self) -> None:
        """No more will come."""


class Host(Protocol):
    """Whoever lets streams be carved out of its bytes."""

    def outlet(self, name: str, offset: int) -> Outlet | None:
        """A place for what a stream at an offset holds, or None where no more shall be decoded."""

    def gap(self, reason: str, *, deciding: bool) -> None:
        """Hear of something that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Start:
    """A stream that begins `skip` bytes behind its magic (before it, where negative)."""

    name: str
    skip: int
    inflater: Callable[[], Inflater]


class NoDecoderError(Exception):
    """A stream or an entry that nothing here can decode; the text says which."""


def _gzip(_window: bytes, _at: int) -> Start:
    return Start("gzip", 0, partial(Deflate, zlib.MAX_WBITS | 16))


def _zlib(window: bytes, at: int) -> Start | None:
    """Two bytes are a weak magic, so the first block's header must make sense too (RFC 1951, 3.2.3)."""
    block = window[at + 2 : at + 7]
    kind = block[0] >> 1 & 3 if len(block) == 5 else 3
    stored = kind == 0 and block[1] ^ block[3] == 0xFF and block[2] ^ block[4] == 0xFF
    dynamic = kind == 2 and block[0] >> 3 <= 29  # at most 286 literal and length codes
    return Start("zlib", 0, partial(Deflate, zlib.MAX_WBITS)) if stored or dynamic or kind == 1 else None


def _bzip2(_window: bytes, _at: int) -> Start:
    return Start("bzip2", -4, bzip2)


def _xz(_window: bytes, _at: int) -> Start:
    return Start("xz", 0, xz)


def _zstd(window: bytes, at: int) -> Start | None:
    if len(window) < at + 5 or window[at + 4] & 0x08:
        return None  # RFC 8878, 3.1.1.1.1: this bit of a frame header is reserved
    raise NoDecoderError("a zstd frame")


def _zip(window: bytes, at: int) -> Start | None:
    """A local file header (APPNOTE 4.3.7). Stored entries lie in clear, others are decoded."""
    header = window[at : at + 30]
    if len(header) < 30:
        return None
    version, flags, method = struct.unpack_from("<HHH", header, 4)
    names = sum(struct.unpack_from("<HH", header, 26))
    if version > 100 or names == 0 or method == 0:
        return None
    if flags & 1:
        raise NoDecoderError("an encrypted zip entry")
    if method == 8:
        return Start("zip", 30 + names, partial(Deflate, -zlib.MAX_WBITS))
    if method == 12:
        return Start("zip", 30 + names, bzip2)
    raise NoDecoderError(f"a zip entry of method {method}")


_MAGIC: dict[bytes, Callable[[bytes, int], Start | None]] = {
    b"\x1f\x8b\x08": _gzip,
    b"\x78\x01": _zlib,
    b"\x78\x5e": _zlib,
    b"\x78\x9c": _zlib,
    b"\x78\xda": _zlib,
    b"1AY&SY": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"PK\x03\x04": _zip,
    b"\x28\xb5\x2f\xfd": _zstd,
}
_OPENERS = tuple(_MAGIC.values())
_MATCHER = BytesAhoCorasick(list(_MAGIC), matchkind=MatchKind.LeftmostLongest)


class Carver:
    """Finds compressed streams in bytes fed in order, and hands on what they hold.

    Bytes of a stream that decoded are not searched for further streams; what it put out is.
    """

    def __init__(self, host: Host) -> None:
        """Begin at offset 0 of the host's bytes."""
        self._host = host
        self._kept = b""
        self._at = 0  # offset of the first kept byte
        self._active: _Running | None = None
        self.consumed = 0  # bytes that belonged to decoded streams

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Streams begin and end anywhere, and span any number of calls."""
        self._take(chunk, last=False)

    def close(self) -> None:
        """No more will come: a stream that is still open was cut off."""
        self._take(b"", last=True)
        if self._active:
            self._active.outlet.close()
            self._host.gap(f"a {self._active.name} stream ends too early", deciding=False)

    def _take(self, chunk: bytes, *, last: bool) -> None:
        window = self._kept + chunk if self._kept else chunk
        position = self._resume(window)
        limit = len(window) if last else len(window) - _HEADER
        if self._active is None:
            position = self._search(window, position, limit)
        keep = len(window) if self._active else max(position, limit, 0)
        self._kept, self._at = window[keep:], self._at + keep

    def _resume(self, window: bytes) -> int:
        """Feed the stream that was open; the position behind it, or 0 where it broke."""
        running, self._active = self._active, None
        return self._pump(running, window, 0) if running else 0

    def _search(self, window: bytes, position: int, limit: int) -> int:
        """Try every magic from a position on; the position behind the last stream that was decoded."""
        for index, start, _ in _MATCHER.find_matches_as_indexes(window):
            if start < position or start >= limit:
                continue
            running, begin = self._open(index, window, start)
            if running is None:
                continue
            end = self._pump(running, window, begin)
            if running.broken and running.taken <= _RETRY:
                continue
            position = max(end, begin + running.taken) if running.broken else end
            if self._active:
                break
        return position

    def _pump(self, running: "_Running", window: bytes, begin: int) -> int:
        """Feed a stream from a position on; the position behind it, and `_active` where it goes on."""
        used = running.pump(memoryview(window)[begin:])
        if running.broken:
            return begin
        if used is None:
            self._active = running
            used = len(window) - begin
        self.consumed += used
        return begin + used

    def _open(self, index: int, window: bytes, at: int) -> tuple["_Running | None", int]:
        try:
            start = _OPENERS[index](window, at)
        except NoDecoderError as missing:
            self._host.gap(f"{missing} has no decoder here", deciding=True)
            return None, at
        if start is None or at + start.skip < 0:
            return None, at
        begin = at + start.skip
        if not _plausible(start, window[begin : begin + _TRIAL]):
            return None, at
        outlet = self._host.outlet(start.name, self._at + at)
        return (_Running(start, outlet), begin) if outlet else (None, at)


class _Running:
    """A stream being decoded."""

    def __init__(self, start: Start, outlet: Outlet) -> None:
        self.name = start.name
        self.outlet = outlet
        self.taken = 0  # bytes of input that decoded
        self.broken = False
        self._inflater = start.inflater()

    def pump(self, data: memoryview) -> int | None:
        """Decode more; how many of the bytes belonged to the stream if it ended in them, else None."""
        for start in range(0, len(data), _SLICE):
            part = data[start : start + _SLICE]
            try:
                wanted = all(self.outlet.feed(piece) for piece in self._inflater.pieces(part))
            except BROKEN:
                wanted = False
            if not wanted:
                self.broken = True
                self.outlet.close()
                return None
            self.taken += len(part)
            if self._inflater.eof:
                self.outlet.close()
                return start + len(part) - self._inflater.unused
        return None


def _plausible(start: Start, head: bytes) -> bool:
    """Whether the first kilobyte decodes; zlib's magic is short, so there it must put something out."""
    try:
        out = next(start.inflater().pieces(head), b"")
    except BROKEN:
        return False
    return start.name != "zlib" or bool(out)
