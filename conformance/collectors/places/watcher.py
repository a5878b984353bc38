"""Looking at the gateway's processes many times a second, while content passes.

What is open for a moment only is seen by chance, and more surely the longer it is open: looks follow one another as fast as half
of a core allows until the gateway was seen to call the witness, and then as a tenth does. A file that was deleted and is still
open is held open, so that it can be read when the gateway is done.
"""

import os
import stat
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.collectors.places import procfs
from conformance.collectors.places.members import Members
from conformance.collectors.places.sock_diag import Socket
from conformance.collectors.places.sockets import inode_of, sockets
from conformance.target import Target

_COARSE = 0.05  # seconds by which the clock of file systems may lag behind ours
_LEAST_SECONDS = 0.01  # between two looks
_SHARE = 9  # times as long as a look took of a core, nothing is done after it; once the witness was seen to be called
_SHARE_AT_FIRST = 1
_SEARCH_SECONDS = 2.0  # between two searches among all processes
_SOONEST_SECONDS = 0.1  # the same, where somebody unknown calls the witness
_EVERY = 10  # looks, one also follows what all threads started
_HELD = 64  # deleted files
_SAID = 2000  # different arguments of processes
# What is memory and no file, whatever it is called.
_MEMORY = ("/memfd:", "/dev/zero", "/SYSV", "/anon_hugepage")
_NO_PLACE = ("/proc/", "/sys/", "/dev/")
_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 - where POSIX keeps it
_SEMAPHORE = "/dev/shm/sem."  # noqa: S108 - sem_overview(7)

PeerKey = tuple[str, str, int]  # transport, address, port


@dataclass(slots=True)
class SeenFile:
    """A file as a process of the gateway had it open. `root` leads into its mount namespace, where that is not ours."""

    path: str
    root: str
    by: str
    writable: bool
    mapped: bool = False
    held: int | None = None  # a descriptor of a file that was deleted

    def place(self) -> Path:
        """Where it can be found from here."""
        return Path(self.root + self.path) if self.root else Path(self.path)


@dataclass(slots=True)
class Watcher:
    """All that was seen so far. `trouble` says why nothing could be."""

    target: Target
    base: Path
    members: Members
    began: float = field(default_factory=lambda: time.time() - _COARSE)
    looks: int = 0
    proven: bool = False  # the gateway was seen to call the witness
    trouble: str = ""
    files: dict[tuple[object, ...], SeenFile] = field(default_factory=dict)
    folders: set[tuple[str, str]] = field(default_factory=set)  # (root, path) of open and working folders
    peers: Counter[PeerKey] = field(default_factory=Counter)
    peers_of: dict[PeerKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    loose: set[tuple[str, int]] = field(default_factory=set)
    doors: set[int] = field(default_factory=set)  # ports on which the gateway listens
    said: dict[bytes, str] = field(default_factory=dict)  # arguments of processes, by what they say
    _known: dict[int, Mapping[int, str]] = field(default_factory=dict)
    _searched: float = 0.0
    _sockets: set[int] = field(default_factory=set)  # of the gateway, at the last look
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Look once, then again and again until `end`."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more; the last look is now."""
        if self._thread is not None and not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._known.clear()
            self.look()

    def close(self) -> None:
        """Let go of what is held."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for seen in self.files.values():
            if seen.held is not None:
                os.close(seen.held)
                seen.held = None

    def look(self) -> None:
        """One look at every process of the gateway."""
        table = sockets(os.getpid())
        self._search(table)
        self.members.follow(threads=self.looks % _EVERY == 0)
        owners: dict[int, str] = {}
        spaces: dict[str, int] = {}
        try:
            for pid, member in tuple(self.members.found.items()):
                owners |= dict.fromkeys(self._look_at(pid, member.process.name), member.process.name)
                spaces.setdefault(procfs.namespace(pid, "net"), pid)
        except PermissionError:
            self.trouble = "what its processes have open may not be read"
            return
        self._sockets = set(owners)
        for space, pid in spaces.items():
            ours = space == procfs.namespace("self", "net")
            self._note_sockets(table if ours else sockets(pid), owners)
        self.looks += bool(self.members.found)

    def _run(self) -> None:
        took = 0.0
        while not self._stop.wait(max(_LEAST_SECONDS, took * (_SHARE if self.proven else _SHARE_AT_FIRST))):
            began = time.thread_time()
            self.look()
            took = time.thread_time() - began

    def _search(self, table: tuple[Socket, ...]) -> None:
        """Search among all processes, where that was not done lately."""
        unknown = {s.inode for s in table if self.members.is_call(s)} - self._sockets
        patience = _SOONEST_SECONDS if unknown else _SEARCH_SECONDS
        if time.monotonic() - self._searched > patience:
            self.members.look(table)
            self._searched = time.monotonic()

    def _look_at(self, pid: int, name: str) -> list[int]:
        """Note what one process has open; the inodes of its sockets."""
        targets = procfs.descriptors(pid)
        known = self._known.get(pid, {})
        root = _root(pid)
        for number, target in targets.items():
            if known.get(number) != target and target.startswith("/"):
                self._note_file(procfs.open_file(pid, number, target), root, name)
        if not known:
            for mapped in procfs.mapped(pid):
                self._note_file(mapped, root, name, mapped=True)
            if folder := procfs.folder(pid):
                self.folders.add((root, folder))
        self._known[pid] = targets
        if len(self.said) < _SAID and (said := procfs.arguments(pid)):
            self.said.setdefault(said, f"arguments of {name} ({pid})")
        return [inode for target in targets.values() if (inode := inode_of(target))]

    def _note_file(self, opened: procfs.OpenFile, root: str, by: str, *, mapped: bool = False) -> None:
        if opened.path.startswith(_MEMORY) or opened.path.startswith(_SEMAPHORE):
            return
        if opened.path.startswith(_NO_PLACE) and not opened.path.startswith(_SHARED_MEMORY):
            return
        try:
            status = os.stat(opened.handle)  # noqa: PTH116 - a name of /proc, often
        except OSError:
            return  # closed in the meantime
        if stat.S_ISDIR(status.st_mode):
            self.folders.add((root, opened.path))
        if not stat.S_ISREG(status.st_mode):
            return
        key = (root, opened.path, (status.st_dev, status.st_ino) if opened.deleted else None)
        seen = self.files.setdefault(key, SeenFile(opened.path, root, by, opened.writable, mapped))
        seen.writable = seen.writable or opened.writable
        if opened.deleted and opened.writable and seen.held is None:
            seen.held = self._hold(opened.handle)

    def _hold(self, handle: str) -> int | None:
        if sum(seen.held is not None for seen in self.files.values()) >= _HELD:
            return None
        try:
            return os.open(handle, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None

    def _note_sockets(self, table: tuple[Socket, ...], owners: dict[int, str]) -> None:
        own = [socket for socket in table if socket.inode in owners]
        self.doors |= {socket.port for socket in own if socket.listens}
        now: set[PeerKey] = set()
        for socket in own:
            if socket.peer is None:
                if socket.transport == "udp":
                    self.loose.add((socket.address, socket.port))
            elif socket.port not in self.doors:
                self.proven = self.proven or self.members.is_call(socket)
                now.add(key := (socket.transport, *socket.peer))
                self.peers_of[key].add(owners[socket.inode])
        self.peers.update(now)


def _root(pid: int) -> str:
    """What leads into the mount namespace of a process; empty where that is ours."""
    return "" if procfs.namespace(pid, "mnt") == procfs.namespace("self", "mnt") else f"/proc/{pid}/root"
