"""Files that carry canaries in clear: an image, a photograph, a sound, a document. Pure.

Each is valid for whoever opens it, and holds every atom twice, uncompressed: where its kind keeps comments,
which converters drop, and in the content itself, which converters keep. JPEG's content is coded bit by bit,
so that a photograph has the comment alone.
"""

import base64
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence

_ROWS = 32  # at least, of an image: some providers refuse smaller ones
_SAMPLES = 1_600  # at least, of a sound of 8 kHz: some providers refuse less than a tenth of a second
_RATE = 8_000
_BLOCKS = 4  # along each side of a photograph; a block is 8 x 8 pixels

_MOST = 60_000  # characters in all: a comment of JPEG takes no more

_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "wav": "audio/wav", "pdf": "application/pdf"}


def png(atoms: Sequence[str]) -> bytes:
    """A grey PNG (PNG specification, third edition): a `tEXt` comment, and the atoms as pixels, a row each.

    Raises ValueError where there are no atoms, or too many, or one is not ASCII; so do the others here.
    """
    texts = _ascii(atoms)
    width = max(_ROWS, *map(len, texts))
    rows = [texts[at % len(texts)].ljust(width) for at in range(max(_ROWS, len(texts)))]
    pixels = b"".join(b"\0" + row for row in rows)  # filter type 0: the bytes as they are
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"tEXt", b"Comment\0" + b" ".join(texts)),
        (b"IDAT", _stored(pixels, len(rows[0]) + 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def jpeg(atoms: Sequence[str]) -> bytes:
    """A grey baseline JPEG (ITU-T T.81, annex B) with a comment of the atoms."""
    side = 8 * _BLOCKS
    # One code of one bit in each table: "no difference to the last block" and "nothing more in this block".
    codes = b"\x01" + bytes(15) + b"\x00"
    coded = bytes(_BLOCKS * _BLOCKS * 2 // 8)
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            _segment(0xFE, b" ".join(_ascii(atoms))),
            _segment(0xDB, b"\0" + b"\x01" * 64),
            _segment(0xC0, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\0"),
            _segment(0xC4, b"\x00" + codes),
            _segment(0xC4, b"\x10" + codes),
            _segment(0xDA, b"\x01\x01\0\0\x3f\0"),
            coded,
            b"\xff\xd9",
        )
    )


def wav(atoms: Sequence[str]) -> bytes:
    """A sound of 8-bit PCM, mono, at 8 kHz: a `LIST` of `INFO` with a comment, and the atoms as samples."""
    text = b" ".join(_ascii(atoms))
    form = struct.pack("<HHIIHH", 1, 1, _RATE, _RATE, 1, 8)
    samples = text.ljust(_SAMPLES, b"\x80")  # silence
    chunks = _piece(b"fmt ", form) + _piece(b"LIST", b"INFO" + _piece(b"ICMT", text + b"\0"))
    return _piece(b"RIFF", b"WAVE" + chunks + _piece(b"data", samples))


def pdf(atoms: Sequence[str]) -> bytes:
    """A page of text, a line for each atom, in a PDF 1.4 (ISO 32000-1) whose streams are not compressed."""
    lines = [b"(%s) Tj 0 -14 Td" % _escaped(text) for text in _ascii(atoms)]
    content = b"BT /F1 10 Tf 36 800 Td\n" + b"\n".join(lines) + b"\nET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 7 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (%s) >>" % _escaped(b" ".join(_ascii(atoms))),
        b"<< /Font << /F1 5 0 R >> >>",
    )
    return _document(objects)


MEDIA: Mapping[str, Callable[[Sequence[str]], bytes]] = {"png": png, "jpeg": jpeg, "wav": wav, "pdf": pdf}
"""The kinds of media, by the ending of their file names."""


def data_url(kind: str, data: bytes) -> str:
    """A `data:` URL (RFC 2397) of a file of this kind. Raises KeyError for a kind not in `MEDIA`."""
    return f"data:{_TYPES[kind]};base64,{base64.b64encode(data).decode('ascii')}"


def _ascii(atoms: Sequence[str]) -> list[bytes]:
    if not 0 < sum(map(len, atoms)) <= _MOST:
        raise ValueError(f"a file carries at least one atom, and at most {_MOST:,} characters")
    return [atom.encode("ascii") for atom in atoms]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes, size: int) -> bytes:
    """A zlib stream (RFC 1950) of stored blocks of `size` bytes, so that no block ends within a row."""
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    headed = (
        struct.pack("<?HH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
    return b"\x78\x01" + b"".join(headed) + struct.pack(">I", zlib.adler32(data))


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _piece(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _escaped(text: bytes) -> bytes:
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _document(objects: Sequence[bytes]) -> bytes:
    """Objects numbered from 1: the first is the catalogue, the sixth says what the document is."""
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(data))
    )
