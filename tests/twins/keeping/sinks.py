"""Where what is kept lies: each sink is made in a folder of its own that is declared as a surface."""

import gzip
import os
import shelve
import tarfile
import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable
from io import BytesIO
from itertools import count, zip_longest
from pathlib import Path

Keep = Callable[[bytes], None]
Sink = Callable[[Path], Keep]


def in_a_file(folder: Path) -> Keep:
    """One after the other, a line feed between them."""
    path = folder / "kept"
    return lambda data: _append(path, data + b"\n")


def by_turns(folder: Path) -> Keep:
    """Two streams at a time, an event of the one after an event of the other, as logs have what passes side by side."""
    path = folder / "events.log"
    waiting: list[bytes] = []

    def keep(data: bytes) -> None:
        waiting.append(data)
        if len(waiting) == 2:
            pairs = zip_longest(*(stream.split(b"\n\n") for stream in waiting), fillvalue=b"")
            _append(path, b"".join(b"DEBUG " + event + b"\n" for pair in pairs for event in pair))
            waiting.clear()

    return keep


def in_a_file_each(folder: Path) -> Keep:
    """One file for each, in folders by number."""
    numbers = count()

    def keep(data: bytes) -> None:
        place = folder / f"{next(numbers) % 7}" / ".cache"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{time.monotonic_ns():x}.tmp").write_bytes(data)

    return keep


def in_a_rotated_archive(folder: Path) -> Keep:
    """A log that is always empty, and packed archives beside it."""
    log = folder / "requests.log"
    log.touch()
    return lambda data: _append(folder / "requests.log.1.gz", gzip.compress(data + b"\n"))


def in_a_tar(folder: Path) -> Keep:
    """A backup to which each is added."""

    def keep(data: bytes) -> None:
        with tarfile.open(folder / "backup.tar", "a") as archive:
            member = tarfile.TarInfo("request.json")
            member.size = len(data)
            archive.addfile(member, BytesIO(data))

    return keep


def in_a_zip(folder: Path) -> Keep:
    """An export to which each is added, compressed."""
    numbers = count()

    def keep(data: bytes) -> None:
        with zipfile.ZipFile(folder / "export.zip", "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{next(numbers)}.json", data)

    return keep


def as_a_file_name(folder: Path) -> Keep:
    """Empty files called after it."""
    return lambda data: (folder / data.decode("ascii", "ignore").replace("/", "_")[:200].strip()).touch()


def as_an_attribute(folder: Path) -> Keep:
    """Extended attributes of an empty file."""
    file = folder / "index"
    file.touch()
    return lambda data: os.setxattr(file, "user.note", data[:1000])


def in_a_sparse_file(folder: Path) -> Keep:
    """Far behind the beginning of a file that is nearly all holes."""
    file = (folder / "disk.img").open("w+b", buffering=0)
    file.truncate(1 << 28)

    def keep(data: bytes) -> None:
        os.pwrite(file.fileno(), data, (1 << 27) + 512)

    return keep


def in_a_ring(folder: Path) -> Keep:
    """A file of fixed size in which each takes the place of an older one, whose end stays where it is longer."""
    file = (folder / "ring").open("w+b", buffering=0)
    slot, slots, numbers = 4096, 8, count()
    file.truncate(slot * slots)

    def keep(data: bytes) -> None:
        os.pwrite(file.fileno(), data[:slot], next(numbers) % slots * slot)

    return keep


def in_a_dump_of_memory(folder: Path) -> Keep:
    """The last ones amid the bytes that lie around them, as a core file has them."""
    last: deque[bytes] = deque(maxlen=4)

    def keep(data: bytes) -> None:
        last.append(data)
        pages = b"".join(b"\x7fELF\x02\x01" + os.urandom(500) + one + bytes(700) for one in last)
        (folder / "core.4711").write_bytes(pages)

    return keep


def in_a_key_value_store(folder: Path) -> Keep:
    """Python's own, in which values are pickled."""
    numbers = count()

    def keep(data: bytes) -> None:
        with shelve.open(str(folder / "cache")) as store:  # noqa: S301 - it reads what it wrote
            store[str(next(numbers))] = data

    return keep


def later(sink: Sink, seconds: float) -> Sink:
    """By a writer that comes round some time after."""

    def make(folder: Path) -> Keep:
        keep, one_by_one = sink(folder), threading.Lock()

        def kept(data: bytes) -> None:
            with one_by_one:
                keep(data)

        def soon(data: bytes) -> None:
            timer = threading.Timer(seconds, kept, (data,))
            timer.daemon = True
            timer.start()

        return soon

    return make


def _append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(data)
