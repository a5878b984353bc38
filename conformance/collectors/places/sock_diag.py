"""Sockets as the kernel tells them by netlink (sock_diag(7)): cheap enough to ask many times a second, and with Unix peers.

`/proc/net/tcp` walks the same tables at ten times the cost, and cannot leave out what only waits to be forgotten.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

Transport = Literal["tcp", "udp"]

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_DONE, _ERROR = 3, 2  # NLMSG_DONE, NLMSG_ERROR
_HEADER = struct.Struct("=IHHII")
_SECONDS = 5.0

_TIME_WAIT, _CLOSED, _LISTENS = 6, 7, 10  # include/net/tcp_states.h; a UDP socket without a peer is "closed"
_LIVING = 0xFFFFFFFF & ~(1 << _TIME_WAIT)
_INET_REQUEST = struct.Struct("=BBBBI48x")
_INET_MESSAGE = struct.Struct("=BBBB2s2s16s16sI8s5I")

_UNIX_REQUEST = struct.Struct("=BBHIIIII")
_UNIX_MESSAGE = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")
_SHOW_PEER = 0x4  # UDIAG_SHOW_PEER
_PEER = 2  # UNIX_DIAG_PEER


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket. A listening one, and one of UDP without a peer, has `peer` None."""

    transport: Transport
    address: str
    port: int
    peer: tuple[str, int] | None
    inode: int
    listens: bool = False


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A Unix socket: where it was bound, if anywhere, and the inode of its peer (0: none)."""

    path: str
    peer: int


def inet_sockets() -> tuple[Socket, ...]:
    """The TCP and UDP sockets of our network namespace that belong to somebody. Raises OSError."""
    found: list[Socket] = []
    for transport, protocol in (("tcp", socket.IPPROTO_TCP), ("udp", socket.IPPROTO_UDP)):
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _INET_REQUEST.pack(family, protocol, 0, 0, _LIVING)
            for body in _dump(request):
                known, state, _, _, near_port, far_port, near, far, *_, inode = _INET_MESSAGE.unpack_from(
                    body
                )
                if inode:
                    ends = (near, near_port, far, far_port)
                    found.append(_inet("tcp" if transport == "tcp" else "udp", known, state, ends, inode))
    return tuple(found)


def unix_sockets() -> Mapping[int, UnixSocket]:
    """The Unix sockets of our network namespace, by inode. Raises OSError."""
    names = dict(_names(Path("/proc/self/net/unix").read_text(errors="surrogateescape")))
    request = _UNIX_REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_PEER, 0, 0)
    peers = dict(pair for body in _dump(request) for pair in _peer(body))
    return {inode: UnixSocket(names.get(inode, ""), peers.get(inode, 0)) for inode in names | peers}


def plain(address: str) -> str:
    """An address without the disguise of IPv4 in IPv6."""
    known = ipaddress.ip_address(address)
    return str(known.ipv4_mapped or known) if isinstance(known, ipaddress.IPv6Address) else address


def _dump(request: bytes) -> Iterator[bytes]:
    header = _HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(header + request)
        while True:
            data = kernel.recv(1 << 17)
            place = 0
            while place + _HEADER.size <= len(data):
                length, kind, *_ = _HEADER.unpack_from(data, place)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError("the kernel does not tell its sockets")
                yield data[place + _HEADER.size : place + length]
                place += (length + 3) & ~3


@lru_cache(1 << 12)  # most sockets are there at the next look too
def _inet(
    transport: Transport, family: int, state: int, ends: tuple[bytes, bytes, bytes, bytes], inode: int
) -> Socket:
    near, near_port, far, far_port = ends
    size = 4 if family == socket.AF_INET else 16
    alone = state in {_LISTENS, _CLOSED}
    return Socket(
        transport=transport,
        address=plain(str(ipaddress.ip_address(near[:size]))),
        port=int.from_bytes(near_port),
        peer=None if alone else (plain(str(ipaddress.ip_address(far[:size]))), int.from_bytes(far_port)),
        inode=inode,
        listens=state == _LISTENS and transport == "tcp",
    )


def _names(table: str) -> Iterator[tuple[int, str]]:
    """Inode and name of each Unix socket in `/proc/net/unix`: seven columns, then the name, which may hold blanks."""
    for line in table.splitlines()[1:]:
        fields = line.split(None, 7)
        yield int(fields[6]), fields[7] if len(fields) > 7 else ""


def _peer(body: bytes) -> Iterator[tuple[int, int]]:
    _, _, _, _, inode, *_ = _UNIX_MESSAGE.unpack_from(body)
    place = _UNIX_MESSAGE.size
    while place + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, place)
        if kind == _PEER:
            yield inode, struct.unpack_from("=I", body, place + _ATTRIBUTE.size)[0]
        place += max(4, (length + 3) & ~3)
