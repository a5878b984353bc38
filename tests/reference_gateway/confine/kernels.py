"""Kernels that refuse, lie or are old, made of this one by a filter in front of it. For processes of their own."""

import fcntl
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from reference_gateway.content.confine.kernel import HERE, address, call

_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_NEW_LISTENER: Final = 8
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
_ASK_LISTENER: Final = 0x7FC00000  # SECCOMP_RET_USER_NOTIF
_RECEIVE: Final = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND: Final = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_ANY: Final = -1

_ASK_ABI: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_MAKE_DEVICE: Final = 1 << 6  # LANDLOCK_ACCESS_FS_MAKE_CHAR
_FEWEST_LAYERS: Final = 16  # LANDLOCK_MAX_NUM_LAYERS


def refuse(name: str, error: int, *, argument: int = 0, value: int = _ANY) -> None:
    """From here on the call fails with `error`, or is said to have worked without being done (0).

    With `value`: only where that argument has it.
    """
    _load(name, _FAIL | error, argument, value, flags=0)


@contextmanager
def landlock_of(abi: int) -> Iterator[None]:
    """A kernel whose Landlock says that it is of this ABI. What newer ones refuse, it would not know."""
    listener = _load("landlock_create_ruleset", _ASK_LISTENER, 2, _ASK_ABI, flags=_NEW_LISTENER)
    ended, end = os.pipe()
    answerer = os.fork()
    if answerer == 0:
        os.close(end)
        _answer(listener, ended, abi)
    os.close(listener)
    os.close(ended)
    try:
        yield
    finally:
        # It cannot be killed where this process has become somebody else meanwhile.
        os.close(end)
        os.waitpid(answerer, 0)


def exhaust_layers() -> None:
    """As many Landlock layers as may be, which refuse nothing that anybody here does."""
    call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    for _ in range(_FEWEST_LAYERS):
        ruleset = call("landlock_create_ruleset", struct.pack("<Q", _MAKE_DEVICE), 8, 0)
        call("landlock_restrict_self", ruleset, 0)
        os.close(ruleset)


def _load(name: str, answer: int, argument: int, value: int, *, flags: int) -> int:
    assert HERE is not None
    unconditional = int(value == _ANY)
    program = bytearray().join(
        struct.pack("<HBBI", *one)
        for one in (
            (0x20, 0, 0, 0),  # the number
            (0x15, 0, 3, HERE.numbers[name]),
            (0x20, 0, 0, 16 + 8 * argument),  # the argument's lower half
            (0x15, 0, 1, value & 0xFFFFFFFF) if not unconditional else (0x05, 0, 0, 0),
            (0x06, 0, 0, answer),
            (0x06, 0, 0, _ALLOW),
        )
    )
    call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    loaded = call(
        "seccomp", _SET_MODE_FILTER, flags, struct.pack("<HxxxxxxQ", len(program) // 8, address(program))
    )
    assert loaded >= 0, loaded
    return loaded


def _answer(listener: int, ended: int, abi: int) -> NoReturn:
    """Until nobody has the other end. A notification begins with an id; a response is id, value, error, flags."""
    while ended not in select.select([listener, ended], [], [])[0]:
        asked = bytearray(80)
        fcntl.ioctl(listener, _RECEIVE, asked)
        fcntl.ioctl(listener, _SEND, struct.pack("<QqiI", *struct.unpack_from("<Q", asked), abi, 0, 0))
    os._exit(0)
