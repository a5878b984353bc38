"""Decompressors behind one shape: bytes in, pieces of at most 1 MiB out.

The standard library's; isal in zlib's place, and backports.zstd, lz4 and brotli where they are installed.
"""

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

PIECE = 1 << 20
_MEMORY = 1 << 27  # what a stream may ask for as its window


class Broken(Exception):
    """The stream cannot be decoded any further."""


class MissingError(Exception):
    """A package is not installed, without which a format cannot be decoded; the text is its name."""


class Inflater(Protocol):
    """A stream being decompressed."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """What more input decompresses to, in pieces: a bomb fills no memory. Raises Broken."""


MakeInflater = Callable[[], Inflater]


class Deflate:
    """zlib (RFC 1950), gzip (RFC 1952) or raw deflate (RFC 1951), by zlib's window argument."""

    def __init__(self, window_bits: int) -> None:
        """Positive: zlib; +16: gzip; negative: raw."""
        module, self._faults = _deflate()
        self._inflate = module.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._inflate.eof)

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._inflate.unused_data)

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        try:
            yield self._inflate.decompress(data, PIECE)
            while self._inflate.unconsumed_tail and not self._inflate.eof:
                yield self._inflate.decompress(self._inflate.unconsumed_tail, PIECE)
        except self._faults as fault:
            raise Broken from fault


class Blocks:
    """Decompressors of bz2's shape, which keep what they have not used yet: bzip2, LZMA, zstd, lz4."""

    def __init__(self, inflate: Any, *faults: type[Exception]) -> None:
        """Wrap a fresh decompressor; `faults` are what it raises for a broken stream."""
        self._inflate = inflate
        self._faults = faults

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._inflate.eof)

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._inflate.unused_data or b"")

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        try:
            yield self._inflate.decompress(bytes(data), PIECE)
            while not self._inflate.eof and not self._inflate.needs_input:
                yield self._inflate.decompress(b"", PIECE)
        except self._faults as fault:
            raise Broken from fault


class _Brotli:
    """Brotli (RFC 7932). The package says that a stream has ended, not where, and fails with what lies behind the end: the
    last bytes are then given to it one by one.
    """

    def __init__(self, module: Any) -> None:
        self.unused = 0
        self._fault = module.error
        self._new = module.Decompressor
        self._inflate = module.Decompressor()
        self._taken = b""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._inflate.is_finished())

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        given = bytes(data)
        try:
            yield from self._all(given)
        except self._fault as fault:
            if len(self._taken) > PIECE:
                raise Broken from fault
            yield from self._to_its_end(given)
        self._taken += given

    def _all(self, data: bytes) -> Iterator[bytes]:
        yield self._inflate.process(data, output_buffer_limit=PIECE)
        while not self._inflate.can_accept_more_data():
            yield self._inflate.process(b"", output_buffer_limit=PIECE)

    def _to_its_end(self, data: bytes) -> Iterator[bytes]:
        """Begin again, up to where it failed."""
        self._inflate = self._new()
        try:
            for _ in self._all(self._taken):
                pass
            for place in range(len(data)):
                yield from self._all(data[place : place + 1])
                if self.eof:
                    self.unused = len(data) - place - 1
                    return
        except self._fault as fault:
            raise Broken from fault


class Prefixed:
    """A stream whose first bytes were left out where it was stored."""

    def __init__(self, prefix: bytes, inflate: Inflater) -> None:
        """Put them in front again."""
        self._prefix = prefix
        self._inflate = inflate

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inflate.eof

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return self._inflate.unused

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        prefix, self._prefix = self._prefix, b""
        yield from self._inflate.pieces(prefix + bytes(data) if prefix else data)


def gzip() -> Inflater:
    """RFC 1952."""
    return Deflate(zlib.MAX_WBITS | 16)


def zlib_stream() -> Inflater:
    """RFC 1950."""
    return Deflate(zlib.MAX_WBITS)


def deflate() -> Inflater:
    """RFC 1951, without any header."""
    return Deflate(-zlib.MAX_WBITS)


def bzip2() -> Inflater:
    """A bzip2 stream."""
    return Blocks(bz2.BZ2Decompressor(), OSError, EOFError)


def xz() -> Inflater:
    """An xz stream; one that asks for more than 128 MiB is refused."""
    return Blocks(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY), lzma.LZMAError, EOFError)


def lzma_alone() -> Inflater:
    """LZMA with the header of LZMA Utils."""
    return Blocks(lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY), lzma.LZMAError, EOFError)


def lzma1() -> Inflater:
    """LZMA without header, with the usual properties."""
    return _raw_lzma({"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23})


def lzma2() -> Inflater:
    """LZMA2 without header."""
    return _raw_lzma({"id": lzma.FILTER_LZMA2, "dict_size": 1 << 23})


def lzip(dictionary: int) -> Inflater:
    """The LZMA stream of an lzip member, behind its header."""
    return _raw_lzma({"id": lzma.FILTER_LZMA1, "dict_size": dictionary})


def _raw_lzma(only: Mapping[str, int]) -> Inflater:
    raw = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[dict(only)])
    return Blocks(raw, lzma.LZMAError, EOFError)


def zstd_module() -> Any:
    """Python 3.14's module or its backport, or None."""
    return _first_of("compression.zstd", "backports.zstd")


def zstd() -> Inflater:
    """A zstd frame (RFC 8878). Raises MissingError without Python 3.14 and without backports.zstd."""
    module = zstd_module()
    if module is None:
        raise MissingError("backports.zstd")
    options = {module.DecompressionParameter.window_log_max: _MEMORY.bit_length() - 1}
    return Blocks(module.ZstdDecompressor(options=options), module.ZstdError, EOFError)


def zstd_without_magic() -> Inflater:
    """A zstd frame whose first four bytes were left out. Raises MissingError."""
    return Prefixed(b"\x28\xb5\x2f\xfd", zstd())


def lz4_frame() -> Inflater:
    """An lz4 frame. Raises MissingError."""
    return Blocks(_needed("lz4", "lz4.frame").LZ4FrameDecompressor(), RuntimeError, EOFError)


def brotli() -> Inflater:
    """A brotli stream. Raises MissingError."""
    return _Brotli(_needed("brotli", "brotli"))


def here(make: MakeInflater) -> bool:
    """Whether what a decoder needs is installed."""
    try:
        make()
    except MissingError:
        return False
    return True


def _needed(package: str, *modules: str) -> Any:
    module = _first_of(*modules)
    if module is None:
        raise MissingError(package)
    return module


@cache
def _first_of(*names: str) -> Any:
    """The first of these modules that can be imported, or None."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


@cache
def _deflate() -> tuple[Any, tuple[type[Exception], ...]]:
    """isal's zlib is nearly twice as fast as zlib's own."""
    isal = _first_of("isal.isal_zlib")
    return (isal, (isal.error, zlib.error)) if isal else (zlib, (zlib.error,))
