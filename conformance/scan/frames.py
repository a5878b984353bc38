"""Framed block formats as streams: lz4 frames where the package lz4 is missing, and snappy's."""

from collections.abc import Iterator

from conformance.scan.blocks import BadBlock, lz4_block, snappy_block
from conformance.scan.inflate import Broken, Inflater, here, lz4_frame

_HISTORY = 1 << 16  # bytes that a linked block may copy from
_LARGEST = 1 << 23  # a block that claims more is none


class _Framed:
    """Bytes gathered until a whole piece of the frame is there."""

    def __init__(self) -> None:
        self.eof = False
        self._held = b""

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._held) if self.eof else 0

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        self._held += bytes(data)
        try:
            while not self.eof and (step := self._step()) is not None:
                yield step
        except BadBlock as fault:
            raise Broken from fault

    def _step(self) -> bytes | None:
        """What the next piece decodes to; None while it is not whole."""
        raise NotImplementedError

    def _take(self, size: int) -> bytes:
        taken, self._held = self._held[:size], self._held[size:]
        return taken


class Lz4Frame(_Framed):
    """The lz4 frame format, version 1.6.3; checksums are skipped."""

    def __init__(self) -> None:
        """Begin with the magic."""
        super().__init__()
        self._flags = -1
        self._history = b""

    def _step(self) -> bytes | None:
        if self._flags < 0:
            return self._header()
        if len(self._held) < 4:
            return None
        size = int.from_bytes(self._held[:4], "little")
        plain, size = size >> 31, size & 0x7FFFFFFF
        checksum = 4 if self._flags & 0x10 else 0
        if size > _LARGEST:
            raise BadBlock("a block of this size is none")
        if size == 0:
            return self._end()
        if len(self._held) < 4 + size + checksum:
            return None
        block = self._take(4 + size + checksum)[4 : 4 + size]
        out = block if plain else lz4_block(block, self._history)
        self._history = b"" if self._flags & 0x20 else (self._history + out)[-_HISTORY:]
        return out

    def _header(self) -> bytes | None:
        if len(self._held) < 7:
            return None
        flags = self._held[4]
        if flags >> 6 != 1:
            raise BadBlock("a frame of an unknown version")
        size = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
        if len(self._held) < size:
            return None
        self._take(size)
        self._flags = flags
        return b""

    def _end(self) -> bytes | None:
        size = 8 if self._flags & 0x04 else 4
        if len(self._held) < size:
            return None
        self._take(size)
        self.eof = True
        return b""


class SnappyFrames(_Framed):
    """The snappy framing format; it has no end of its own, so a chunk of another kind ends it."""

    _MAGIC = b"\xff\x06\x00\x00sNaPpY"

    def _step(self) -> bytes | None:
        if self._held.startswith(self._MAGIC):
            self._take(len(self._MAGIC))
            return b""
        if len(self._held) < 4:
            return None
        kind, size = self._held[0], int.from_bytes(self._held[1:4], "little")
        if size > 1 << 17 or not (kind <= 1 or kind >= 0x80) or (kind <= 1 and size < 4):
            self.eof = True
            return b""
        if len(self._held) < 4 + size:
            return None
        body = self._take(4 + size)[8:]  # behind its checksum
        if kind > 1:
            return b""  # padding
        return snappy_block(body) if kind == 0 else body


def lz4() -> Inflater:
    """An lz4 frame, by the package where it is installed."""
    return lz4_frame() if here(lz4_frame) else Lz4Frame()
