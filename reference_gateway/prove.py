"""`python -m reference_gateway.prove`: shows the kernel's walls to those who would rather see than believe.

Prints the filter that every content worker of this release loads and its SHA-256, which root can compare with
what PTRACE_SECCOMP_GET_FILTER gives of a running worker, and whether this kernel can confine. With `--prove`
it tries every forbidden act, on things that exist, in a sibling of a content worker that stands behind one
wall, behind both, or behind none: each wall alone refuses what it must, and without walls the acts work.
"""

import argparse
import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from reference_gateway.content.confine import Identity, NotConfinedError, available, confine, filter_digest
from reference_gateway.content.confine.acts import ACTS, Act, Ground
from reference_gateway.content.confine.bpf import filter_program
from reference_gateway.content.confine.kernel import HERE, call
from reference_gateway.content.confine.listing import listing
from reference_gateway.content.confine.privileges import become
from reference_gateway.content.confine.self_test import Outcome, Wall, expected

SECCOMP: Final = "seccomp"
LANDLOCK: Final = "landlock"
#: What `--prove` may name, and which walls stand then.
WALLS: Final = {"both": (SECCOMP, LANDLOCK), SECCOMP: (SECCOMP,), LANDLOCK: (LANDLOCK,), "none": ()}

_PROVED: Final = 0
_NOT_PROVED: Final = 1

_SET_DUMPABLE: Final = 4
_SET_PTRACER: Final = 0x59616D61  # PR_SET_PTRACER; -1 is anybody
_ENOUGH: Final = 1 << 16  # bytes of what a sibling tells


class CannotProve(RuntimeError):
    """The sibling was not confined, or did not live to tell."""


class _Told(msgspec.Struct, frozen=True):
    """What the sibling tells: what the kernel answered to each act, or why it could not be confined."""

    answers: tuple[int, ...] = ()
    abi: int = 0
    fault: str = ""


def main(arguments: list[str] | None = None) -> int:
    """0 if confinement is available and, where asked for, proved; 1 if not."""
    options = _parser().parse_args(arguments)
    unavailable = available(options.identity)
    _print(_facts(unavailable))
    if options.prove is None:
        _print(_instructions())
        return _NOT_PROVED if unavailable else _PROVED
    walls = WALLS[options.prove]
    try:
        judged = [(word(outcome, walls), outcome) for outcome in prove(walls, options.identity)]
    except CannotProve as fault:
        _print([str(fault)])
        return _NOT_PROVED
    _print(f"{said:8} {_answered(one.answer):12} {one.act.name}" for said, one in judged)
    return _NOT_PROVED if any(said.isupper() for said, _ in judged) else _PROVED


def prove(walls: Collection[str], identity: Identity | None = None) -> tuple[Outcome, ...]:
    """What becomes of every act in a child of this process that stands behind `walls`.

    This process takes the identity and drops its capabilities first, for good: between equals, only a wall
    can refuse. Raises CannotProve and NotConfinedError.
    """
    become(identity)
    call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)
    call("prctl", _SET_PTRACER, -1, 0, 0, 0)
    with prepared_ground() as ground:
        told = _sibling(walls, ground)
    if told.fault:
        raise CannotProve(told.fault)
    wall = Wall.LANDLOCK if walls == (LANDLOCK,) else Wall.FILTER
    return tuple(
        Outcome(act, answer, expected(act, wall, told.abi))
        for act, answer in zip(ACTS, told.answers, strict=True)
    )


def word(outcome: Outcome, walls: Collection[str]) -> str:
    """Of an outcome behind `walls`; in capitals if it is not as it should be."""
    if not walls:
        return "HINDERED" if _looks_refused(outcome.act, outcome.answer) else "open"
    if outcome.refused:
        return "refused"
    return "open" if outcome.expected is None else "MISSED"


def _looks_refused(act: Act, answer: int) -> bool:
    """Whether it could be taken for the work of a wall, which would then prove nothing."""
    return -answer in {expected(act, Wall.FILTER), expected(act, Wall.LANDLOCK, abi=_ENOUGH)}


@contextlib.contextmanager
def prepared_ground() -> Iterator[Ground]:
    """A folder of this user's with files, and listeners, all for the acts of this process's children."""
    abstract = b"gateproof-" + secrets.token_hex(8).encode()
    with tempfile.TemporaryDirectory(prefix="gateproof-") as name, contextlib.ExitStack() as listeners:
        folder = Path(name)
        for file in ("file", "program", "spare"):
            (folder / file).write_bytes(b"content")
        (folder / "program").chmod(0o700)
        tcp = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in (os.fsencode(folder / "socket"), b"\0" + abstract):
            unix = listeners.enter_context(socket.socket(socket.AF_UNIX))
            unix.bind(address)
            unix.listen()
        yield Ground(
            folder=os.fsencode(folder),
            file=os.fsencode(folder / "file"),
            program=os.fsencode(folder / "program"),
            spare=os.fsencode(folder / "spare"),
            tcp_port=tcp.getsockname()[1],
            unix_path=os.fsencode(folder / "socket"),
            abstract=abstract,
            parent=os.getpid(),
        )


def _sibling(walls: Collection[str], ground: Ground) -> _Told:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _tell(theirs, walls, ground)
    theirs.close()
    with ours:
        said = ours.recv(_ENOUGH)
    _, status = os.waitpid(child, 0)
    ended = f"the sibling told nothing and ended with status {os.waitstatus_to_exitcode(status)}"
    return msgspec.json.decode(said, type=_Told) if said else _Told(fault=ended)


def _tell(end: socket.socket, walls: Collection[str], ground: Ground) -> NoReturn:
    """The sibling's whole life."""
    try:
        abi = _stand(end, walls)
        told = _Told(answers=tuple(act.attempt(ground) for act in ACTS), abi=abi)
    except NotConfinedError as fault:
        told = _Told(fault=str(fault))
    try:
        end.send(msgspec.json.encode(told))
    finally:
        os._exit(0)


def _stand(end: socket.socket, walls: Collection[str]) -> int:
    """Behind the walls, if there are any; Landlock's ABI."""
    if not walls:
        return 0
    around = confine([end.fileno()], seccomp=SECCOMP in walls, landlock=LANDLOCK in walls)
    return around.landlock_abi or 0


def _facts(unavailable: str | None) -> Iterator[str]:
    if HERE is not None:
        yield f"architecture {HERE.name}"
        yield f"filter       sha256:{filter_digest(HERE.name)}"
    yield f"confinement  {unavailable or 'available'}"


def _instructions() -> Iterator[str]:
    if HERE is not None:
        yield from listing(filter_program(HERE.name), HERE)


def _answered(answer: int) -> str:
    return "works" if answer >= 0 else errno.errorcode.get(-answer, str(-answer))


def _print(lines: Collection[str] | Iterator[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    # Before the next fork, whose child would print what still waits.
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reference_gateway.prove", description=__doc__)
    parser.add_argument("--prove", choices=WALLS, help="try every forbidden act behind these walls")
    parser.add_argument(
        "--identity", type=_identity, metavar="UID:GID", help="the dedicated identity of content workers"
    )
    return parser


def _identity(text: str) -> Identity:
    uid, _, gid = text.partition(":")
    return int(uid), int(gid)


if __name__ == "__main__":
    # Readers of the listing may have seen enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
