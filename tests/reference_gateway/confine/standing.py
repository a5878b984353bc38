"""A process that is confined and then does as it is told, so that it can be looked at from outside."""

import ctypes
import json
import os
import resource
import socket
import struct
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from reference_gateway.content.confine import confine
from reference_gateway.content.confine.bpf import filter_program
from reference_gateway.content.confine.kernel import HERE, call
from tests.reference_gateway.confine.machine import Call, run

_READ_IMPLIES_EXEC: Final = 0x0400000
_HIGH: Final = 700  # a descriptor above the limit that is set when it is open
_LOW_LIMIT: Final = 64
_A_GROUP: Final = 4242
_FAIL: Final = 0x00050000
_DEVICE: Final = {"x86_64": 40, "aarch64": 32}  # where st_rdev stands in struct stat
_EVERYTHING: Final = 2**64 - 1
# uretprobe and uprobe of x86_64, which the kernel makes itself: Linux 6.14 asks no filter about them, and ends a
# process that calls them (seccomp_uprobe_exception() in kernel/seccomp.c).
_NOT_FILTERED: Final = {"x86_64": (335, 336), "aarch64": ()}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def stand(
    channel: socket.socket,
    identity: list[int] | None = None,
    streams: str = "open",
    personality: int = 0,
    as_child: bool = False,
) -> str:
    """Confined at the first word, then obeys each next one until there are no more."""
    if as_child and os.fork():
        os.wait()
        return "outlived by its parent"
    _clutter()
    if personality:
        call("personality", personality)
    channel.send(json.dumps(os.getpid()).encode())
    channel.recv(1024)
    for stream in range(3) if streams == "closed" else ():
        os.close(stream)
    uid, gid = identity or (0, 0)
    walls = confine([channel.fileno()], identity=(uid, gid) if identity else None)
    channel.send(json.dumps(asdict(walls)).encode())
    while word := channel.recv(1024).decode():
        channel.send(json.dumps(_WORDS[word]()).encode())
    return "told to end"


def _clutter() -> None:
    """What a careless parent leaves: a group, and descriptors, one of them above the present limit."""
    if os.geteuid() == 0:
        os.setgroups([_A_GROUP])
    kept = os.memfd_create("left open", 0)
    os.dup2(kept, _HIGH)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_LOW_LIMIT, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _page() -> int:
    """Makes a readable page; where it is."""
    return call("mmap", 0, 1 << 16, 1, 0x22, -1, 0)


def _streams() -> list[int]:
    """The devices that the standard streams are, as the kernel says."""
    return [_device(stream) for stream in range(3)]


def _device(descriptor: int) -> int:
    assert HERE is not None
    told = bytearray(256)
    assert call("fstat", descriptor, told) == 0
    (number,) = struct.unpack_from("<Q", told, _DEVICE[HERE.name])
    return int(number)


def _refusals() -> list[list[int]]:
    """Every number that the published filter refuses: the errno that it says, and the one that the kernel gives."""
    assert HERE is not None
    numbers = [number for number in range(1024) if number not in _NOT_FILTERED[HERE.name]]
    return [
        [number, said & ~_FAIL, _error_of(number, argument)]
        for argument in (0, _EVERYTHING)
        for number in numbers
        if (said := _said(number, argument)) > _FAIL and said & 0xFFFF0000 == _FAIL
    ]


def _said(number: int, argument: int) -> int:
    assert HERE is not None
    every = (argument,) * 6
    return run(filter_program(HERE.name), Call(number, every, HERE.audit))


def _error_of(number: int, argument: int) -> int:
    every = (ctypes.c_ulong(argument),) * 6
    return ctypes.get_errno() if _libc.syscall(ctypes.c_long(number), *every) == -1 else 0


def _foreign() -> int:
    """A call that is not of this process's ABI: getpid(2) of x32."""
    return int(_libc.syscall(ctypes.c_long(0x40000000 + 39)))


_WORDS: Final[dict[str, Callable[[], Any]]] = {
    "page": _page,
    "streams": _streams,
    "refusals": _refusals,
    "foreign": _foreign,
}
