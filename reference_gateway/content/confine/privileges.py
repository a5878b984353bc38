"""What a confined process may no longer be or become: limits, identity, capabilities, and its own end."""

import errno
import os
import resource
import signal
import struct
from typing import Final

from reference_gateway.content.confine.kernel import call
from reference_gateway.content.confine.refusal import NotConfinedError, Reason

Identity = tuple[int, int]

_SET_PDEATHSIG: Final = 1
_GET_DUMPABLE: Final = 3
_SET_DUMPABLE: Final = 4
_CAPBSET_READ: Final = 23
_CAPBSET_DROP: Final = 24
_SET_NO_NEW_PRIVS: Final = 38
_GET_NO_NEW_PRIVS: Final = 39
_CAP_AMBIENT: Final = 47
_CAP_AMBIENT_CLEAR_ALL: Final = 4

_CAP_SETPCAP: Final = 8
_CAPABILITY_HEADER: Final = struct.pack("<Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
_CAPABILITY_SETS: Final = 24  # bytes: effective, permitted, inheritable; lower words, then upper ones

_ASK_PERSONALITY: Final = 0xFFFFFFFF
_READ_IMPLIES_EXEC: Final = 0x0400000

_FILE_LIMITS: Final = (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
_NOTHING: Final = (0, 0)


def limit_files() -> None:
    """No file can grow and no core file can be written, whatever is open. Raises NotConfinedError."""
    try:
        for kind in _FILE_LIMITS:
            resource.setrlimit(kind, _NOTHING)
    except (OSError, ValueError) as error:
        raise NotConfinedError(Reason.LIMITS) from error


def become(identity: Identity | None) -> None:
    """Drops all capabilities for good and, if given, takes the uid and gid, without other groups.

    An ordinary user's bounding set stays as it is: emptying it takes a capability, and `no_new_privs` makes
    it meaningless. Raises NotConfinedError.
    """
    _empty_bounding_set()
    if identity is not None:
        _change(*identity)
    _ask("prctl", _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _ask("capset", _CAPABILITY_HEADER, bytes(_CAPABILITY_SETS))


def seal(parent: int) -> None:
    """Not dumpable, ended with `parent` (the pid it was started by), and never again to gain a privilege.

    After `become`: a change of identity resets the first two (prctl(2)). Raises NotConfinedError.
    """
    _ask("prctl", _SET_DUMPABLE, 0, 0, 0, 0)
    # Not a signal that can be caught or ignored.
    _ask("prctl", _SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise NotConfinedError(Reason.ORPHANED)
    # A program without a mark about its stack, or setarch(8), turns every page that is read into code.
    _ask("personality", _ask("personality", _ASK_PERSONALITY) & ~_READ_IMPLIES_EXEC)
    gain_nothing()


def gain_nothing() -> None:
    """No program that is started later gains a privilege by its file. Raises NotConfinedError."""
    _ask("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def assert_granted(identity: Identity | None) -> None:
    """Asked is not granted: a container's filter may answer 0 and do nothing. Raises NotConfinedError."""
    if any(resource.getrlimit(kind) != _NOTHING for kind in _FILE_LIMITS):
        raise NotConfinedError(Reason.LIMITS)
    if identity is not None and _identities() != ({identity[0]}, {identity[1]}):
        raise NotConfinedError(Reason.IDENTITY)
    flags = _ask("prctl", _GET_DUMPABLE, 0, 0, 0, 0), _ask("prctl", _GET_NO_NEW_PRIVS, 0, 0, 0, 0)
    if any(_capabilities()) or flags != (0, 1):
        raise NotConfinedError(Reason.PRIVILEGES)


def _identities() -> tuple[set[int], set[int]]:
    """All uids and all gids that this process has or can go back to."""
    return set(os.getresuid()), {*os.getresgid(), *os.getgroups()}


def _capabilities() -> bytearray:
    held = bytearray(_CAPABILITY_SETS)
    _ask("capget", _CAPABILITY_HEADER, held)
    return held


def _empty_bounding_set() -> None:
    """Must come before the uid changes, which takes the capability to do it."""
    if not _capabilities()[_CAP_SETPCAP // 8] >> (_CAP_SETPCAP % 8) & 1:
        return
    capability = 0
    while call("prctl", _CAPBSET_READ, capability, 0, 0, 0) >= 0:
        _ask("prctl", _CAPBSET_DROP, capability, 0, 0, 0)
        capability += 1


def _change(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise NotConfinedError(Reason.IDENTITY, errno.errorcode.get(error.errno or 0, "")) from error


def _ask(name: str, *arguments: int | bytes | bytearray) -> int:
    answer = call(name, *arguments)
    if answer < 0:
        raise NotConfinedError(Reason.PRIVILEGES, f"{name}: {errno.errorcode.get(-answer, -answer)}")
    return answer
