"""Reading `/proc` (proc(5)). Processes come and go: what has gone is nothing, what may not be read raises PermissionError."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_DELETED = " (deleted)"
_MOST_READ = 1 << 17  # bytes of arguments or environment
_SHARED = re.compile(r"^(\S+) rw-s \S+ \S+ \d+ +(/.*)$", re.MULTILINE)
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `program` is the name of its executable, empty where that may not be read.

    `image` is where its program and arguments lie in memory: by chance in each that was executed, the same in all that were
    forked from it. It is (0, 0) where that may not be read.
    """

    pid: int
    parent: int
    group: int
    session: int
    name: str
    program: str
    image: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """Something that a process has open or mapped. `handle` opens the very same file, whatever became of its name."""

    path: str
    handle: str
    writable: bool
    deleted: bool = False


def process(pid: int) -> Process | None:
    """A process, or None where there is none (any more)."""
    try:
        # The name stands in brackets and may itself contain some.
        before, _, after = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(") ")
    except OSError:
        return None
    fields = after.split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        name=before.partition("(")[2],
        program=_program(pid),
        image=(int(fields[23]), int(fields[45])),  # proc(5): startcode and arg_start, the 26th and 48th field
    )


def processes() -> Iterator[Process]:
    """Every process that can be seen."""
    for entry in os.listdir(_PROC):  # noqa: PTH208 - names alone, often
        if entry.isdigit() and (found := process(int(entry))) is not None:
            yield found


@cache
def shells() -> frozenset[str]:
    """The programs that run scripts here: those of shells(5), and the usual one."""
    try:
        lines = Path("/etc/shells").read_text(errors="replace").split("\n")
    except OSError:
        lines = []
    return frozenset(Path(line).resolve().name for line in ("/bin/sh", *lines) if line.startswith("/"))


def ancestors(pid: int) -> frozenset[int]:
    """A process, its parent, and so on."""
    found: set[int] = set()
    while pid and pid not in found:
        found.add(pid)
        known = process(pid)
        pid = known.parent if known else 0
    return frozenset(found)


def children(pid: int, *, threads: bool = True) -> tuple[int, ...]:
    """The children of a process; without `threads`, those that its first thread started."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task") if threads else (pid,):  # noqa: PTH208 - as above
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123 - as above
                found += map(int, file.read().split())
    except OSError:
        return tuple(found)
    return tuple(found)


def descriptors(pid: int) -> Mapping[int, str]:
    """What stands behind each descriptor of a process. Raises PermissionError."""
    folder = f"/proc/{pid}/fd"
    found = {}
    try:
        for number in os.listdir(folder):  # noqa: PTH208 - as above
            try:
                found[int(number)] = os.readlink(f"{folder}/{number}")  # noqa: PTH115 - as above
            except FileNotFoundError:
                continue  # closed in the meantime
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return found


def open_file(pid: int, number: int, target: str) -> OpenFile:
    """A descriptor whose target is a path."""
    return OpenFile(
        path=target.removesuffix(_DELETED),
        handle=f"/proc/{pid}/fd/{number}",
        writable=_is_writable(pid, number),
        deleted=target.endswith(_DELETED),
    )


def mapped(pid: int) -> tuple[OpenFile, ...]:
    """Files that a process has mapped shared and writable: what it stores there it never writes by a call."""
    try:
        maps = (_PROC / str(pid) / "maps").read_text(errors="surrogateescape")
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(
        OpenFile(
            path=path.removesuffix(_DELETED),
            handle=f"/proc/{pid}/map_files/{place}",
            writable=True,
            deleted=path.endswith(_DELETED),
        )
        for place, path in _SHARED.findall(maps)
    )


def arguments(pid: int) -> bytes:
    """What a process shows as its arguments; many write their state there. Empty where it has gone."""
    return _read(pid, "cmdline")


def environment(pid: int) -> bytes:
    """The environment that a process was given, as its memory holds it now."""
    return _read(pid, "environ")


def folder(pid: int) -> str:
    """The working folder of a process; empty where it has gone."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - as above
    except (FileNotFoundError, ProcessLookupError):
        return ""


def namespace(pid: int | str, kind: str) -> str:
    """The namespace of a kind (`mnt`, `net`) in which a process lives; empty where it has gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")  # noqa: PTH115 - as above
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - as above
            return file.read(_MOST_READ)
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _program(pid: int) -> str:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED))  # noqa: PTH115, PTH119
    except OSError:
        return ""


def _is_writable(pid: int, number: int) -> bool:
    try:
        told = (_PROC / str(pid) / "fdinfo" / str(number)).read_text()
    except OSError:
        return False
    flags = re.search(r"^flags:\s+([0-7]+)$", told, re.MULTILINE)
    return flags is not None and bool(int(flags.group(1), 8) & _WRITES)
