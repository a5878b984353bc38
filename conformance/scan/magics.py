"""Streams and containers by their first bytes: what decodes them, and what nothing here decodes."""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from conformance.scan import frames, inflate
from conformance.scan.inflate import MakeInflater
from conformance.scan.parquet import ParquetPages, begins_pages

HEADER = 512  # bytes of a stream that its opener sees
GLANCE = 24  # bytes that tell most plain values
_GLANCE_CROWDED = 18  # different ones among them: of random ones 23 are expected
VALUE_END = b"\n\0"  # what our own readers put between the values of rows
_SHORTEST = 64  # bytes of a value that is worth a trial
_CROWDED = 45  # different bytes among them: of random ones 57 are expected, of text 30
_ZIP_METHODS = frozenset({*range(1, 11), 12, 14, 16, 18, 19, 20, *range(93, 100)})  # APPNOTE 4.4.5


@dataclass(frozen=True, slots=True)
class Start:
    """A stream that begins `skip` bytes behind its magic (before it, where negative).

    A `strict` one has so weak a magic that it must put something out at once to be believed; a `headerless` one
    counts as decoded only if it also ends.
    """

    name: str
    skip: int
    inflater: MakeInflater
    strict: bool = False
    headerless: bool = False


class NoDecoderError(Exception):
    """A stream or an entry that nothing here can decode; the text says which."""


Opener = Callable[[bytes], Start | None]  # of the bytes from the magic on


def _gzip(_head: bytes) -> Start:
    return Start("gzip", 0, inflate.gzip)


def _zlib(head: bytes) -> Start | None:
    """Two bytes are a weak magic, so the first block's header must make sense too (RFC 1951, 3.2.3)."""
    block = head[2:7]
    kind = block[0] >> 1 & 3 if len(block) == 5 else 3
    stored = kind == 0 and block[1] ^ block[3] == 0xFF and block[2] ^ block[4] == 0xFF
    dynamic = kind == 2 and block[0] >> 3 <= 29  # at most 286 literal and length codes
    believed = stored or dynamic or kind == 1
    return Start("zlib", 0, inflate.zlib_stream, strict=True) if believed else None


def _bzip2(_head: bytes) -> Start:
    return Start("bzip2", -4, inflate.bzip2)


def _xz(_head: bytes) -> Start:
    return Start("xz", 0, inflate.xz)


def _lzma(head: bytes) -> Start | None:
    """LZMA Utils: usual properties, a dictionary of a power of two, and a size that is unknown or below 2^40."""
    if len(head) < 13:
        return None
    dictionary, size = int.from_bytes(head[1:5], "little"), head[5:13]
    usual = 1 << 12 <= dictionary <= 1 << 27 and dictionary & (dictionary - 1) == 0
    known = size == b"\xff" * 8 or size[5:] == bytes(3)
    return Start("lzma", 0, inflate.lzma_alone, strict=True) if usual and known else None


