"""Block formats in which texts lie in pieces between control bytes: lz4, snappy, LZF and PostgreSQL's pglz.

Written out in Python: blocks are small, and only those are decoded that a magic or a clue points at. What a copy
takes from before the first byte that is known reads as `?`.
"""

_UNKNOWN = b"?"
_MOST = 1 << 22  # bytes that one block may decode to: lz4 frames have no larger ones


class BadBlock(Exception):
    """The bytes are no such block."""


def lz4_block(data: bytes, before: bytes = b"", most: int = _MOST) -> bytes:
    """An lz4 block; `before` is what earlier, linked blocks decoded to. Raises BadBlock."""
    out, position, base = bytearray(before), 0, len(before)
    while position < len(data):
        token = data[position]
        count, position = _lz4_length(data, position + 1, token >> 4)
        out += data[position : position + count]
        position += count
        if position >= len(data):
            break
        offset = int.from_bytes(data[position : position + 2], "little")
        length, position = _lz4_length(data, position + 2, token & 15)
        _copy(out, offset, length + 4, blind=False)
        if len(out) - base > most:
            raise BadBlock("a block of this size is none")
    if position > len(data):
        raise BadBlock("it ends in the middle of its literals")
    return bytes(out[base:])


def snappy_block(data: bytes) -> bytes:
    """A snappy block. Raises BadBlock."""
    size, position = _varint(data)
    if size > _MOST:
        raise BadBlock("a block of this size is none")
    out = bytearray()
    while position < len(data):
        position = _snappy_element(data, position, out)
    if len(out) != size:
        raise BadBlock("it decodes to another length than it names")
    return bytes(out)


def lzf(data: bytes, most: int, *, blind: bool = False) -> bytes:
    """LZF, as Redis stores long values, up to `most` bytes of output. Raises BadBlock."""
    out, position = bytearray(), 0
    while position < len(data) and len(out) < most:
        control = data[position]
        position += 1
        if control < 32:
            out += data[position : position + control + 1]
            position += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += _at(data, position)
            position += 1
        offset = ((control & 31) << 8) + _at(data, position) + 1
        position += 1
        _copy(out, offset, length + 2, blind=blind)
    return bytes(out)


def pglz(data: bytes, most: int) -> bytes:
    """PostgreSQL's pglz from a control byte on, whatever came before it, up to `most` bytes of output."""
    out, position = bytearray(), 0
    while position < len(data) and len(out) < most:
        control = data[position]
        position += 1
        for bit in range(8):
            if position >= len(data) or len(out) >= most:
                break
            if control >> bit & 1:
                position = _pglz_tag(data, position, out)
            else:
                out.append(data[position])
                position += 1
    return bytes(out)


def _lz4_length(data: bytes, position: int, nibble: int) -> tuple[int, int]:
    length = nibble
    if nibble == 15:
        while True:
            more = _at(data, position)
            position += 1
            length += more
            if more < 255:
                break
    return length, position


def _snappy_element(data: bytes, position: int, out: bytearray) -> int:
    tag = data[position]
    position += 1
    if tag & 3 == 0:
        length = tag >> 2
        if length >= 60:
            width = length - 59
            length = int.from_bytes(data[position : position + width], "little")
            position += width
        if position + length + 1 > len(data):
            raise BadBlock("it ends in the middle of its literals")
        out += data[position : position + length + 1]
        return position + length + 1
    if tag & 3 == 1:
        _copy(out, (tag >> 5) << 8 | _at(data, position), (tag >> 2 & 7) + 4, blind=False)
        return position + 1
    width = 2 if tag & 3 == 2 else 4
    _copy(out, int.from_bytes(data[position : position + width], "little"), (tag >> 2) + 1, blind=False)
    return position + width


def _pglz_tag(data: bytes, position: int, out: bytearray) -> int:
    first, second = data[position], data[position + 1] if position + 1 < len(data) else 0
    length, position = (first & 15) + 3, position + 2
    if length == 18:
        length += data[position] if position < len(data) else 0
        position += 1
    _copy(out, (first & 0xF0) << 4 | second, length, blind=True)
    return position


def _copy(out: bytearray, offset: int, length: int, *, blind: bool) -> None:
    """Repeat what lies `offset` bytes back; bytes that were never seen read as unknown."""
    if offset == 0 or offset > len(out):
        if not blind:
            raise BadBlock("a copy from before the beginning")
        out += _UNKNOWN * length
        return
    start = len(out) - offset
    whole = bytes(out[start : start + length])
    out += (whole * (length // len(whole) + 1))[:length]


def _varint(data: bytes) -> tuple[int, int]:
    value = 0
    for position in range(5):
        byte = _at(data, position)
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value, position + 1
    raise BadBlock("a length of more than 32 bits")


def _at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise BadBlock("it ends too early")
    return data[position]
