"""HTTP/2 without TLS and without asking first (RFC 9113, 3.3), as far as one question needs it. Pure.

Headers go out as literals, which every decoder must take (RFC 7541, 6.2.2). Of an answer's headers only the first
is read: it is the status, since pseudo-header fields come first and an answer has no other (RFC 9113, 8.3).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 0x1, 0x4, 0x8, 0x20
_STATIC = {
    0x88: 200,
    0x89: 204,
    0x8A: 206,
    0x8B: 304,
    0x8C: 400,
    0x8D: 404,
    0x8E: 500,
}  # RFC 7541, appendix A
_DIGITS = {"00000": "0", "00001": "1", "00010": "2"} | {f"{0b011001 + n:06b}": str(3 + n) for n in range(7)}


@dataclass(frozen=True, slots=True)
class H2cAnswer:
    """What came back on the stream. `status` is 0 while none has come; `ended`: nothing more will."""

    status: int
    body: bytes
    ended: bool


def h2c_request(url: str, path: str, headers: Mapping[str, str]) -> bytes:
    """A GET below a base URL, behind preface and empty settings, on stream 1."""
    parts = urlsplit(url)
    fields = {
        ":method": "GET",
        ":scheme": "http",
        ":path": f"{parts.path.rstrip('/')}{path}",
        ":authority": parts.netloc,
        **{name.lower(): value for name, value in headers.items()},
    }
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields.items())
    return _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_HEADERS, _END_STREAM | _END_HEADERS, 1, block)


def speaks_h2(data: bytes) -> bool:
    """Whether bytes begin as a server's side of HTTP/2 does: with SETTINGS on stream 0 (RFC 9113, 3.4)."""
    return len(data) >= 9 and data[3] == _SETTINGS and data[5:9] == bytes(4)


def read_h2c(data: bytes) -> H2cAnswer:
    """The answer on stream 1 in a server's bytes, as far as it is there."""
    status, body, ended = 0, b"", False
    for kind, flags, stream, payload in _frames(data):
        if kind == _GOAWAY or (kind == _RST_STREAM and stream == 1):
            ended = True
        elif stream == 1 and kind in {_HEADERS, _DATA}:
            content = _unpadded(kind, flags, payload)
            if kind == _DATA:
                body += content
            elif status < 200:
                status = _status(content)
            ended = ended or bool(flags & _END_STREAM)
    return H2cAnswer(status=status if status >= 200 else 0, body=body, ended=ended)


def _frames(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of every whole frame (RFC 9113, 4.1)."""
    position = 0
    while len(data) - position >= 9:
        end = position + 9 + int.from_bytes(data[position : position + 3], "big")
        if end > len(data):
            return
        stream = int.from_bytes(data[position + 5 : position + 9], "big") & 0x7FFFFFFF
        yield data[position + 3], data[position + 4], stream, data[position + 9 : end]
        position = end


def _unpadded(kind: int, flags: int, payload: bytes) -> bytes:
    padding = 0
    if flags & _PADDED and payload:
        padding, payload = payload[0], payload[1:]
    if kind == _HEADERS and flags & _PRIORITY:
        payload = payload[5:]
    return payload[: max(0, len(payload) - padding)]


def _status(block: bytes) -> int:
    """The status at the start of a header block; 0 where it is written in no way that RFC 7541 knows."""
    while block and 0x20 <= block[0] < 0x40:  # a new table size may come first (6.3)
        long = block[0] == 0x3F
        block = block[1:]
        while long and block:
            long, block = block[0] >= 0x80, block[1:]
    if not block:
        return 0
    if block[0] in _STATIC:
        return _STATIC[block[0]]
    # A literal whose name is one of the table's entries for :status, 8 to 14 (6.2).
    if (block[0] & 0xC0 != 0x40 and block[0] >= 0x20) or not 8 <= block[0] & 0x0F <= 14 or len(block) < 2:
        return 0
    length, value = block[1] & 0x7F, block[2 : 2 + (block[1] & 0x7F)]
    digits = _huffman(value) if block[1] & 0x80 else value.decode("latin-1")
    return int(digits) if len(value) == length and len(digits) == 3 and digits.isdecimal() else 0


def _huffman(value: bytes) -> str:
    """Digits in the code of RFC 7541, appendix B; whatever is none ends them."""
    bits, digits = "".join(f"{byte:08b}" for byte in value), ""
    while code := next((code for code in _DIGITS if bits.startswith(code)), ""):
        digits, bits = digits + _DIGITS[code], bits[len(code) :]
    return digits


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _text(text: str) -> bytes:
    """A string literal, as it is (RFC 7541, 5.2)."""
    data = text.encode("latin-1")
    if len(data) < 0x7F:
        return bytes((len(data),)) + data
    length, rest = bytearray(b"\x7f"), len(data) - 0x7F
    while rest >= 0x80:
        length.append(rest % 0x80 + 0x80)
        rest //= 0x80
    return bytes((*length, rest)) + data
