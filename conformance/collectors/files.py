"""Surfaces of files: a file, a directory with all below it, or a glob. Only regular files are opened."""

import glob
import os
import stat
from collections.abc import Generator, Iterator
from fnmatch import fnmatch
from pathlib import Path

from conformance.collectors.reading import CHUNK, Item, Missed, UnreadableError, surface_kind
from conformance.target import Surface

_GROWTH = 1 << 28  # how far a file is followed that grows while it is read
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@surface_kind("files")
def read_files(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """Every file of a surface. Symbolic links that lead out of it are named and not followed."""
    roots = located(surface.locator, base)
    if not roots:
        yield Missed(name=surface.locator, reason="nothing is there")
    seen: set[tuple[int, int]] = set()
    for root in roots:
        for found in _walk(root, root, surface.exclude, skip):
            item = file_item(found, _shown(found, base), seen) if isinstance(found, Path) else found
            if item is not None:
                yield item


def located(locator: str, base: Path) -> tuple[Path, ...]:
    """The paths that a locator names: itself where it exists, else what it matches as a glob."""
    path = base / locator
    if os.path.lexists(path):
        return (path.resolve(),)
    matches = glob.glob(str(path), recursive=True, include_hidden=True)  # noqa: PTH207 - locators may be absolute
    return tuple(Path(match).resolve() for match in sorted(matches))


def file_item(path: Path, name: str, seen: set[tuple[int, int]]) -> Item | Missed | None:
    """A regular file as an item; None where it is another name of one that was `seen`."""
    try:
        status = path.lstat()
    except OSError as error:
        return Missed(name=name, reason=_why(error))
    if not stat.S_ISREG(status.st_mode):
        return Missed(name=name, reason="a special file, not opened", deciding=False)
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return None
    seen.add(identity)
    return Item(name=name, open=lambda: _chunks(path), size=status.st_size, modified=status.st_mtime)


def _walk(
    path: Path, root: Path, exclude: tuple[str, ...], skip: tuple[Path, ...]
) -> Iterator[Path | Missed | None]:
    if any(path.is_relative_to(own) for own in skip):
        return
    if any(fnmatch(str(path), pattern) or fnmatch(path.name, pattern) for pattern in exclude):
        yield Missed(name=path.name, reason="excluded by the target file", deciding=False)
        return
    if path.is_symlink():
        yield _link(path, root)
        return
    if not path.is_dir():
        yield path
        return
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        yield Missed(name=str(path), reason=_why(error))
        return
    for entry in entries:
        yield from _walk(entry, root, exclude, skip)


def _link(path: Path, root: Path) -> Missed | None:
    target = path.resolve()
    if target.is_relative_to(root):
        return None  # read under its own name
    return Missed(name=path.name, reason="a symbolic link out of the surface; declare what it leads to")


def _shown(path: Path, base: Path) -> str:
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file; once more from the start where it changed otherwise than by growing."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise UnreadableError(_why(error)) from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadableError("it became a special file")
        try:
            end = yield from _to_end(file.fileno(), before.st_size + _GROWTH)
            after = os.fstat(descriptor)
            rewritten = after.st_mtime_ns != before.st_mtime_ns and after.st_size == before.st_size
            if after.st_size < end or rewritten:
                os.lseek(descriptor, 0, os.SEEK_SET)
                yield from _to_end(descriptor, after.st_size + _GROWTH)
        except OSError as error:
            raise UnreadableError(_why(error)) from error


def _to_end(descriptor: int, limit: int) -> Generator[bytes, None, int]:
    """Read to the end of the file, wherever it is by then; returns how much that was."""
    position = 0
    while position < limit and (chunk := os.read(descriptor, CHUNK)):
        position += len(chunk)
        yield chunk
    return position


def _why(error: OSError) -> str:
    return f"{os.strerror(error.errno or 0)} (errno {error.errno})"
