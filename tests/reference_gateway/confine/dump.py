"""Reads the filters out of a running process, as an auditor with root would: ptrace(2), PTRACE_SECCOMP_GET_FILTER."""

import errno
import os
from collections.abc import Iterator
from typing import Final

from reference_gateway.content.confine.kernel import call

_DETACH: Final = 17
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_GET_FILTER: Final = 0x420C
_INSTRUCTION: Final = 8  # bytes


def dumped_filters(pid: int) -> list[bytes] | str:
    """The filters of a child of this process, the newest first; or the errno by which the kernel declines."""
    attached = call("ptrace", _SEIZE, pid, 0, 0)
    if attached < 0:
        return errno.errorcode[-attached]
    call("ptrace", _INTERRUPT, pid, 0, 0)
    os.waitpid(pid, 0)
    try:
        return list(_filters(pid))
    finally:
        call("ptrace", _DETACH, pid, 0, 0)


def _filters(pid: int) -> Iterator[bytes]:
    index = 0
    while (length := call("ptrace", _GET_FILTER, pid, index, 0)) > 0:
        program = bytearray(length * _INSTRUCTION)
        call("ptrace", _GET_FILTER, pid, index, program)
        yield bytes(program)
        index += 1