def _lzip(head: bytes) -> Start | None:
    """An lzip member: version 1, and the dictionary's size as a power of two less some sixteenths."""
    if len(head) < 6 or head[4] != 1 or not 12 <= head[5] & 31 <= 27:
        return None
    whole = 1 << (head[5] & 31)
    return Start("lzip", 6, partial(inflate.lzip, whole - whole // 16 * (head[5] >> 5)), strict=True)


def _zstd(head: bytes) -> Start | None:
    if len(head) < 5 or head[4] & 0x08:
        return None  # RFC 8878, 3.1.1.1.1: this bit of a frame header is reserved
    return Start("zstd", 0, _needed(inflate.zstd, "a zstd frame"))


def _lz4(head: bytes) -> Start | None:
    return Start("lz4", 0, frames.lz4) if len(head) > 4 and head[4] >> 6 == 1 else None


def _snappy(_head: bytes) -> Start:
    return Start("snappy", 0, frames.SnappyFrames)


def _zip(head: bytes) -> Start | None:
    """A local file header (APPNOTE 4.3.7). Stored entries lie in clear, others are decoded."""
    if len(head) < 30:
        return None
    version, flags, method = struct.unpack_from("<HHH", head, 4)
    names = sum(struct.unpack_from("<HH", head, 26))
    if version > 100 or names == 0 or method not in _ZIP_METHODS:
        return None
    if flags & 1:
        raise NoDecoderError("an encrypted zip entry")
    if method == 93:
        return Start("zip", 30 + names, _needed(inflate.zstd, "a zip entry of method 93"))
    known = {8: inflate.deflate, 12: inflate.bzip2, 95: inflate.xz}
    if method not in known:
        raise NoDecoderError(f"a zip entry of method {method}")
    return Start("zip", 30 + names, known[method])


def _parquet(head: bytes) -> Start | None:
    return Start("parquet", 4, ParquetPages) if begins_pages(head[4:]) else None


def _seven_zip(head: bytes) -> Start | None:
    """Its name alone lies in every list of magics: the start header must have the CRC that stands before it (7zFormat.txt)."""
    if len(head) >= 32 and zlib.crc32(head[12:32]) != int.from_bytes(head[8:12], "little"):
        return None
    raise NoDecoderError("a 7z archive")


def _rar(head: bytes) -> Start | None:
    """Its first block is the archive's (version 4), or has the CRC that stands before it (version 5)."""
    version5, size = head[6:8] == b"\x01\0", head[12] if len(head) > 12 else 0x80
    if version5 and size < min(0x80, len(head) - 12):
        whole = zlib.crc32(head[12 : 13 + size]) == int.from_bytes(head[8:12], "little")
    else:
        whole = version5 or (head[6:7] == b"\0" and head[9:10] == b"\x73")
    if not whole:
        return None
    raise NoDecoderError("a RAR archive")


def _needed(make: MakeInflater, what: str) -> MakeInflater:
    """The decoder's maker. Raises NoDecoderError where its package is missing."""
    try:
        make()
    except inflate.MissingError as missing:
        raise NoDecoderError(f"{what}, without the package {missing},") from None
    return make


OPENERS: tuple[tuple[bytes, Opener], ...] = (
    (b"\x1f\x8b\x08", _gzip),
    (b"\x78\x01", _zlib),
    (b"\x78\x5e", _zlib),
    (b"\x78\x9c", _zlib),
    (b"\x78\xda", _zlib),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"\x04\x22\x4d\x18", _lz4),
    (b"PK\x03\x04", _zip),
    (b"\xfd7zXZ\x00", _xz),
    (b"1AY&SY", _bzip2),
    (b"\x5d\x00\x00", _lzma),
    (b"LZIP", _lzip),
    (b"\xff\x06\x00\x00sNaPpY", _snappy),
    (b"PAR1", _parquet),
    (b"7z\xbc\xaf\x27\x1c", _seven_zip),
    (b"Rar!\x1a\x07", _rar),
)
"""Magics with their openers."""

STREAMS: tuple[bytes, ...] = (*(magic for magic, _ in OPENERS[:10] if magic != b"1AY&SY"), b"BZh")
"""Those that are recognised in base64 and hexadecimal digits too."""


MAGIC = re.compile(b"|".join(map(re.escape, (*(magic for magic, _ in OPENERS), b"BZh"))))
"""Any of them."""


def is_plain(glance: bytes) -> bool:
    """Whether the first bytes of a value look like anything but compressed ones."""
    return len(set(glance)) < _GLANCE_CROWDED


def headerless(value: bytes) -> tuple[Start, ...]:
    """What may have compressed a value that has no magic; nothing where it does not look compressed, or where the value
    ends too soon to hold anything (most that stores keep are that short: salts and digests).
    """
    shown = value[:_SHORTEST]
    if len(shown) < _SHORTEST or VALUE_END in shown or len(set(shown)) < _CROWDED or MAGIC.match(value):
        return ()
    first = value[0]
    possible = (
        ("deflate", inflate.deflate, first & 7 in {2, 3, 4, 5}),  # RFC 1951, 3.2.3: fixed or dynamic codes
        ("lzma2", inflate.lzma2, first >= 0xE0 or first == 1),  # the first chunk resets everything
        ("lzma1", inflate.lzma1, first == 0),
        ("zstd", inflate.zstd_without_magic, not first & 0x08),
        ("brotli", inflate.brotli, True),
    )
    return tuple(
        Start(name, 0, make, strict=True, headerless=True)
        for name, make, fits in possible
        if fits and inflate.here(make)
    )
