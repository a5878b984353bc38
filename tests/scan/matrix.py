"""The 59 transformations by which the scan is measured, one atom in 300 words of text each."""

import base64
import hashlib
import lzma
import zlib

from tests.scan import compressors
from tests.scan.recorded_streams import BROTLI, ZSTD
from tests.scan.transformations import DIRECT, NESTED, Transformation

_REUSED = {
    "raw": "raw",
    "lower case": "lower case",
    "upper case": "upper case",
    "JSON": "JSON",
    "JSON thrice": "JSON in JSON in JSON",
    "\\uXXXX of everything": "JSON escapes",
    "URL": "URL",
    "URL, everything": "URL, everything",
    "HTML": "HTML",
    "HTML decimal": "HTML decimal",
    "base64, offset 0": "base64, alignment 0",
    "base64, offset 1": "base64, alignment 1",
    "base64, offset 2": "base64, alignment 2",
    "base64url": "base64, URL-safe",
    "base64 twice": "base64 twice",
    "base64 of UTF-16": "base64 of UTF-16",
    "hex": "hex",
    "HEX": "HEX",
    "spaced hexdump": "spaced hex",
    "PostgreSQL bytea hex": "PostgreSQL bytea",
    "UTF-16LE": "UTF-16 little endian",
    "UTF-16BE": "UTF-16 big endian",
    "rot13": "rot13",
    "reversed": "reversed",
    "high-bit flip": "high bits set",
    "quoted-printable": "quoted-printable",
    "quoted-printable, everything": "quoted-printable, everything",
    "\\xNN": "x escapes",
    "octal": "octal escapes",
    "decimal byte list": "decimal list",
    "base85 aligned": "base85, alignment 0",
    "MIME base64": "MIME base64",
    "gzip": "gzip",
    "zlib": "zlib",
    "bz2": "bzip2",
    "xz": "xz",
    "gzip(base64)": "gzip of base64",
    "base64 thrice": "base64 thrice",
    "base64(gzip)": "base64 of gzip",
    "hex(zlib)": "hex of zlib",
    "xxd": "xxd",
    "wrapped at 16": "wrapped at 16",
    "SSE deltas of 4 characters": "a streamed answer, four characters per event",
    "UTF-32": "UTF-32 little endian",
    "base32, other alignments": "base32, alignment 3",
    "ascii85, other alignments": "ascii85, alignment 1",
}


def _deflate(text: str) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(text.encode()) + compress.flush()


_OWN: dict[str, Transformation] = {
    "Python bytes repr": lambda t: repr(t.encode()).encode(),
    "truncated at marker+3": lambda t: t[: t.index("QZX") + 15].encode(),
    "lz4 frame": lambda t: compressors.lz4_frame(t.encode()),
    "snappy": lambda t: compressors.snappy_block(t.encode()),
    "zstd": lambda _: ZSTD,
    "separators inserted": lambda t: "-".join(t).encode(),
    "raw deflate": _deflate,
    "zstd without magic": lambda _: ZSTD[4:],
    "brotli": lambda _: BROTLI,
    "raw LZMA": lambda t: lzma.compress(
        t.encode(), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}]
    ),
    "truncated at 8 characters": lambda t: t[: t.index("QZX") + 8].encode(),
    "XOR with one byte": lambda t: bytes(byte ^ 0xA7 for byte in t.encode()),
}

DIGESTS: dict[str, Transformation] = {
    "SHA-256 of the prompt": lambda t: base64.b64encode(hashlib.sha256(t.encode()).digest()),
}
"""Found by fingerprints alone."""

MATRIX: dict[str, Transformation] = {
    **{name: (DIRECT | NESTED)[own] for name, own in _REUSED.items()},
    **_OWN,
}
