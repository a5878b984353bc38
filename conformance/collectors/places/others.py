"""Whom the gateway's processes talk to, and what they print into, each with what declares it."""

import os
from collections.abc import Iterable, Mapping

from conformance.collectors.places import procfs
from conformance.collectors.places.addresses import is_own
from conformance.collectors.places.declaration import Declaration
from conformance.collectors.places.outputs import Outlet, outlets
from conformance.collectors.places.sock_diag import Socket
from conformance.collectors.places.watcher import Watcher
from conformance.model.discovery import Output, Peer

_LISTED = 200
_ANY = ("0.0.0.0", "::")  # noqa: S104 - what "listens everywhere" looks like


def peers(watcher: Watcher, declared: Declaration, table: Iterable[Socket]) -> tuple[Peer, ...]:
    """Whom the processes had connections to, but for each other; the undeclared first."""
    doors = {(socket.address, socket.port): socket.inode for socket in table if socket.listens}
    found = []
    for (transport, address, port), looks in watcher.peers.items():
        if port in watcher.doors and is_own(address):
            continue  # one process of the gateway called another
        found.append(
            Peer(
                transport="tcp" if transport == "tcp" else "udp",
                address=f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
                by=", ".join(sorted(watcher.peers_of[transport, address, port])),
                who=_listener(doors, address, port),
                declared=declared.peer(address, port),
                looks=looks,
            )
        )
    return tuple(sorted(found, key=lambda peer: (bool(peer.declared), peer.address))[:_LISTED])


def ways_out(watcher: Watcher, declared: Declaration) -> tuple[tuple[Output, ...], tuple[Peer, ...]]:
    """Pipes, terminals and sockets without a name; and Unix sockets with one, which are peers. Raises PermissionError."""
    found = outlets({pid: member.process.name for pid, member in watcher.members.found.items()})
    printing = [_output(outlet, declared) for outlet in found if not outlet.path or outlet.what == "terminal"]
    calling = [
        Peer(
            transport="unix",
            address=outlet.path,
            by=outlet.by,
            who=_named(outlet.readers),
            declared=declared.peer(outlet.path, 0) or _by_us(outlet.readers),
            looks=watcher.looks,
        )
        for outlet in found
        if outlet.path and outlet.what == "socket"
    ]
    return tuple(dict.fromkeys(printing))[:_LISTED], tuple(dict.fromkeys(calling))[:_LISTED]


def _listener(doors: Mapping[tuple[str, int], int], address: str, port: int) -> str:
    """Who listens at an address, where that is on this machine."""
    inode = next((doors[place, port] for place in (address, *_ANY) if (place, port) in doors), None)
    for process in procfs.processes() if inode is not None else ():
        try:
            if f"socket:[{inode}]" in procfs.descriptors(process.pid).values():
                return process.name
        except PermissionError:
            continue
    return ""


def _output(outlet: Outlet, declared: Declaration) -> Output:
    return Output(
        what=outlet.what,
        by=outlet.by,
        to=_named(outlet.readers) or outlet.path,
        accounted=declared.output() or _by_us(outlet.readers),
    )


def _named(pids: Iterable[int]) -> str:
    return ", ".join(sorted({known.name for pid in pids if (known := procfs.process(pid)) is not None}))


def _by_us(readers: frozenset[int]) -> str:
    """Whether the audit, or whoever started it, is at the other end."""
    return "whoever runs this audit" if readers & procfs.ancestors(os.getpid()) else ""
