"""Every file that the gateway's processes used or that changed in their reach, what declares it, and what is to be searched."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.collectors.file_bytes import file_item
from conformance.collectors.files import attributes
from conformance.collectors.places import procfs
from conformance.collectors.places.declaration import Declaration, files_of
from conformance.collectors.places.reach import Changed, Reach
from conformance.collectors.places.watcher import SeenFile, Watcher
from conformance.collectors.streams import CHUNK, Item, Missed
from conformance.model.discovery import UsedPlace

_MOST_NEARBY = 1 << 26  # bytes of files in shared folders that are searched, the smallest first
_CHANGED = "it changed in a folder of the gateway's"


@dataclass(frozen=True, slots=True)
class Found:
    """A place, and what is to be searched of it. Nearby is what only lies in a folder that many write to."""

    place: UsedPlace
    items: tuple[Item | Missed, ...]
    nearby: bool = False


@dataclass(slots=True)
class Used:
    """What was seen, what is declared, and where else to look."""

    watcher: Watcher
    declared: Declaration
    reach: Reach

    def places(self) -> Iterator[Found]:
        """Files that were open for writing, then what changed in the gateway's own folders, then in those it shares."""
        told = set(files_of(procfs.ancestors(os.getpid())))  # our own: reports, and logs of terminals
        seen_writing = [seen for seen in self.watcher.files.values() if seen.writable]
        for seen in seen_writing:
            yield from self._opened(seen, told)
        own = {seen.place().parent for seen in seen_writing if seen.held is None}
        shared = {Path(root + path) for root, path in self.watcher.folders} | set(_temporary(self.watcher))
        nearby = []
        members = self.watcher.members.found
        others = files_of(p.pid for p in procfs.processes() if p.pid not in members)
        for changed in self.reach.changed(own | set(self.declared.folders()), shared):
            identity = (changed.status.st_dev, changed.status.st_ino)
            if identity in told:
                continue
            if changed.own and identity not in others:
                yield self._changed(changed)
            else:
                nearby.append(changed)
        yield from self._nearby(nearby)

    def texts(self) -> Iterator[Item | Missed]:
        """Arguments and environments of the processes, which many can read; names that changed; and what was too much."""
        for text, name in self.watcher.said.items():
            yield _text(name, text)
        for pid, member in self.watcher.members.found.items():
            yield _text(f"environment of {member.process.name} ({pid})", _environment(pid))
        if self.reach.names:
            yield _text("names in its reach", "\n".join(self.reach.names).encode(errors="surrogateescape"))
        for own, folder in self.reach.cut.items():
            yield Missed(name=folder, reason="there is too much in it to look for changes", deciding=own)

    def sizes(self) -> tuple[int, int]:
        """How much lies in the files that are open for writing, and in how many of them."""
        found = [
            status.st_size
            for seen in self.watcher.files.values()
            if seen.writable and (status := _status(seen))
        ]
        return sum(found), len(found)

    def _opened(self, seen: SeenFile, told: set[tuple[int, int]]) -> Iterator[Found]:
        status = _status(seen)
        if status is None:
            return  # it was deleted and is open no more: nothing is left of it
        identity = (status.st_dev, status.st_ino)
        if identity in told or any(seen.place().is_relative_to(own) for own in self.reach.skip):
            return
        told.add(identity)
        holder = self.declared.holder(Path(seen.path), status)
        deleted = seen.held is not None
        place = UsedPlace(
            path=f"{seen.path} (deleted)" if deleted else seen.path,
            kind="deleted file" if deleted else "mapped file" if seen.mapped else "file",
            by=seen.by,
            how="deleted and still open"
            if deleted
            else "mapped for writing"
            if seen.mapped
            else "open for writing",
            declared=holder or _by_custom(Path(seen.path)),
            written=status.st_ctime >= self.watcher.began and status.st_size > 0,
            bytes=status.st_size,
        )
        # What a surface holds under a name is read there; what was deleted is read nowhere else.
        yield Found(place, () if holder and not deleted else tuple(_items(seen, place.path)))

    def _changed(self, changed: Changed, how: str = _CHANGED) -> Found:
        holder = self.declared.holder(changed.path, changed.status)
        place = UsedPlace(
            path=str(changed.path),
            kind="file",
            by="",
            how=how,
            declared=holder or _by_custom(changed.path),
            written=changed.status.st_size > 0,
            bytes=changed.status.st_size,
        )
        return Found(place, () if holder else tuple(_file(changed.path, place.path)), nearby=how != _CHANGED)

    def _nearby(self, changed: list[Changed]) -> Iterator[Found]:
        room = _MOST_NEARBY
        for one in sorted(changed, key=lambda c: c.status.st_size):
            room -= one.status.st_size
            if room < 0:
                return
            yield self._changed(one, "a canary stands in it")


def _status(seen: SeenFile) -> os.stat_result | None:
    try:
        return os.fstat(seen.held) if seen.held is not None else seen.place().lstat()
    except OSError:
        return None


def _items(seen: SeenFile, name: str) -> Iterator[Item | Missed]:
    if seen.held is None:
        yield from _file(seen.place(), name)
    else:
        held = seen.held
        yield Item(name=name, open=lambda: _held(held))


def _file(path: Path, name: str) -> Iterator[Item | Missed]:
    item = file_item(path, name, set())
    if item is not None:
        yield item
        yield from attributes(path, f"{name} (attributes)")


def _held(descriptor: int) -> Iterator[bytes]:
    place = 0
    while chunk := os.pread(descriptor, CHUNK, place):
        place += len(chunk)
        yield chunk


def _text(name: str, text: bytes) -> Item:
    return Item(name=name, open=lambda: iter([text]))


def _by_custom(path: Path) -> str:
    """What a runtime writes by itself, beside what it runs; searched as all else."""
    return "byte code of Python" if path.parent.name == "__pycache__" and ".pyc" in path.suffixes else ""


def _temporary(watcher: Watcher) -> Iterator[Path]:
    """Where the processes are told to keep temporary files."""
    for pid in watcher.members.found:
        given = _environment(pid).split(b"\0")
        yield from (Path(os.fsdecode(v.partition(b"=")[2])) for v in given if v.startswith(b"TMPDIR=/"))


def _environment(pid: int) -> bytes:
    try:
        return procfs.environment(pid)
    except PermissionError:
        return b""
