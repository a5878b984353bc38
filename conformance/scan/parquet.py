"""Parquet: its pages one after another, each decompressed by whatever gives as many bytes as its header names.

The codec stands at the end of the file, which a stream has not seen yet; the sizes tell it as well. What no decoder here
reads is named in `lost`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conformance.scan import inflate
from conformance.scan.blocks import BadBlock, lz4_block, snappy_block
from conformance.scan.inflate import Broken, MakeInflater

_LARGEST = 1 << 25  # bytes of a page, of which one is held
_KINDS = range(4)  # data, index, dictionary, data of the second version
_DOUBLE, _BINARY, _STRUCT = 7, 8, 12

Fields = dict[int, "int | Fields | None"]


class _Short(Exception):
    """There are not enough bytes yet."""


class _NoHeader(Exception):
    """What lies here is no page header."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's header says."""

    header: int  # bytes of itself
    packed: int
    plain: int
    clear: int  # bytes of levels before what is packed


class ParquetPages:
    """The pages behind a file's first four bytes; the first thing that is no page ends them."""

    def __init__(self) -> None:
        """Begin at a page header."""
        self.eof = False
        self.lost = ""
        self._held = b""

    @property
    def unused(self) -> int:
        """Bytes of the last input that lie behind the end."""
        return len(self._held) if self.eof else 0

    def pieces(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Decompress more."""
        self._held += bytes(data)
        while not self.eof:
            try:
                page = page_header(self._held)
            except _Short:
                return
            except _NoHeader:
                self.eof = True
                return
            if len(self._held) < page.header + page.packed:
                return
            body = self._held[page.header : page.header + page.packed]
            self._held = self._held[page.header + page.packed :]
            yield self._unpacked(body, page)

    def _unpacked(self, body: bytes, page: Page) -> bytes:
        levels, values = body[: page.clear], body[page.clear :]
        size = page.plain - page.clear
        for unpack in (_as_is, _snappy, _lz4, *_STREAMS):
            out = unpack(values, size)
            if out is not None and len(out) == size:
                return levels + out
        brotli = "" if inflate.here(inflate.brotli) else ", without the package brotli,"
        self.lost = f"a Parquet page{brotli}"
        return levels


def page_header(data: bytes) -> Page:
    """A page header (parquet.thrift, in Thrift's compact protocol). Raises _Short and _NoHeader."""
    fields, end = _struct(data, 0, 0)
    kind, plain, packed = fields.get(1), fields.get(2), fields.get(3)
    if not (isinstance(kind, int) and isinstance(plain, int) and isinstance(packed, int)):
        raise _NoHeader
    second = fields.get(8)
    levels = [second.get(field) for field in (5, 6)] if isinstance(second, dict) else []
    clear = sum(size for size in levels if isinstance(size, int))
    if kind not in _KINDS or not 0 <= clear <= packed <= _LARGEST or not clear <= plain <= _LARGEST:
        raise _NoHeader
    if not packed or not any(isinstance(fields.get(field), dict) for field in (5, 7, 8)):
        raise _NoHeader
    return Page(header=end, packed=packed, plain=plain, clear=clear)


def begins_pages(data: bytes) -> bool:
    """Whether some bytes begin with a page header."""
    try:
        page_header(data)
    except (_Short, _NoHeader):
        return False
    return True


def _struct(data: bytes, position: int, depth: int) -> tuple[Fields, int]:
    fields: Fields = {}
    number = 0
    while True:
        byte = _at(data, position)
        position += 1
        if byte == 0:
            return fields, position
        if byte >> 4:
            number += byte >> 4
        else:
            number, position = _zigzag(data, position)
        if len(fields) > 16 or depth > 3:
            raise _NoHeader
        fields[number], position = _value(data, position, byte & 15, depth)


def _value(data: bytes, position: int, kind: int, depth: int) -> "tuple[int | Fields | None, int]":
    if kind in {1, 2}:
        return int(kind == 1), position
    if 3 <= kind <= 6:
        return _zigzag(data, position) if kind > 3 else (_at(data, position), position + 1)
    if kind == _DOUBLE:
        return None, position + 8
    if kind == _BINARY:
        size, position = _varint(data, position)
        if size > 1 << 16:
            raise _NoHeader
        _at(data, position + size)
        return None, position + size
    if kind == _STRUCT:
        return _struct(data, position, depth + 1)
    raise _NoHeader  # page headers have no lists, sets or maps


def _zigzag(data: bytes, position: int) -> tuple[int, int]:
    value, position = _varint(data, position)
    return value >> 1 ^ -(value & 1), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = _at(data, position + place)
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, position + place + 1
    raise _NoHeader


def _at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise _Short
    return data[position]


def _as_is(data: bytes, _size: int) -> bytes:
    return data


def _snappy(data: bytes, _size: int) -> bytes | None:
    try:
        return snappy_block(data)
    except BadBlock:
        return None


def _lz4(data: bytes, size: int) -> bytes | None:
    try:
        return lz4_block(data, most=size)
    except BadBlock:
        return None


def _stream(make: MakeInflater) -> Callable[[bytes, int], bytes | None]:
    def unpack(data: bytes, size: int) -> bytes | None:
        out = bytearray()
        try:
            for piece in make().pieces(data):
                out += piece
                if len(out) > size:
                    return None
        except (Broken, inflate.MissingError):
            return None
        return bytes(out)

    return unpack


_STREAMS = tuple(_stream(make) for make in (inflate.gzip, inflate.zstd, inflate.brotli))
