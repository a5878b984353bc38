"""Surfaces of files: a file with its rotated siblings, a directory with all below it, or a glob.

Read are contents, names and extended attributes. Only regular files are opened; neither symbolic links nor mounts lead out.
"""

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

from conformance.collectors.file_bytes import Identity, file_item, why
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import Item, Missed
from conformance.target import Surface

_ROUNDS = 3  # a surface is listed again for what was rotated or made while it was read
# What rotation, editors and stores put beside a file: gateway.log.1, gateway.log-20260101.gz, gateway-1.log, gateway.log~
_BESIDE_NAME = re.compile(r"[.~_-].*")
_BESIDE_STEM = re.compile(r"[._-]?\d[\d._T:-]*")


def _accounts(surface: Surface, base: Path) -> Accounted:
    return Accounted(holds=lambda path: holds(path, surface.locator, base))


@surface_kind("files", accounts=_accounts)
def read_files(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """Every file of a surface. Symbolic links that lead out of it are named and not followed."""
    if not located(surface.locator, base):
        yield Missed(name=surface.locator, reason="nothing is there")
        return
    yield from read_paths((surface.locator,), base, surface.exclude, skip)


def read_paths(
    locators: Iterable[str], base: Path, exclude: tuple[str, ...], skip: tuple[Path, ...]
) -> Iterator[Item | Missed]:
    """Every file at some paths or globs; what is at none of them is passed over."""
    walk = _Walk(base, exclude, skip)
    locators = tuple(locators)
    for again in range(_ROUNDS):
        walk.again = bool(again)
        before = walk.found
        for locator in locators:
            for root in located(locator, base):
                for path in (root, *rotated(root)):
                    yield from walk.below(path, root)
        if walk.found == before:
            break
    yield from walk.names()


def located(locator: str, base: Path) -> tuple[Path, ...]:
    """The paths that a locator names: itself where it exists, else what it matches as a glob."""
    path = base / locator
    if os.path.lexists(path):
        return (path.resolve(),)
    matches = glob.glob(str(path), recursive=True, include_hidden=True)  # noqa: PTH207 - locators may be absolute
    return tuple(Path(match).resolve() for match in sorted(matches))


def rotated(path: Path) -> tuple[Path, ...]:
    """What stands beside a file under a name made from its own: rotated, compressed and kept copies."""
    if not path.is_file():
        return ()
    try:
        beside = sorted(path.parent.iterdir())
    except OSError:
        return ()
    return tuple(other for other in beside if other != path and _is_sibling(other.name, path.name))


def holds(path: Path, locator: str, base: Path) -> bool:
    """Whether a path, which need not exist any more, lies in what a locator names."""
    for root in located(locator, base):
        if path.is_relative_to(root) or (path.parent == root.parent and _is_sibling(path.name, root.name)):
            return True
    own = Path(os.path.normpath(base / locator))
    return PurePath(path).match(str(own)) or (path.parent == own.parent and _is_sibling(path.name, own.name))


def _is_sibling(name: str, of: str) -> bool:
    if name.startswith(of):
        return _BESIDE_NAME.fullmatch(name, len(of)) is not None
    stem, dot, ending = of.rpartition(".")
    if not stem or not name.startswith(stem):
        return False
    between, found, _ = name[len(stem) :].partition(dot + ending)
    return bool(found) and _BESIDE_STEM.fullmatch(between) is not None


class _Walk:
    """What has been found so far, over several listings of the same surface."""

    def __init__(self, base: Path, exclude: tuple[str, ...], skip: tuple[Path, ...]) -> None:
        self._base, self._exclude, self._skip = base, exclude, skip
        self._seen: set[Identity] = set()
        self._told: set[str] = set()
        self._names: dict[str, None] = {}
        self.found = 0
        self.again = False  # whether the surface was listed before

    def below(self, path: Path, root: Path, device: int | None = None) -> Iterator[Item | Missed]:
        """A path and all below it, except what was found before."""
        if any(path.is_relative_to(own) for own in self._skip):
            return
        if any(fnmatch(str(path), pattern) or fnmatch(path.name, pattern) for pattern in self._exclude):
            yield from self._tell(path, "excluded by the target file", deciding=False)
            return
        try:
            status = path.lstat()
        except OSError as error:
            if path == root:
                yield from self._tell(path, why(error))
            return  # it vanished: what was renamed is found by its new name
        if stat.S_ISLNK(status.st_mode):
            yield from self._link(path, root)
        elif stat.S_ISDIR(status.st_mode):
            yield from self._folder(path, root, status, device)
        else:
            yield from self._file(path)

    def names(self) -> Iterator[Item]:
        """The names of what is no regular file: folders, links and where they lead, special files."""
        if self._names:
            listed = "\n".join(self._names).encode(errors="surrogateescape")
            yield Item(name="(names)", open=lambda: iter([listed]))

    def _folder(
        self, path: Path, root: Path, status: os.stat_result, device: int | None
    ) -> Iterator[Item | Missed]:
        if device is not None and status.st_dev != device:
            yield from self._tell(path, "another file system is mounted there; declare it by itself")
            return
        self._note(self._shown(path))
        yield from self._attributes(path)
        try:
            entries = sorted(path.iterdir())
        except OSError as error:
            yield from self._tell(path, why(error))
            return
        for entry in entries:
            yield from self.below(entry, root, status.st_dev)

    def _file(self, path: Path) -> Iterator[Item | Missed]:
        found = file_item(path, self._shown(path), self._seen)
        if isinstance(found, Missed):
            yield from self._tell(path, found.reason, deciding=found.deciding)
        elif found is not None:
            self.found += 1
            yield found
            yield from self._attributes(path)
        elif not self.again:
            self._note(self._shown(path))  # a second name of what was read

    def _link(self, path: Path, root: Path) -> Iterator[Missed]:
        try:
            self._note(f"{self._shown(path)} {path.readlink()}")
        except OSError:
            return  # it vanished
        if not path.resolve().is_relative_to(root):
            yield from self._tell(path, "a symbolic link out of the surface; declare what it leads to")

    def _attributes(self, path: Path) -> Iterator[Item]:
        name = f"{self._shown(path)} (attributes)"
        if name not in self._told:
            for item in attributes(path, name):
                self._told.add(name)
                yield item

    def _tell(self, path: Path, reason: str, *, deciding: bool = True) -> Iterator[Missed]:
        name = self._shown(path)
        if name not in self._told:
            self._told.add(name)
            self._note(name)
            yield Missed(name=name, reason=reason, deciding=deciding)

    def _note(self, name: str) -> None:
        self._names[name] = None

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._base)) if path.is_relative_to(self._base) else str(path)


def attributes(path: Path, name: str) -> Iterator[Item]:
    """The extended attributes of a file or folder; file systems without them, or that hide them, have none."""
    try:
        present = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return
    if present:
        yield Item(name=name, open=lambda: _values(path, present))


def _values(path: Path, names: Iterable[str]) -> Iterator[bytes]:
    for name in names:
        try:
            value = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            continue  # it was removed
        yield name.encode(errors="surrogateescape") + b"=" + value + b"\n"
