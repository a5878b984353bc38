"""Block compressors of the kinds that stores use, as simple as their formats allow: what the scan must read."""

import struct
import zlib
from collections.abc import Iterator

_SHORTEST = 4
_FARTHEST = 4000


def lz4_block(data: bytes) -> bytes:
    """An lz4 block: the last five bytes are literals."""
    out, literals = bytearray(), b""
    for literal, distance, length in _parsed(data, 1 << 16):
        literals += literal
        if length:
            out += _lz4_sequence(literals, length - 4) + distance.to_bytes(2, "little") + _more(length - 4)
            literals = b""
    return bytes(out + _lz4_sequence(literals, 0))


def lz4_frame(data: bytes) -> bytes:
    """One frame of one independent block, without checksums but the header's."""
    block = lz4_block(data)
    return b"\x04\x22\x4d\x18\x60\x70\x73" + len(block).to_bytes(4, "little") + block + bytes(4)


def snappy_block(data: bytes) -> bytes:
    """A snappy block."""
    out = bytearray(_varint(len(data)))
    for literal, distance, length in _parsed(data, 64):
        if literal:
            size = len(literal) - 1
            out += bytes([size << 2]) if size < 60 else bytes([61 << 2]) + size.to_bytes(2, "little")
            out += literal
        if length:
            out += bytes([(length - 1) << 2 | 2]) + distance.to_bytes(2, "little")
    return bytes(out)


def snappy_frames(data: bytes) -> bytes:
    """One compressed chunk behind the stream's identifier; its checksum is none."""
    block = snappy_block(data)
    return b"\xff\x06\x00\x00sNaPpY\x00" + (len(block) + 4).to_bytes(3, "little") + bytes(4) + block


def lzf(data: bytes) -> bytes:
    """LZF, as Redis keeps long values."""
    out = bytearray()
    for literal, distance, length in _parsed(data, 264):
        for start in range(0, len(literal), 32):
            part = literal[start : start + 32]
            out += bytes([len(part) - 1]) + part
        if length:
            short, far = length - 2, distance - 1
            out += bytes([short << 5 | far >> 8]) if short < 7 else bytes([7 << 5 | far >> 8, short - 7])
            out += bytes([far & 255])
    return bytes(out)


def pglz(data: bytes) -> bytes:
    """PostgreSQL's pglz without its header: a control byte before every eight literals and copies."""
    out, group, control, count = bytearray(), bytearray(), 0, 0
    for item, copied in _pglz_items(data):
        control |= copied << count
        group += item
        count += 1
        if count == 8:
            out += bytes([control]) + group
            group, control, count = bytearray(), 0, 0
    return bytes(out + (bytes([control]) + group if count else b""))


def _pglz_items(data: bytes) -> Iterator[tuple[bytes, bool]]:
    for literal, distance, length in _parsed(data, 273):
        yield from ((bytes([byte]), False) for byte in literal)
        if length:
            short = min(length, 18)
            tag = bytes([(distance & 0xF00) >> 4 | short - 3, distance & 0xFF])
            yield (tag + bytes([length - 18]) if short == 18 else tag), True


def _parsed(data: bytes, longest: int) -> Iterator[tuple[bytes, int, int]]:
    """Literals, then how far back and how long a copy is; greedy. The last five bytes are never copied."""
    seen: dict[bytes, int] = {}
    start = position = 0
    while position < len(data) - 12:
        key = data[position : position + _SHORTEST]
        before = seen.get(key)
        seen[key] = position
        if before is None or position - before > _FARTHEST:
            position += 1
            continue
        length = _alike(data, before, position, min(longest, len(data) - 5 - position))
        yield data[start:position], position - before, length
        start = position = position + length
    yield data[start:], 0, 0


def _alike(data: bytes, one: int, other: int, most: int) -> int:
    length = _SHORTEST
    while length < most and data[one + length] == data[other + length]:
        length += 1
    return length


def seven_zip_start() -> bytes:
    """Signature and start header of a 7z archive (7zFormat.txt): version, CRC, and where the end header lies."""
    header = struct.pack("<QQI", 4096, 61, 0x1F2E3D4C)
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(header)) + header


def _lz4_sequence(literals: bytes, copied: int) -> bytes:
    token = min(len(literals), 15) << 4 | min(copied, 15)
    return bytes([token]) + _more(len(literals)) + literals


def _more(length: int) -> bytes:
    """How lz4 goes on with a length that four bits cannot hold."""
    if length < 15:
        return b""
    whole, rest = divmod(length - 15, 255)
    return b"\xff" * whole + bytes([rest])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
