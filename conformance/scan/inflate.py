"""Decompressors of the standard library behind one shape: bytes in, pieces of at most 1 MiB out."""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Protocol

BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError)  # what a stream that cannot be decoded raises

_PIECE = 1 << 20
_MEMORY = 1 << 27  # what an xz stream may ask for


class Inflater(Protocol):
    """A stream being decompressed."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """What more input decompresses to, in pieces: a bomb fills no memory."""


class Deflate:
    """zlib (RFC 1950), gzip (RFC 1952) or raw deflate (RFC 1951), by zlib's window argument."""

    def __init__(self, window_bits: int) -> None:
        """Positive: zlib; +16: gzip; negative: raw."""
        self._inflate = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inflate.eof

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._inflate.unused_data)

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        yield self._inflate.decompress(data, _PIECE)
        while self._inflate.unconsumed_tail and not self._inflate.eof:
            yield self._inflate.decompress(self._inflate.unconsumed_tail, _PIECE)


class Blocks:
    """bzip2 or xz, whose decompressors keep what they have not used yet."""

    def __init__(self, inflate: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        """Wrap a fresh decompressor."""
        self._inflate = inflate

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inflate.eof

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._inflate.unused_data)

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        yield self._inflate.decompress(data, _PIECE)
        while not self._inflate.eof and not self._inflate.needs_input:
            yield self._inflate.decompress(b"", _PIECE)


def bzip2() -> Blocks:
    """A bzip2 stream."""
    return Blocks(bz2.BZ2Decompressor())


def xz() -> Blocks:
    """An xz stream; one that asks for more than 128 MiB is refused."""
    return Blocks(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY))
