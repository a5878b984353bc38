"""What everybody may read of a process's name and arguments, /proc/PID/comm and /proc/PID/cmdline.

The kernel reads arguments out of the process's own memory, and so would read there whatever the process wrote
over them; it even copies them to the audit log. Told that there are none, it reads nothing, and without
prctl(2) it cannot be told otherwise again.
"""

import struct
from typing import Final

from reference_gateway.content.confine.kernel import address, call

NAME: Final = b"content-worker"

_STAT: Final = "/proc/self/stat"
_SET_NAME: Final = 15
_SET_MM: Final = 35
_SET_MM_MAP: Final = 14
_NO_FILE: Final = 2**32 - 1

# struct prctl_mm_map (linux/prctl.h): eleven addresses, then the auxiliary vector and the program, both as they are.
_MAP: Final = struct.Struct("<11Q QII")
# Where the first of them stand among the fields behind the name in proc_pid_stat(5).
_CODE: Final = slice(22, 24)
_STACK: Final = 24
_DATA_AND_HEAP: Final = slice(41, 44)
_ARGUMENTS: Final = 44


def hide() -> bool:
    """Names this process, and whether the kernel forgets where its arguments are.

    It does not where it was compiled without CONFIG_CHECKPOINT_RESTORE.
    """
    call("prctl", _SET_NAME, NAME, 0, 0, 0)
    try:
        with open(_STAT, "rb") as stat:  # noqa: PTH123 - the content plane imports no pathlib
            fields = [int(field) for field in stat.read().rpartition(b")")[2].split()[1:]]
    except OSError:
        return False
    nowhere = fields[_ARGUMENTS]
    told = bytearray(
        _MAP.pack(
            *fields[_CODE],
            *fields[_DATA_AND_HEAP],
            call("brk", 0),
            fields[_STACK],
            *(nowhere,) * 4,
            0,
            0,
            _NO_FILE,
        )
    )
    return call("prctl", _SET_MM, _SET_MM_MAP, address(told), len(told), 0) == 0
