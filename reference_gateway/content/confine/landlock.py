"""The second wall: Landlock with every right handled and no rule, so that everything handled is refused.

It holds even where the filter had a hole. What each ABI adds: Linux `Documentation/userspace-api/landlock.rst`;
the constants are written out since distributions' headers lag behind their kernels.
"""

import errno
import os
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reference_gateway.content.confine.kernel import call
from reference_gateway.content.confine.refusal import NotConfinedError, Reason

MINIMUM_ABI: Final = 3  # below it any file may be truncated by its path

READING: Final = 0b1100  # READ_FILE, READ_DIR
BIND_TCP: Final = 0b01
EVERY: Final = 2**64 - 1
NOWHERE: Final[Mapping[str, int]] = MappingProxyType({})

_ASK_ABI: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_BENEATH: Final = 1  # LANDLOCK_RULE_PATH_BENEATH
#: (since ABI, rights), for the three fields of struct landlock_ruleset_attr.
_FILES: Final = (
    (1, 0x1FFF),  # execute, write, read, list, remove and make of every kind
    (2, 1 << 13),  # REFER
    (3, 1 << 14),  # TRUNCATE
    (5, 1 << 15),  # IOCTL_DEV
    (9, 1 << 16),  # RESOLVE_UNIX
)
_NETWORK: Final = (
    (4, 0b11),  # BIND_TCP, CONNECT_TCP
    (10, 0b1100),  # BIND_UDP, CONNECT_SEND_UDP
)
_SCOPES: Final = ((6, 0b11),)  # ABSTRACT_UNIX_SOCKET, SIGNAL
_SIZES: Final = ((1, 8), (4, 16), (6, 24))  # bytes; a longer one is refused unless what is beyond is zero

_REASONS: Final = {
    errno.ENOSYS: Reason.LANDLOCK_MISSING,
    errno.EOPNOTSUPP: Reason.LANDLOCK_OFF,
    errno.EPERM: Reason.LANDLOCK_FORBIDDEN,
    errno.E2BIG: Reason.LANDLOCK_LAYERS,
}


def attribute(abi: int, *, files: int = EVERY, network: int = EVERY) -> bytes:
    """struct landlock_ruleset_attr at the size that this ABI knows, with all that it knows of these rights."""
    asked = ((_FILES, files), (_NETWORK, network), (_SCOPES, EVERY))
    rights = (sum(bits for since, bits in known if since <= abi) & mask for known, mask in asked)
    size = max(size for since, size in _SIZES if since <= abi)
    return struct.pack("<QQQ", *rights)[:size]


def restrict(*, files: int = EVERY, network: int = EVERY, beneath: Mapping[str, int] = NOWHERE) -> int:
    """Raises the wall around this thread and returns the kernel's ABI. `no_new_privs` must be set.

    `files` and `network` are rights that are taken; `beneath` gives back some of those on files, which the
    minimum ABI must have, for all that is in a folder. Raises NotConfinedError, and OSError for a folder that
    cannot be opened. Older threads would stay outside without any error: the caller has made sure that there
    are none.
    """
    abi = _granted(call("landlock_create_ruleset", None, 0, _ASK_ABI))
    if abi < MINIMUM_ABI:
        raise NotConfinedError(Reason.LANDLOCK_OLD, f"ABI {abi}")
    wanted = attribute(abi, files=files, network=network)
    ruleset = _granted(call("landlock_create_ruleset", wanted, len(wanted), 0))
    try:
        for folder, rights in beneath.items():
            _give_back(ruleset, folder, rights)
        _granted(call("landlock_restrict_self", ruleset, 0))
    finally:
        os.close(ruleset)
    return abi


def _give_back(ruleset: int, folder: str, rights: int) -> None:
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # struct landlock_path_beneath_attr is packed.
        _granted(call("landlock_add_rule", ruleset, _BENEATH, struct.pack("<Qi", rights, place), 0))
    finally:
        os.close(place)


def _granted(answer: int) -> int:
    if answer < 0:
        name = errno.errorcode.get(-answer, str(-answer))
        raise NotConfinedError(_REASONS.get(-answer, Reason.LANDLOCK_MISSING), name)
    return answer
