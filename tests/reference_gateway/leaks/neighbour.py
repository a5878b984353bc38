"""A neighbour of the gateway's, who would like to know: `python -m …neighbour CONFIG`; tells as JSON what it saw.

It has the same user and no privilege; root becomes such a one by dropping all capabilities. The processes
that it pries into are its descendants, so that no other rule than theirs keeps it out.
"""

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from reference_gateway.content.confine.privileges import become

_PTRACE_SEIZE: Final = 0x4206
_libc = ctypes.CDLL(None, use_errno=True)


class _Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def memory_file(pid: int) -> None:
    """Opens the memory as a file."""
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))


def environment(pid: int) -> None:
    """Reads the environment."""
    with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - pathlib hides no errno, but says less
        file.read()


def mappings(pid: int) -> None:
    """Reads what is where in memory."""
    with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123 - as above
        file.read()


def descriptors(pid: int) -> None:
    """Asks what one of them is."""
    os.readlink(f"/proc/{pid}/fd/0")  # noqa: PTH115 - as above


def foreign_read(pid: int) -> None:
    """Copies a byte out of memory, at an address that both have: ours is a copy of theirs, or was."""
    byte = ctypes.create_string_buffer(1)
    here = _Piece(ctypes.addressof(byte), 1)
    there = _Piece(ctypes.addressof(_libc_constant), 1)
    _check(_libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))


def trace(pid: int) -> None:
    """Becomes the tracer."""
    _check(_libc.ptrace(_PTRACE_SEIZE, pid, None, None))


_libc_constant = ctypes.c_char(b"x")
PEEKS: Final[dict[str, Callable[[int], None]]] = {
    one.__name__: one for one in (memory_file, environment, mappings, descriptors, foreign_read, trace)
}


def _check(answer: int) -> None:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")


def peeked(pid: int) -> dict[str, str]:
    """What came of every peek: "seen", or the errno's name."""
    return {name: _outcome(peek, pid) for name, peek in PEEKS.items()}


def _outcome(peek: Callable[[int], None], pid: int) -> str:
    try:
        peek(pid)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "seen"


def open_neighbour() -> dict[str, str]:
    """The control: a child of ours that hides nothing."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        os.read(ours, 1)
        os._exit(0)
    try:
        return peeked(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main(config: str) -> None:
    """Pries into the control, then into each of the gateway's processes."""
    become(None)
    seen = {"control": open_neighbour()}
    read, write = os.pipe()
    command = [sys.executable, "-m", "reference_gateway", config, "--ready-fd", str(write)]
    with subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL) as gateway:
        os.close(write)
        with os.fdopen(read) as ready:
            ready.readline()
        with open(f"/proc/{gateway.pid}/task/{gateway.pid}/children") as file:  # noqa: PTH123 - as above
            processes = [gateway.pid, *map(int, file.read().split())]
        seen |= {str(pid): peeked(pid) for pid in processes}
        gateway.terminate()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
