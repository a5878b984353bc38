"""Acts upon the network and upon local sockets: to reach anybody whom no descriptor leads to."""

import socket
import struct
from collections.abc import Callable
from errno import EACCES, EPERM
from typing import Final

from reference_gateway.content.confine.acts.act import Act, ByLandlock, Ground, closed
from reference_gateway.content.confine.kernel import address, call

_UNIX, _INTERNET, _NETLINK = int(socket.AF_UNIX), int(socket.AF_INET), int(socket.AF_NETLINK)
_STREAM, _DATAGRAM = int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM)

_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER

_TCP: Final = ByLandlock(EACCES, 4)
_UDP: Final = ByLandlock(EACCES, 10)


def _internet(port: int) -> bytes:
    return struct.pack("<H", _INTERNET) + struct.pack(">H4s8x", port, bytes((127, 0, 0, 1)))


def _unix(name: bytes) -> bytes:
    return struct.pack("<H", _UNIX) + name


def _socket(family: int, kind: int, protocol: int = 0) -> int:
    return closed(call("socket", family, kind, protocol))


def _on_socket(name: str, family: int, kind: int, to: bytes, protocol: int = 0) -> int:
    """What `connect` or `bind` says; on no socket at all if that was refused already."""
    descriptor = call("socket", family, kind | socket.SOCK_NONBLOCK, protocol)
    answer = call(name, descriptor, to, len(to))
    call("close", descriptor)
    return answer


def _send(kind: int, to: bytes, flags: int) -> int:
    descriptor = call("socket", _INTERNET, kind | socket.SOCK_NONBLOCK, 0)
    answer = call("sendto", descriptor, b"content", 7, flags, to, len(to))
    call("close", descriptor)
    return answer


def _mark(_ground: Ground) -> int:
    descriptor = call("socket", _INTERNET, _DATAGRAM, 0)
    answer = call("setsockopt", descriptor, socket.IPPROTO_IP, socket.IP_TOS, struct.pack("<i", 8), 4)
    call("close", descriptor)
    return answer


def _on_pair(attempt: Callable[[int], int]) -> int:
    """What an attempt upon one of two sockets answers that only lead to each other, as they may be made."""
    pair = bytearray(8)
    call("socketpair", _UNIX, _STREAM, 0, pair)
    ends = struct.unpack("<ii", pair)
    answer = attempt(ends[0])
    for end in ends:
        call("close", end)
    return answer


def _attach(descriptor: int) -> int:
    """A program of one instruction, which takes every packet whole: BPF_RET | BPF_K."""
    program = bytearray(struct.pack("<HBBI", 6, 0, 0, 2**32 - 1))
    attached = struct.pack("<HxxxxxxQ", 1, address(program))
    return call("setsockopt", descriptor, socket.SOL_SOCKET, _ATTACH_FILTER, attached, len(attached))


ACTS: Final = (
    Act("make a TCP socket", lambda _: _socket(_INTERNET, _STREAM)),
    Act("make an MPTCP socket", lambda _: _socket(_INTERNET, _STREAM, socket.IPPROTO_MPTCP)),
    Act("make a UDP socket", lambda _: _socket(_INTERNET, _DATAGRAM)),
    Act("make a netlink socket", lambda _: _socket(_NETLINK, _DATAGRAM)),
    Act("make a Unix socket", lambda _: _socket(_UNIX, _STREAM)),
    Act(
        "connect by TCP",
        lambda g: _on_socket("connect", _INTERNET, _STREAM, _internet(g.tcp_port)),
        by_landlock=_TCP,
    ),
    Act(
        "connect by MPTCP",
        lambda g: _on_socket("connect", _INTERNET, _STREAM, _internet(g.tcp_port), socket.IPPROTO_MPTCP),
    ),
    Act("connect by Fast Open", lambda g: _send(_STREAM, _internet(g.tcp_port), socket.MSG_FASTOPEN)),
    Act("send a datagram", lambda g: _send(_DATAGRAM, _internet(g.tcp_port), 0), by_landlock=_UDP),
    Act("listen on a port", lambda _: _on_socket("bind", _INTERNET, _STREAM, _internet(0)), by_landlock=_TCP),
    Act(
        "connect to a Unix socket by its path",
        lambda g: _on_socket("connect", _UNIX, _STREAM, _unix(g.unix_path)),
        by_landlock=ByLandlock(EACCES, 9),
    ),
    Act(
        "connect to an abstract Unix socket",
        lambda g: _on_socket("connect", _UNIX, _STREAM, _unix(b"\0" + g.abstract)),
        by_landlock=ByLandlock(EPERM, 6),
    ),
    # What could hold descriptors and an address.
    Act("send a message with a header", lambda _: _on_pair(lambda end: call("sendmsg", end, bytes(56), 0))),
    Act("attach a program to a socket", lambda _: _on_pair(_attach)),
    Act("mark packets", _mark),
)
