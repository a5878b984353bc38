"""The sockets of a network namespace: of our own by netlink, of another from the tables in `/proc/PID/net`. Parsing is pure."""

import ipaddress
import re
import struct
from collections.abc import Iterator

from conformance.collectors.places.procfs import namespace
from conformance.collectors.places.sock_diag import Socket, Transport, inet_sockets, plain

_LISTENS, _CLOSED = 0x0A, 0x07  # include/net/tcp_states.h
_INODE = re.compile(r"socket:\[(\d+)\]")


def sockets(pid: int) -> tuple[Socket, ...]:
    """The TCP and UDP sockets of the network namespace in which a process lives."""
    if namespace(pid, "net") == namespace("self", "net"):
        try:
            return inet_sockets()
        except OSError:
            pass  # a kernel without these modules has the tables all the same
    found: list[Socket] = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as table:  # noqa: PTH123 - read often
                found += parsed(table.read(), "tcp" if name.startswith("tcp") else "udp")
        except OSError:
            continue  # no IPv6, or the process has gone
    return tuple(found)


def parsed(table: str, transport: Transport) -> Iterator[Socket]:
    """The sockets in a table, except those that are no process's any more."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        inode, state = int(fields[9]), int(fields[3], 16)
        if inode == 0:
            continue
        address, port = _end(fields[1])
        yield Socket(
            transport=transport,
            address=address,
            port=port,
            peer=None if state in {_LISTENS, _CLOSED} else _end(fields[2]),
            inode=inode,
            listens=transport == "tcp" and state == _LISTENS,
        )


def inode_of(target: str) -> int | None:
    """The inode of a descriptor that is a socket."""
    found = _INODE.fullmatch(target)
    return int(found.group(1)) if found else None


def _end(text: str) -> tuple[str, int]:
    """An address and a port as the kernel prints them: words of 32 bits in the machine's order."""
    address, _, port = text.partition(":")
    words = [int(address[place : place + 8], 16) for place in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return plain(str(ipaddress.ip_address(packed))), int(port, 16)
