"""What others would see of this process's memory, and what of it would reach a disk.

What is mapped for writing and shared outlives its descriptor and every wall. A file that is mapped so keeps
what is written to the memory, without a system call; so does a ring of io_uring, whose I/O no filter sees.
"""

import resource
from typing import Final

from reference_gateway.content.confine.kernel import call
from reference_gateway.content.confine.refusal import NotConfinedError, Reason

_MAPPED: Final = "/proc/self/maps"
_EVERYTHING: Final = 0b111  # MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT: what is never touched is not made present
_NO_LIMIT: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def assert_private() -> None:
    """Raises NotConfinedError if any mapping is both shared and writable."""
    try:
        with open(_MAPPED, "rb") as lines:  # noqa: PTH123 - the content plane imports no pathlib
            shared = sum(map(_is_shared, lines))
    except OSError as error:
        raise NotConfinedError(Reason.NO_PROC) from error
    if shared:
        raise NotConfinedError(Reason.SHARED_MEMORY, f"mappings: {shared}")


def _is_shared(line: bytes) -> bool:
    """The second field of proc_pid_maps(5): `rwxs`, or `p` for private, with `-` for what is not allowed."""
    rights = line.split(b" ", 2)[1]
    return rights[1:2] == b"w" and rights[3:4] == b"s"


def lock() -> bool:
    """Keeps all memory, present and future, out of swap; whether that was allowed.

    It takes no limit on locked memory, or the capability to lift it: under a limit, memory would run out. So
    it must come before capabilities are dropped.
    """
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, _NO_LIMIT)
    except (OSError, ValueError):
        return False
    return call("mlockall", _EVERYTHING) == 0
