"""Puts this process behind the kernel's walls, in the one order that works.

Descriptors and limits first, while they can still be changed; then identity and capabilities; then the flags
that a change of identity resets; then Landlock, then the filter, which would refuse all of that; and last the
proof. Nothing can be opened or imported afterwards, and no event loop may exist before: a loop made earlier
may have a ring, whose I/O the filter does not see.
"""

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NoReturn

from reference_gateway.content.confine import descriptors, memory, privileges, title
from reference_gateway.content.confine.acts import ANYWHERE, Act
from reference_gateway.content.confine.kernel import HERE
from reference_gateway.content.confine.landlock import restrict
from reference_gateway.content.confine.privileges import Identity
from reference_gateway.content.confine.refusal import NotConfinedError, Reason
from reference_gateway.content.confine.seccomp import load_filter
from reference_gateway.content.confine.self_test import Wall, not_refused
from reference_gateway.content.confine.syscalls import Architecture

_TASKS: Final = "/proc/self/task"
_CONFINED: Final = b"confined"
_LONGEST_LINE: Final = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What stands around this process. None: that wall was left out."""

    landlock_abi: int | None
    filter_digest: str | None  # SHA-256 of the loaded program, hex
    identity: Identity  # uid and gid
    memory_locked: bool  # out of swap; it takes root or no limit on locked memory
    arguments_hidden: bool  # nothing that is written over them can be read; most kernels can


def confine(
    keep: Collection[int],
    *,
    identity: Identity | None = None,
    seccomp: bool = True,
    landlock: bool = True,
) -> Walls:
    """For good: only the descriptors in `keep` stay open, and only serving on them stays possible.

    `identity` is a uid and gid to take first, which needs root. A wall can be left out to see what the other
    one does. Each is tried as soon as it stands. Raises NotConfinedError; the process is confined in
    part then and must end, as it must when its parent does, which the kernel sees to.
    """
    parent = os.getppid()
    if HERE is None:
        raise NotConfinedError(Reason.ARCHITECTURE, os.uname().machine)
    assert_single_thread()
    memory.assert_private()
    descriptors.keep_only(keep)
    locked = memory.lock()
    privileges.limit_files()
    privileges.become(identity)
    hidden = title.hide()
    privileges.seal(parent)
    privileges.assert_granted(identity)
    abi = _landlock() if landlock else None
    digest = _seccomp(HERE) if seccomp else None
    return Walls(
        landlock_abi=abi,
        filter_digest=digest,
        identity=(os.getuid(), os.getgid()),
        memory_locked=locked,
        arguments_hidden=hidden,
    )


def available(identity: Identity | None = None) -> str | None:
    """Why `confine` cannot be done here, in a line for the operator; None if it can.

    Tries it in a forked child, which takes some milliseconds.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _try(theirs, identity)
    theirs.close()
    with ours:
        said = ours.recv(_LONGEST_LINE)
    _, status = os.waitpid(child, 0)
    if said == _CONFINED:
        return None
    code = os.waitstatus_to_exitcode(status)
    ended = NotConfinedError(Reason.NOT_REFUSED, f"the trial said nothing and ended with status {code}")
    return said.decode() or str(ended)


def _try(end: socket.socket, identity: Identity | None) -> NoReturn:
    """A child's whole life: it says how it went, or dies of it."""
    try:
        confine([end.fileno()], identity=identity)
        end.send(_CONFINED)
    except NotConfinedError as refused:
        end.send(str(refused).encode())
    finally:
        os._exit(0)


def assert_single_thread() -> None:
    """Raises NotConfinedError if another thread exists, which would stay outside of all walls."""
    try:
        threads = len(os.listdir(_TASKS))  # noqa: PTH208 - the content plane imports no pathlib
    except OSError as error:
        raise NotConfinedError(Reason.NO_PROC) from error
    if threads != 1:
        raise NotConfinedError(Reason.THREADS, f"{threads} threads")


def _landlock() -> int:
    abi = restrict()
    # Behind the filter, nobody could see whether it stands.
    _assert_none(not_refused(Wall.LANDLOCK, abi=abi, acts=ANYWHERE))
    return abi


def _seccomp(architecture: Architecture) -> str:
    digest = load_filter(architecture)
    _assert_none(not_refused())
    return digest


def _assert_none(missed: Collection[Act]) -> None:
    if missed:
        raise NotConfinedError(Reason.NOT_REFUSED, ", ".join(act.name for act in missed))
