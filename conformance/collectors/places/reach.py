"""What changed on disk in the reach of the gateway's processes since a moment, by the time of inode changes.

That time cannot be set by programs, as that of modification can; it moves with contents, names and attributes.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MOST_ENTRIES = 200_000
_MOST_SECONDS = 10.0
_DEPTH = 8
# Where many programs write: that something changed there says nothing of who did it.
SHARED = tuple(map(Path, ("/tmp", "/var/tmp", "/var/log", "/dev/shm")))  # noqa: S108 - these are looked into
_NOBODYS = frozenset(
    map(Path, (
        "/", "/home", "/root", "/etc", "/usr", "/var", "/var/lib", "/opt", "/srv", "/run", "/var/run", "/dev", "/proc", "/sys",
    ))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that changed; `own` where its folder is the gateway's alone."""

    path: Path
    status: os.stat_result
    own: bool


@dataclass(slots=True)
class Reach:
    """Folders to look into, and how far the look may go."""

    since: float  # seconds since the epoch
    skip: frozenset[Path]  # neither they nor what is below them is looked into
    cut: dict[bool, str] = field(
        default_factory=dict
    )  # whether in its own folders → the first that was not looked through
    names: list[str] = field(default_factory=list)  # of changed folders and special files
    _left: int = _MOST_ENTRIES
    _until: float = field(default_factory=lambda: time.monotonic() + _MOST_SECONDS)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def changed(self, own: Iterable[Path], shared: Iterable[Path]) -> Iterator[Changed]:
        """What changed in folders that are the gateway's, then in those that it shares."""
        private = tuple(dict.fromkeys(folder for folder in own if not self._is_shared(folder)))
        for folder in private:
            yield from self._below(folder, _DEPTH, own=True)
        for folder in dict.fromkeys((*shared, *SHARED)):
            if folder not in _NOBODYS:
                yield from self._below(folder, _DEPTH, own=False)

    def _is_shared(self, folder: Path) -> bool:
        return folder in _NOBODYS or folder in SHARED or any(own.is_relative_to(folder) for own in self.skip)

    def _below(self, folder: Path, depth: int, *, own: bool) -> Iterator[Changed]:
        if self._left < 0 or any(folder.is_relative_to(skipped) for skipped in self.skip):
            return
        try:
            device = folder.lstat().st_dev
            entries = list(os.scandir(folder))
        except OSError:
            return  # it has gone, or may not be read: what the gateway has open in it was seen by itself
        for entry in entries:
            self._left -= 1
            if self._left < 0 or time.monotonic() > self._until:
                self.cut[own] = self.cut.get(own) or str(folder)
                return
            yield from self._entry(entry, device, depth, own=own)

    def _entry(self, entry: "os.DirEntry[str]", device: int, depth: int, *, own: bool) -> Iterator[Changed]:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen or Path(entry.path) in self.skip:
            return
        self._seen.add(identity)
        if stat.S_ISDIR(status.st_mode):
            if status.st_ctime >= self.since:
                self.names.append(entry.path)
            if depth and status.st_dev == device:
                yield from self._below(Path(entry.path), depth - 1, own=own)
        elif status.st_ctime < self.since:
            return
        elif stat.S_ISREG(status.st_mode):
            yield Changed(Path(entry.path), status, own)
        else:
            self.names.append(entry.path + _leads_to(entry))


def _leads_to(entry: "os.DirEntry[str]") -> str:
    try:
        return f" {os.readlink(entry.path)}" if entry.is_symlink() else ""  # noqa: PTH115 - of an entry of scandir
    except OSError:
        return ""
