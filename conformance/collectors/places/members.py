"""Which processes are the gateway's: those that are declared, those that listen where it is asked, those that hold connections
to the witness, and their relatives. The audit itself and whoever started it are none of them.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from conformance.collectors.places.addresses import is_own, networks
from conformance.collectors.places.procfs import (
    Process,
    ancestors,
    children,
    descriptors,
    process,
    processes,
    shells,
)
from conformance.collectors.places.sock_diag import Socket
from conformance.collectors.places.sockets import inode_of
from conformance.target import Processes, Target


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the gateway, and why it counts as one."""

    process: Process
    why: str


@dataclass(slots=True)
class Members:
    """The gateway's processes as they come and go."""

    target: Target
    base: Path
    found: dict[int, Member] = field(default_factory=dict)
    _own: frozenset[int] = field(default_factory=lambda: ancestors(os.getpid()))
    _witness: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Learn once by which addresses the witness is reached from elsewhere."""
        witness = self.target.witness
        host = urlsplit(witness.url).hostname if witness is not None else ""
        self._witness = frozenset(networks(host)) if host else frozenset()

    def look(self, table: Iterable[Socket]) -> None:
        """Search all processes anew. What may not be read hides members; see `unread_listener`."""
        running = {found.pid: found for found in processes() if found.pid not in self._own}
        for why, pids in self._reasons(running, tuple(table)):
            for pid in pids:
                if pid in running:
                    self.found.setdefault(pid, Member(running[pid], why))
        self._relatives(running)

    def follow(self, *, threads: bool) -> None:
        """Take up the children of those that are known; of all their `threads`, or of the first alone, which costs less."""
        for pid in tuple(self.found):
            for child in children(pid, threads=threads):
                if child not in self.found and child not in self._own and (known := process(child)):
                    self.found[child] = Member(known, f"child of {pid}")

    def unread_listener(self, table: Iterable[Socket]) -> bool:
        """Whether somebody listens where the gateway is asked, and it could not be seen who."""
        listening = {socket.inode for socket in table if self._is_door(socket)}
        known = _owners(listening, (p.pid for p in processes()))
        return bool(listening) and not any(known.values())

    def _reasons(
        self, running: dict[int, Process], table: tuple[Socket, ...]
    ) -> Iterator[tuple[str, Collection[int]]]:
        declared = self.target.processes or Processes()
        yield "declared by its id", {*declared.pids, *_from_files(declared.pid_files, self.base)}
        named = {p.pid for p in running.values() if {p.name, p.program} & set(declared.names)}
        yield "declared by its name", named
        wanted = {
            "listens where the gateway is asked": {s.inode for s in table if self._is_door(s)},
            "holds a connection to the witness": {s.inode for s in table if self.is_call(s)},
        }
        owners = _owners({inode for inodes in wanted.values() for inode in inodes}, running)
        for why, inodes in wanted.items():
            yield why, {pid for inode in inodes for pid in owners.get(inode, ())}

    def _is_door(self, socket: Socket) -> bool:
        return socket.listens and socket.port in self._ports()

    def _ports(self) -> frozenset[int]:
        declared = frozenset(self.target.processes.ports) if self.target.processes else frozenset()
        if not self.target.on_this_machine():
            return declared
        urls = [urlsplit(url) for url in (self.target.origin(), self.target.key_api_url())]
        return declared | {url.port or (443 if url.scheme == "https" else 80) for url in urls}

    def is_call(self, socket: Socket) -> bool:
        """Whether a socket is connected with the witness."""
        if socket.peer is None or socket.peer[1] != witness_port(self.target):
            return False
        return is_own(socket.peer[0]) or socket.peer[0] in self._witness

    def _relatives(self, running: dict[int, Process]) -> None:
        """Children, whoever they were forked from or forked with, and the rest of their process groups."""
        images = {m.process.image: pid for pid, m in self.found.items() if any(m.process.image)}
        for twin in [p for p in running.values() if p.image in images]:
            self.found.setdefault(twin.pid, Member(twin, f"forked as {images[twin.image]} was"))
        groups = {m.process.group for m in self.found.values() if self._is_kin(m.process)}
        for member in [m for m in running.values() if m.group in groups]:
            self.found.setdefault(member.pid, Member(member, "of the same process group"))
        kin = {pid: p.parent for pid, p in running.items()}
        _spread(self.found, kin, lambda pid, parent: Member(running[pid], f"child of {parent}"))

    def _is_kin(self, member: Process) -> bool:
        """Whether the group of a process says who belongs together. A script's holds everything that the script started."""
        if member.group == os.getpgrp():
            return False
        leader = process(member.group)
        if (
            leader is None
        ):  # a daemon is parted from its first process; so is what a script left behind, in no session of its own
            return member.session == member.group
        return leader.pid in self.found or leader.program not in shells()


def witness_port(target: Target) -> int:
    """The port on which the witness listens; 0 where there is none."""
    return int(target.witness.listen.rpartition(":")[2]) if target.witness is not None else 0


def _spread(found: dict[int, Member], parents: dict[int, int], made: Callable[[int, int], Member]) -> None:
    grown = True
    while grown:
        new = {pid: parent for pid, parent in parents.items() if parent in found and pid not in found}
        found |= {pid: made(pid, parent) for pid, parent in new.items()}
        grown = bool(new)


def _from_files(names: Iterable[str], base: Path) -> Iterator[int]:
    for name in names:
        try:
            text = (base / name).read_text(encoding="ascii").split()
        except (OSError, ValueError):
            continue  # it is not running yet, or never was: then no member is found, and that is told
        if text and text[0].isdigit():
            yield int(text[0])


def _owners(inodes: Collection[int], pids: Iterable[int]) -> dict[int, list[int]]:
    """Which processes hold which sockets, as far as that can be seen."""
    found: dict[int, list[int]] = {inode: [] for inode in inodes}
    if not inodes:
        return found
    for pid in pids:
        try:
            held = {inode for target in descriptors(pid).values() if (inode := inode_of(target))}
        except PermissionError:
            continue
        for inode in held:
            if inode in found:
                found[inode].append(pid)
    return found
