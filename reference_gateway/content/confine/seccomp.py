"""The main wall: the kernel asks the filter about every system call, for the rest of the process's life."""

import errno
import hashlib
import struct
from typing import Final

from reference_gateway.content.confine.bpf import INSTRUCTION, filter_program
from reference_gateway.content.confine.kernel import address, call
from reference_gateway.content.confine.refusal import NotConfinedError, Reason
from reference_gateway.content.confine.syscalls import Architecture

_SET_MODE_FILTER: Final = 1
_REASONS: Final = {errno.EPERM: Reason.SECCOMP_FORBIDDEN, errno.EACCES: Reason.SECCOMP_FORBIDDEN}


def load_filter(architecture: Architecture) -> str:
    """Loads the filter; returns its SHA-256. `no_new_privs` must be set. Raises NotConfinedError."""
    program = bytearray(filter_program(architecture.name))
    digest = hashlib.sha256(program).hexdigest()
    # struct sock_fprog: a count, padding, a pointer.
    answer = call(
        "seccomp",
        _SET_MODE_FILTER,
        0,
        struct.pack("<HxxxxxxQ", len(program) // INSTRUCTION.size, address(program)),
    )
    if answer < 0:
        raise NotConfinedError(
            _REASONS.get(-answer, Reason.SECCOMP_MISSING), errno.errorcode.get(-answer, str(-answer))
        )
    return digest
