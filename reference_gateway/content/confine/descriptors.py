"""Which descriptors a confined process has: those it was given, and the null device as standard streams.

A descriptor that was opened before outlives every wall, so this is a wall of its own.
"""

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Collection
from typing import Final

from reference_gateway.content.confine.refusal import NotConfinedError, Reason

_OPEN: Final = "/proc/self/fd"
_STREAMS: Final = (0, 1, 2)
# One that leads to a single peer or, listening, to those who call. Not netlink, packets, or datagrams.
_FAMILIES: Final = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
_KINDS: Final = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)


def keep_only(keep: Collection[int]) -> None:
    """Closes all others. Raises NotConfinedError, having closed none, if one of `keep` could take content
    elsewhere than to the peer of a socket."""
    for descriptor in keep:
        if descriptor in _STREAMS or not _harmless(descriptor):
            raise NotConfinedError(Reason.DESCRIPTOR, f"descriptor {descriptor}")
    null = _null_device()
    for stream in _STREAMS:
        # The same one, where that stream was closed before.
        if stream != null:
            os.dup2(null, stream, inheritable=False)
    _close_all_but({*_STREAMS, *keep})


def _close_all_but(kept: set[int]) -> None:
    """By the kernel's list: close_range(2) is not everywhere, and the limit may have been higher earlier."""
    for descriptor in _open() - kept:
        # However close(2) fails, the descriptor is gone.
        with contextlib.suppress(OSError):
            os.close(descriptor)
    if left := _open() - kept:
        raise NotConfinedError(Reason.DESCRIPTOR, f"descriptor {min(left)} stays open")


def _open() -> set[int]:
    try:
        listed = os.listdir(_OPEN)  # noqa: PTH208 - the content plane imports no pathlib
    except OSError as error:
        raise NotConfinedError(Reason.NO_PROC) from error
    # The listing's own stands in it, and is closed by now.
    return {descriptor for descriptor in map(int, listed) if _is_open(descriptor)}


def _is_open(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def _harmless(descriptor: int) -> bool:
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return _has_a_peer(descriptor)
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    except OSError:
        return False


def _has_a_peer(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as end:
        return end.family in _FAMILIES and end.type in _KINDS


def _null_device() -> int:
    try:
        descriptor = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise NotConfinedError(Reason.NULL_DEVICE) from error
    found = os.fstat(descriptor)
    # In a badly made container it is an ordinary file, which would keep what is written to it.
    if not stat.S_ISCHR(found.st_mode) or found.st_rdev != os.makedev(1, 3):
        raise NotConfinedError(Reason.NULL_DEVICE)
    return descriptor
