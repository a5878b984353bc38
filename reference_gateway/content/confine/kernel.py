"""The one door to the kernel: system calls by name, so that no C library version stands in between."""

import ctypes
import os
import sys
from typing import Final

from reference_gateway.content.confine.syscalls import ARCHITECTURES, Architecture

#: This machine, or None where no numbers are known (or where a 32-bit interpreter would use other ones).
HERE: Final[Architecture | None] = ARCHITECTURES.get(os.uname().machine) if sys.maxsize > 1 << 32 else None

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

Argument = int | bytes | bytearray | None


def call(name: str, *arguments: Argument) -> int:
    """What the kernel answers: the result, or an errno with its sign turned, as the kernel itself does it.

    Bytes are passed by address (and end with a zero), bytearrays likewise and may be written to.
    KeyError for a call that this architecture never had.
    """
    if HERE is None:
        raise KeyError(name)
    answer: int = _libc.syscall(ctypes.c_long(HERE.numbers[name]), *map(_passed, arguments))
    return -ctypes.get_errno() if answer == -1 else answer


def _passed(argument: Argument) -> object:
    # A bare int would be passed as 32 bits, and the upper half of the register would be chance.
    if argument is None or isinstance(argument, int):
        return ctypes.c_long(argument or 0)
    if isinstance(argument, bytes):
        return ctypes.c_char_p(argument)
    return (ctypes.c_char * len(argument)).from_buffer(argument)


def address(buffer: bytearray) -> int:
    """Where `buffer` lies, for structures that hold pointers; it must outlive their use, at its size."""
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
