"""Archived surfaces: files that were put aside, read into aligned memory. Whatever is no regular file is not opened."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.collectors.file_bytes import why
from conformance.collectors.streams import Missed, UnreadableError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A regular file as it was listed."""

    path: Path
    size: int
    identity: tuple[int, int, int, int]  # device, inode, size, modification in nanoseconds


class FileSource:
    """The bytes of a file, for a scan; `told` hears how many were read, as they are."""

    def __init__(self, path: Path, told: Callable[[int], object] = lambda _size: None) -> None:
        """Nothing is opened yet."""
        self.read = 0  # bytes
        self._path = path
        self._told = told
        self._descriptor = -1

    def __enter__(self) -> "FileSource":
        """Open it. Raises UnreadableError."""
        try:
            self._descriptor = os.open(self._path, _READ)
        except OSError as error:
            raise UnreadableError(why(error)) from error
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.__exit__()
            raise UnreadableError("it became a special file")
        return self

    def __exit__(self, *_trouble: object) -> None:
        """Close it."""
        os.close(self._descriptor)

    def read_into(self, view: memoryview) -> int:
        """Fill the view as far as the file goes. Raises UnreadableError."""
        try:
            size = os.readv(self._descriptor, [view])
        except OSError as error:
            raise UnreadableError(why(error)) from error
        self.read += size
        self._told(size)
        return size


def archived(path: Path, skip: Path) -> Iterator[Archived | Missed]:
    """A file, or every file below a folder, in the order of their names; links and what lies below `skip` are left out."""
    if path.is_relative_to(skip):
        return
    try:
        status = path.lstat()
        entries = sorted(path.iterdir()) if stat.S_ISDIR(status.st_mode) else []
    except OSError as error:
        yield Missed(name=str(path), reason=why(error))
        return
    if stat.S_ISREG(status.st_mode):
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        yield Archived(path=path, size=status.st_size, identity=identity)
    elif not stat.S_ISDIR(status.st_mode):
        what = "a symbolic link, not followed" if path.is_symlink() else "a special file, not opened"
        yield Missed(name=str(path), reason=what, deciding=False)
    for entry in entries:
        yield from archived(entry, skip)
