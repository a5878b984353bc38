"""What is scanned for the measurements: files as they lie around gateways, made the same every time, and warm."""

import atexit
import base64
import ctypes
import json
import mmap
import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from conformance.canary.mint import Mint
from conformance.scan import inflate
from tests.bench.measure import NothingHereError

KEY = b"the run key of the bench"
PLANTED = 64  # canaries, spread over the corpus

_SIZE = 128 << 20
_TIMES = 4  # so often the corpus stands in the large file
_SEED = 2026
_PROGRAMS = ("/usr/lib", "/usr/bin")


@cache
def mixed() -> Path:
    """128 MB: 36 % JSON logs with images, token lists and embeddings; 16 % rows, 30 % of them zlib; 15 % programs; 25 %
    zlib, zstd (where its decoder is installed) and random bytes; 8 % vectors and empty pages. 64 canaries lie in it.
    """
    path = _folder() / "mixed"
    source = random.Random(_SEED)
    mint = Mint(KEY)
    with path.open("wb") as file:
        for share, write in ((36, _log), (16, _row), (15, _program), (25, _packed), (8, _vectors)):
            for piece in _up_to(share * _SIZE // 100, write(source)):
                file.write(piece)
                if source.random() < 0.01 and len(mint.issued) < PLANTED:
                    file.write(mint.atom("bench", "clear").encode() + b"\n")
        while len(mint.issued) < PLANTED:
            file.write(zlib.compress(mint.text(mint.atom("bench", "zlib")).encode()))
    return path


@cache
def large() -> Path:
    """The mixed corpus four times in a row, written in small pieces as logs are: the kernel keeps it in small pages then."""
    path = _folder() / "large"
    data = mixed().read_bytes()
    with path.open("wb", buffering=0) as file:
        for _ in range(_TIMES):
            for start in range(0, len(data), mmap.PAGESIZE):
                file.write(data[start : start + mmap.PAGESIZE])
    return path


def warm(path: Path) -> None:
    """Read a file, and see that all of it stays in memory. Raises NothingHereError where it does not."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
        size = path.stat().st_size
        with mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE) as mapped:
            if not _resident(mapped, size):
                raise NothingHereError(
                    "the page cache does not keep half a gigabyte; more memory must be free"
                )


def _resident(mapped: mmap.mmap, size: int) -> bool:
    """Whether every page is in the page cache (mincore)."""
    pages = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
    first = ctypes.c_char.from_buffer(mapped)
    try:
        failed = ctypes.CDLL(None).mincore(
            ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(size), ctypes.byref(pages)
        )
    finally:
        del first
    return not failed and all(page & 1 for page in pages)


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="gateproof-bench-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _up_to(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    done = 0
    while done < size:
        piece = next(pieces)
        done += len(piece)
        yield piece


@cache
def _words() -> tuple[str, ...]:
    source = random.Random(_SEED)
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    return tuple("".join(source.choices(letters, k=source.randint(2, 9))) for _ in range(4000))


def _text(source: random.Random, least: int, most: int) -> str:
    return " ".join(source.choices(_words(), k=source.randint(least, most)))


def _log(source: random.Random) -> Iterator[bytes]:
    extras: tuple[Callable[[], object], ...] = (
        lambda: base64.b64encode(source.randbytes(source.randint(3000, 40_000))).decode(),
        lambda: [source.randrange(100_000) for _ in range(source.randint(100, 1500))],
        lambda: [round(source.uniform(-1, 1), 8) for _ in range(1536)],
    )
    while True:
        line: dict[str, object] = {
            "at": f"2026-01-02T03:04:{source.random() * 60:06.3f}Z",
            "id": source.randbytes(16).hex(),
            "messages": [{"role": "user", "content": _text(source, 30, 900)}],
        }
        if source.random() < 0.4:
            line["extra"] = source.choice(extras)()
        yield json.dumps(line).encode() + b"\n"


def _row(source: random.Random) -> Iterator[bytes]:
    while True:
        text = _text(source, 80, 1400).encode()
        yield source.randbytes(8) + (zlib.compress(text) if source.random() < 0.3 else text)


def _program(_source: random.Random) -> Iterator[bytes]:
    while True:
        for folder in _PROGRAMS:
            for path in sorted(Path(folder).glob("**/*.so*" if folder.endswith("lib") else "*")):
                if path.is_file() and not path.is_symlink():
                    yield path.read_bytes()[: 1 << 23]


def _packed(source: random.Random) -> Iterator[bytes]:
    packers = [zlib.compress, lambda data: source.randbytes(len(data) // 3)]
    if (zstd := inflate.zstd_module()) is not None:
        packers.append(zstd.compress)
    while True:
        yield source.choice(packers)(_text(source, 300, 30_000).encode())


def _vectors(source: random.Random) -> Iterator[bytes]:
    while True:
        yield struct.pack("<1536f", *(source.gauss(0, 0.03) for _ in range(1536))) + bytes(4096)
