"""The bytes of one file, while its owner writes, rotates and replaces it. Holes are not read; special files are not opened."""

import os
import stat
from array import array
from bisect import bisect_right
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.collectors.streams import CHUNK, Item, Missed, UnreadableError

Identity = tuple[int, int]  # device and inode: what a file is called may change while it is read

_GROWTH = 1 << 28  # how far a file is followed that grows while it is read
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK = 512  # bytes of a block as `st_blocks` counts them
_APART = b"\0\n"  # between what stands on both sides of a hole


def file_item(path: Path, name: str, seen: set[Identity]) -> Item | Missed | None:
    """A regular file as an item; None where it is another name of one that was `seen`."""
    try:
        status = path.lstat()
    except OSError as error:
        return Missed(name=name, reason=why(error))
    if not stat.S_ISREG(status.st_mode):
        return Missed(name=name, reason="a special file, not opened", deciding=False)
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return None
    seen.add(identity)
    file = FileBytes(path, identity, seen)
    return Item(name=name, open=file.chunks, place=file.place, size=status.st_size, modified=status.st_mtime)


def why(error: OSError) -> str:
    """An error of the system in words, without the path it is about."""
    return f"{os.strerror(error.errno or 0)} (errno {error.errno})"


class FileBytes:
    """One file as it was listed, read to wherever its end is by then."""

    def __init__(self, path: Path, identity: Identity, seen: set[Identity]) -> None:
        """`seen` learns what is read in its place where it was replaced in the meantime."""
        self._path = path
        self._identity = identity
        self._seen = seen
        self._starts = array("q")  # of each stretch of data, as it was read
        self._places = array("q")  # and in the file

    def chunks(self) -> Iterator[bytes]:
        """The bytes, once more from the start where they changed otherwise than by growing. Raises UnreadableError."""
        try:
            with _opened(self._path, self._identity) as descriptor:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    raise UnreadableError("it became a special file")
                self._seen.add((before.st_dev, before.st_ino))
                end = yield from self._read(descriptor, before)
                after = os.fstat(descriptor)
                rewritten = after.st_mtime_ns != before.st_mtime_ns and after.st_size == before.st_size
                if after.st_size < end or rewritten:
                    yield from self._read(descriptor, after)
        except OSError as error:
            raise UnreadableError(why(error)) from error

    def place(self, offset: int) -> str:
        """Where in a file with holes an offset into its data is."""
        index = bisect_right(self._starts, offset) - 1
        return f"(byte {self._places[index] + offset - self._starts[index]:,})" if index > 0 else ""

    def _read(self, descriptor: int, status: os.stat_result) -> Generator[bytes, None, int]:
        self._starts, self._places = array("q", [0]), array("q", [0])
        if status.st_blocks * _BLOCK >= status.st_size:
            return (yield from _stretch(descriptor, 0, status.st_size + _GROWTH))
        return (yield from self._between_holes(descriptor, status))

    def _between_holes(self, descriptor: int, status: os.stat_result) -> Generator[bytes, None, int]:
        read = end = 0
        for start, stop in _stretches(descriptor, status.st_size):
            if start > end:
                yield _APART
                read += len(_APART)
                self._starts.append(read)
                self._places.append(start)
            end = yield from _stretch(descriptor, start, stop)
            read += end - start
        # What was appended since.
        return (yield from _stretch(descriptor, max(end, status.st_size), status.st_size + _GROWTH))


def _stretches(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file holds data, as (first byte, byte behind the last)."""
    stop = 0
    while stop < size:
        try:
            start = os.lseek(descriptor, stop, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return
        stop = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, stop


def _stretch(descriptor: int, start: int, stop: int) -> Generator[bytes, None, int]:
    """Read from `start` up to `stop`, or the end of the file if that comes first; returns where it stopped."""
    position = start
    while position < stop and (chunk := os.pread(descriptor, min(CHUNK, stop - position), position)):
        position += len(chunk)
        yield chunk
    return position


@contextmanager
def _opened(path: Path, identity: Identity) -> Iterator[int]:
    """The file that was listed, also where rotation gave it another name; else whatever has its name now."""
    descriptor = _open(path, identity)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path, identity: Identity) -> int:
    trouble: OSError | None = None
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        trouble = error
    else:
        if _identity(os.fstat(descriptor)) == identity:
            return descriptor
    renamed = _renamed(path.parent, identity)
    if renamed is not None:
        if trouble is None:
            os.close(descriptor)
        return os.open(renamed, _READ)
    if trouble is not None:
        raise trouble
    return descriptor


def _renamed(folder: Path, identity: Identity) -> Path | None:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == identity[1] and _identity(entry.stat(follow_symlinks=False)) == identity:
                    return Path(entry.path)
    except OSError:
        return None
    return None


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
