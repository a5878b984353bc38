"""Acts upon processes, this one and others: to start, to look into, to signal, to rename."""

import os
from errno import EACCES, ENOSYS, EPERM
from signal import SIGCHLD
from struct import pack
from typing import Final

from reference_gateway.content.confine.acts.act import Act, ByLandlock, Ground, closed
from reference_gateway.content.confine.kernel import address, call

_EVERY_CLONE: Final = 0x40000000  # __WALL
_GET_NAME: Final = 16
_HERE: Final = -100 % 2**32  # AT_FDCWD
_NEW_USER: Final = 0x10000000  # CLONE_NEWUSER
_QUERY: Final = 0xFFFFFFFF
_SEIZE: Final = 0x4206  # not ATTACH, which would stop the process
_SET_NAME: Final = 15

_WANTED: Final = bytearray(1)

_TRACE: Final = ByLandlock(EPERM, 1)
_SIGNAL: Final = ByLandlock(EPERM, 6)


def _fork(_ground: Ground) -> int:
    child = call("clone", int(SIGCHLD), 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child > 0:
        call("wait4", child, 0, _EVERY_CLONE, 0)
    return child


def _read_memory(ground: Ground) -> int:
    """Of the parent, where it had something when this process was forked from it.

    Vectors that are empty would always work.
    """
    taken = bytearray(1)
    local, remote = (pack("<QQ", address(one), 1) for one in (taken, _WANTED))
    return call("process_vm_readv", ground.parent, local, 1, remote, 1, 0)


def _rename(_ground: Ground) -> int:
    """To the name that it has."""
    name = bytearray(16)
    call("prctl", _GET_NAME, name, 0, 0, 0)
    return call("prctl", _SET_NAME, name, 0, 0, 0)


ACTS: Final = (
    Act("start a program", lambda g: call("execve", g.program, 0, 0), by_landlock=ByLandlock(EACCES, 1)),
    Act(
        "start a program by its folder",
        lambda g: call("execveat", _HERE, g.program, 0, 0, 0),
        by_landlock=ByLandlock(EACCES, 1),
    ),
    Act("fork", _fork),
    Act("start a thread or process by clone3", lambda _: call("clone3", 0, 0), by_filter=ENOSYS),
    Act("read the parent's memory", _read_memory, by_landlock=_TRACE),
    Act("trace the parent", lambda g: call("ptrace", _SEIZE, g.parent, 0, 0), by_landlock=_TRACE),
    Act("signal the parent", lambda g: call("kill", g.parent, 0), by_landlock=_SIGNAL),
    Act(
        "signal a thread of the parent", lambda g: call("tgkill", g.parent, g.parent, 0), by_landlock=_SIGNAL
    ),
    Act("hold the parent", lambda g: closed(call("pidfd_open", g.parent, 0))),
    Act("change the process's name", _rename),
    Act("change the process's personality", lambda _: call("personality", _QUERY)),
    Act("change the process's priority", lambda _: call("setpriority", 0, 0, 0)),
    Act("add a filter", lambda _: call("seccomp", 2, 0, pack("<I", 0x7FFF0000))),
    # Last: where it works, this process is another user afterwards.
    Act("become root of a namespace", lambda _: call("unshare", _NEW_USER)),
)
