"""Acts that leave something in memory that others could find, or go round the filter."""

import struct
from errno import ENOSYS, ENOTTY
from typing import Final

from reference_gateway.content.confine.acts.act import Act, Ground, closed, undone
from reference_gateway.content.confine.kernel import call

_ANONYMOUS: Final = 0x22  # MAP_PRIVATE, MAP_ANONYMOUS
_CORE: Final = 4  # RLIMIT_CORE
_PAGE: Final = 1 << 16  # bytes; a whole number of pages everywhere
_PRIVATE: Final = 0  # IPC_PRIVATE
_PROCESS_KEYRING: Final = -2
_READ, _WRITE, _EXECUTE = 1, 2, 4


def _keyring(_ground: Ground) -> int:
    return call("add_key", b"user", b"gateproof", b"content", 7, _PROCESS_KEYRING)


def _shared_segment(_ground: Ground) -> int:
    made = call("shmget", _PRIVATE, _PAGE, 0o600)
    return undone(made, "shmctl", made, 0, 0)


def _queue(_ground: Ground) -> int:
    made = call("msgget", _PRIVATE, 0o600)
    return undone(made, "msgctl", made, 0, 0)


def _semaphore(_ground: Ground) -> int:
    made = call("semget", _PRIVATE, 1, 0o600)
    return undone(made, "semctl", made, 0, 0)


def _ring(_ground: Ground) -> int:
    return closed(call("io_uring_setup", 1, bytearray(120)))


def _executable_page(_ground: Ground) -> int:
    made = call("mmap", 0, _PAGE, _READ | _EXECUTE, _ANONYMOUS, -1, 0)
    return undone(made, "munmap", made, _PAGE)


def _page_made_executable(_ground: Ground) -> int:
    page = call("mmap", 0, _PAGE, _READ | _WRITE, _ANONYMOUS, -1, 0)
    answer = call("mprotect", page, _PAGE, _READ | _EXECUTE)
    call("munmap", page, _PAGE)
    return answer


ACTS: Final = (
    Act("make a file in memory", lambda _: closed(call("memfd_create", b"gateproof", 0))),
    Act("make a shared memory segment", _shared_segment),
    Act("make a System V queue", _queue),
    Act("make a System V semaphore", _semaphore),
    Act("put a key on a keyring", _keyring),
    Act("set up an I/O ring", _ring, by_filter=ENOSYS),
    Act("enter an I/O ring", lambda _: call("io_uring_enter", -1, 0, 0, 0, 0, 0), by_filter=ENOSYS),
    Act("handle page faults", lambda _: closed(call("userfaultfd", 1))),
    Act("map an executable page", _executable_page),
    Act("make a page executable", _page_made_executable),
    Act("change a terminal", lambda _: call("ioctl", -1, 0x5402, 0), by_filter=ENOTTY),
    Act("change a limit", lambda _: call("prlimit64", 0, _CORE, struct.pack("<QQ", 0, 0), 0)),
)
