"""Ways in which a store may write a text: each from text to bytes. The table that the scan is measured by."""

import base64
import bz2
import codecs
import gzip
import html
import io
import json
import lzma
import quopri
import tarfile
import textwrap
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable

Transformation = Callable[[str], bytes]


def _each(template: str) -> Transformation:
    return lambda text: "".join(template.format(ord(c)) for c in text).encode()


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _xxd(data: bytes) -> bytes:
    lines = (
        f"{start:08x}: {data[start : start + 16].hex(' ', 2)}  {_shown(data[start : start + 16])}\n"
        for start in range(0, len(data), 16)
    )
    return "".join(lines).encode()


def _hexdump_c(data: bytes) -> bytes:
    lines = (
        f"{start:08x}  {data[start : start + 8].hex(' ')}  {data[start + 8 : start + 16].hex(' ')}  |text|\n"
        for start in range(0, len(data), 16)
    )
    return "".join(lines).encode()


def _shown(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def _zip(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.txt", data)
    return buffer.getvalue()


def _tar_gz(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("log.txt")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _events(size: int) -> Transformation:
    def write(text: str) -> bytes:
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        events = (
            {
                "id": "c-1",
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": p}}],
            }
            for p in pieces
        )
        return "".join(f"2026-01-02T03:04:05Z DEBUG data: {json.dumps(event)}\n" for event in events).encode()

    return write


DIRECT: dict[str, Transformation] = {
    "raw": lambda t: t.encode(),
    "lower case": lambda t: t.lower().encode(),
    "upper case": lambda t: t.upper().encode(),
    "JSON": lambda t: json.dumps({"prompt": t}).encode(),
    "JSON in JSON in JSON": lambda t: json.dumps(json.dumps(json.dumps({"prompt": t}))).encode(),
    "JSON escapes": _each("\\u{:04x}"),
    "JSON escapes in JSON": lambda t: json.dumps(_each("\\u{:04x}")(t).decode()).encode(),
    "URL": lambda t: urllib.parse.quote(t).encode(),
    "URL, everything": _each("%{:02X}"),
    "URL, twice": _each("%25{:02X}"),
    "HTML": lambda t: html.escape(t).encode(),
    "HTML decimal": _each("&#{:d};"),
    "HTML hexadecimal": _each("&#x{:x};"),
    "base64, alignment 0": lambda t: _b64(t.encode()),
    "base64, alignment 1": lambda t: _b64(b"1" + t.encode()),
    "base64, alignment 2": lambda t: _b64(b"12" + t.encode()),
    "base64 of lower case": lambda t: _b64(t.lower().encode()),
    "base64, URL-safe": lambda t: base64.urlsafe_b64encode(b"\xff\xfe" + t.encode()),
    "base64 twice": lambda t: _b64(_b64(t.encode())),
    "base64 of UTF-16": lambda t: _b64(t.encode("utf-16-le")),
    "base32, alignment 0": lambda t: base64.b32encode(t.encode()),
    "base32, alignment 1": lambda t: base64.b32encode(b"1" + t.encode()),
    "base32, alignment 2": lambda t: base64.b32encode(b"12" + t.encode()),
    "base32, alignment 3": lambda t: base64.b32encode(b"123" + t.encode()),
    "base32, alignment 4": lambda t: base64.b32encode(b"1234" + t.encode()),
    "base85, alignment 0": lambda t: base64.b85encode(t.encode()),
    "base85, alignment 3": lambda t: base64.b85encode(b"123" + t.encode()),
    "ascii85, alignment 1": lambda t: base64.a85encode(b"1" + t.encode()),
    "ascii85, alignment 2": lambda t: base64.a85encode(b"12" + t.encode()),
    "hex": lambda t: t.encode().hex().encode(),
    "HEX": lambda t: t.encode().hex().upper().encode(),
    "spaced hex": lambda t: t.encode().hex(" ").encode(),
    "hex with colons": lambda t: t.encode().hex(":").encode(),
    "PostgreSQL bytea": lambda t: b"\\x" + t.encode().hex().encode(),
    "C array": lambda t: ", ".join(f"0x{byte:02x}" for byte in t.encode()).encode(),
    "UTF-16 little endian": lambda t: t.encode("utf-16-le"),
    "UTF-16 big endian": lambda t: t.encode("utf-16-be"),
    "UTF-32 little endian": lambda t: t.encode("utf-32-le"),
    "UTF-32 big endian": lambda t: t.encode("utf-32-be"),
    "EBCDIC": lambda t: t.encode("cp037"),
    "rot13": lambda t: codecs.encode(t, "rot13").encode(),
    "reversed": lambda t: t[::-1].encode(),
    "high bits set": lambda t: bytes(byte | 0x80 for byte in t.encode()),
    "quoted-printable": lambda t: quopri.encodestring(t.encode()),
    "quoted-printable, everything": _each("={:02X}"),
    "x escapes": _each("\\x{:02x}"),
    "octal escapes": _each("\\{:03o}"),
    "octal list": lambda t: " ".join(f"{byte:03o}" for byte in t.encode()).encode(),
    "decimal list": lambda t: str(list(t.encode())).encode(),
}

NESTED: dict[str, Transformation] = {
    "gzip": lambda t: gzip.compress(t.encode()),
    "zlib": lambda t: zlib.compress(t.encode()),
    "zlib, stored": lambda t: zlib.compress(t.encode(), 0),
    "zlib, fast": lambda t: zlib.compress(t.encode(), 1),
    "bzip2": lambda t: bz2.compress(t.encode()),
    "xz": lambda t: lzma.compress(t.encode()),
    "zip": lambda t: _zip(t.encode()),
    "tar.gz": lambda t: _tar_gz(t.encode()),
    "gzip in zip": lambda t: _zip(gzip.compress(t.encode())),
    "gzip four times": lambda t: gzip.compress(gzip.compress(gzip.compress(gzip.compress(t.encode())))),
    "gzip of base64": lambda t: gzip.compress(_b64(t.encode())),
    "base64 thrice": lambda t: _b64(_b64(_b64(t.encode()))),
    "base64 of gzip": lambda t: _b64(gzip.compress(t.encode())),
    "base64 of zlib behind a prefix": lambda t: b"blob_" + _b64(zlib.compress(t.encode())),
    "hex of zlib": lambda t: zlib.compress(t.encode()).hex().encode(),
    "hex of UTF-16": lambda t: t.encode("utf-16-le").hex().encode(),
    "MIME base64": lambda t: base64.encodebytes(t.encode()),
    "MIME base64 of gzip": lambda t: base64.encodebytes(gzip.compress(t.encode())),
    "MIME base64 of gzip in JSON": lambda t: json.dumps(
        base64.encodebytes(gzip.compress(t.encode())).decode()
    ).encode(),
    "xxd": lambda t: _xxd(t.encode()),
    "hexdump -C": lambda t: _hexdump_c(t.encode()),
    "wrapped at 16": lambda t: b"\n".join(t.encode()[i : i + 16] for i in range(0, len(t), 16)),
    "wrapped between words": lambda t: textwrap.fill(t, 30).encode(),
    "base32, wrapped": lambda t: b"\n".join(
        base64.b32encode(t.encode())[i : i + 60] for i in range(0, 2 * len(t), 60)
    ),
    "a streamed answer, four characters per event": _events(4),
    "a streamed answer, one character per event": _events(1),
}
