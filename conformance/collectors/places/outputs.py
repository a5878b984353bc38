"""What the gateway's processes print into: pipes, terminals and Unix sockets, and who is at the other end."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from conformance.collectors.places import procfs
from conformance.collectors.places.sock_diag import UnixSocket, unix_sockets
from conformance.collectors.places.sockets import inode_of

Holders = defaultdict[str, list[tuple[int, int]]]

_PIPE = re.compile(r"pipe:\[(\d+)\]")
_TERMINAL = re.compile(r"/dev/(?:pts/\d+|tty\w*|console)")


@dataclass(frozen=True, slots=True)
class Outlet:
    """One way out. `path` is where a Unix socket at the other end is bound; `readers` are processes that hold that end."""

    what: Literal["pipe", "terminal", "socket"]
    by: str
    path: str
    readers: frozenset[int]


def outlets(members: Mapping[int, str]) -> tuple[Outlet, ...]:
    """The ways out of some processes, by id and name, to others. Raises PermissionError."""
    holders = _holders()
    try:
        unix = unix_sockets()
    except OSError:
        unix = {}
    found = [
        outlet
        for pid, name in members.items()
        for number, target in procfs.descriptors(pid).items()
        for outlet in _outlet(pid, number, target, name, holders, unix)
        if outlet.readers - members.keys() or (outlet.path and not outlet.readers)
    ]
    return tuple(dict.fromkeys(found))


def _outlet(
    pid: int,
    number: int,
    target: str,
    name: str,
    holders: Holders,
    unix: Mapping[int, UnixSocket],
) -> Iterator[Outlet]:
    if _TERMINAL.fullmatch(target):
        yield Outlet("terminal", name, target, frozenset())
    elif _PIPE.fullmatch(target) and procfs.open_file(pid, number, target).writable:
        readers = frozenset(
            holder for holder, end in holders[target] if not procfs.open_file(holder, end, target).writable
        )
        yield Outlet("pipe", name, "", readers)
    elif (own := unix.get(inode_of(target) or 0)) is not None and own.peer:
        path = unix[own.peer].path if own.peer in unix else ""
        others = frozenset(holder for holder, _ in holders[f"socket:[{own.peer}]"])
        yield Outlet("socket", name, path, others)


def _holders() -> Holders:
    """Which processes hold each pipe and socket, and as which descriptor, as far as that can be seen."""
    found: Holders = defaultdict(list)
    for pid in _pids():
        try:
            for number, target in procfs.descriptors(pid).items():
                if target.startswith(("pipe:", "socket:")):
                    found[target].append((pid, number))
        except PermissionError:
            continue
    return found


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names alone
