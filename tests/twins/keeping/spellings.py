"""How what is kept is written: each spelling is a function from bytes to bytes. Most are those that the scan is measured by."""

import base64
import binascii
import hashlib
import io
import itertools
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable

from backports import zstd

from tests.scan import compressors
from tests.scan.transformations import DIRECT, NESTED

Spelling = Callable[[bytes], bytes]

_WRITTEN = DIRECT | NESTED


def as_it_is(data: bytes) -> bytes:
    """Not changed."""
    return data


def written(name: str) -> Spelling:
    """One of the scan's transformations; what is not ASCII is left out, since some of them have no way to write it."""
    write = _WRITTEN[name]
    return lambda data: write(data.decode("ascii", "ignore"))


# --- text --------------------------------------------------------------------------------------------------


def wrapped(width: int) -> Spelling:
    """Lines of so many bytes, as loggers with a narrow column print them."""
    return lambda data: b"\n".join(data[at : at + width] for at in range(0, len(data), width))


def parted(separator: bytes) -> Spelling:
    """Something between every two characters."""
    return lambda data: separator.join(data[at : at + 1] for at in range(len(data)))


def xored(key: int) -> Spelling:
    """Every byte combined with the same other one: what is called encryption in a hurry."""
    table = bytes(byte ^ key for byte in range(256))
    return lambda data: data.translate(table)


def pickled(data: bytes) -> bytes:
    """A Python object, as queues and caches hold it."""
    return pickle.dumps({"prompt": data.decode("utf-8", "replace"), "tries": 1})


def one_by_one(data: bytes) -> bytes:
    """A line of the log for every few characters, as they streamed by."""
    pieces = (data[at : at + 3].decode("latin-1") for at in range(0, len(data), 3))
    return b"".join(
        f"2026-01-02T03:04:05.{number:03d}Z DEBUG chunk {number} {json.dumps({'delta': {'content': piece}})}\n".encode()
        for number, piece in enumerate(pieces)
    )


# --- archives ----------------------------------------------------------------------------------------------


def zstandard(data: bytes) -> bytes:
    """A frame of Zstandard."""
    return zstd.compress(data)


def lz4(data: bytes) -> bytes:
    """A frame of LZ4."""
    return compressors.lz4_frame(data)


def snappy(data: bytes) -> bytes:
    """A framed stream of Snappy."""
    return compressors.snappy_frames(data)


def stored_in_zip(data: bytes) -> bytes:
    """A zip archive that does not compress."""
    return _zipped(data, zipfile.ZIP_STORED)


def deflated_in_zip(data: bytes) -> bytes:
    """Raw deflate, without a head of its own, in a zip archive."""
    return _zipped(data, zipfile.ZIP_DEFLATED)


def xz_in_tar(data: bytes) -> bytes:
    """As old logs are put away."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:xz") as archive:
        member = tarfile.TarInfo("2026-01/requests.log")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return held.getvalue()


def _zipped(data: bytes, method: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("requests.log", data)
    return held.getvalue()


# --- cuts --------------------------------------------------------------------------------------------------


def first(size: int) -> Spelling:
    """The beginning, as previews show it."""
    return lambda data: data[:size]


def last(size: int) -> Spelling:
    """The end."""
    return lambda data: data[-size:]


def middle(size: int) -> Spelling:
    """The middle, as one line of a table between two ellipses."""
    return lambda data: b"..." + data[max(0, len(data) - size) // 2 :][:size] + b"..."


def ends(size: int) -> Spelling:
    """Beginning and end, what is between them left out."""
    return lambda data: data[:size] + b" [...] " + data[-size:]


# --- digests -----------------------------------------------------------------------------------------------


def digest(name: str, write: Spelling = binascii.hexlify, *, size: int | None = None) -> Spelling:
    """A digest without salt, cut to so many bytes: who has the prompt can tell that it was here."""
    return lambda data: write(hashlib.new(name, data, usedforsecurity=False).digest())[:size]


def in_base64(data: bytes) -> bytes:
    """On one line."""
    return base64.b64encode(data)


def numbered(write: Spelling) -> Spelling:
    """Behind a number that counts up."""
    numbers = itertools.count(1)
    return lambda data: b"%d " % next(numbers) + write(data)
