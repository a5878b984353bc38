"""What happens in processes of their own: `python -m …scenes DESCRIPTOR SCENE ARGUMENTS`, answers by the socket.

A process that is confined stays so, and a kernel that refuses does so for good; hence one process for each.
Arguments are a JSON object, the answer is JSON.
"""

import contextlib
import errno
import io
import json
import mmap
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import uvloop

from reference_gateway import prove
from reference_gateway.content.confine import Identity, NotConfinedError, available, confine
from reference_gateway.content.confine.kernel import call
from reference_gateway.content.confine.privileges import become, seal
from tests.reference_gateway.confine import kernels
from tests.reference_gateway.confine.fencing import fenced, fenced_late, fenced_without, unfenced
from tests.reference_gateway.confine.serving import serve
from tests.reference_gateway.confine.standing import stand

Told = dict[str, str | None]

_NEW_USER, _NEW_PIDS = 0x10000000, 0x20000000  # CLONE_NEWUSER, CLONE_NEWPID
_SEIZE: Final = 0x4206
_NOT_OPEN: Final = 999
_NOBODYS_PARENT: Final = 2**22 + 1  # above the highest pid


def identity_of(pair: Iterable[int] | None) -> Identity | None:
    """As JSON has it."""
    if pair is None:
        return None
    uid, gid = pair
    return uid, gid


def confinable(channel: socket.socket, identity: Iterable[int] | None = None, *also: int) -> Told:
    """What `available` says here, and what `confine` does; None where all goes well."""
    wanted = identity_of(identity)
    said = available(wanted)
    try:
        confine([channel.fileno(), *also], identity=wanted)
    except NotConfinedError as refused:
        return {"available": said, "confine": str(refused)}
    return {"available": said, "confine": None}


# --- kernels ----------------------------------------------------------------------------------------------


def refusing(channel: socket.socket, rules: list[dict[str, Any]], identity: list[int] | None = None) -> Told:
    """Some calls fail, or are said to have worked."""
    for rule in rules:
        kernels.refuse(**rule)
    return confinable(channel, identity)


def old(_channel: socket.socket, abi: int) -> Told:
    """An older Landlock. Only tried, for its answerer must be ended afterwards."""
    with kernels.landlock_of(abi):
        return {"available": available()}


def layered(channel: socket.socket) -> Told:
    """Landlock has no layer left."""
    kernels.exhaust_layers()
    return confinable(channel)


def proved(_channel: socket.socket, walls: str, abi: int, identity: list[int] | None) -> list[list[str]]:
    """The acts behind walls of an older Landlock, and how each came out."""
    with kernels.landlock_of(abi):
        outcomes = prove.prove(prove.WALLS[walls], identity_of(identity))
    return [[one.act.name, prove.word(one, prove.WALLS[walls])] for one in outcomes]


def commanded(_channel: socket.socket, rule: dict[str, Any], arguments: list[str]) -> list[Any]:
    """What `prove` says where a call is refused, and its status."""
    kernels.refuse(**rule)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = prove.main(arguments)
    return [status, said.getvalue()]


def in_a_namespace(_channel: socket.socket) -> list[Any]:
    """As the first process of a namespace, whose parent is outside of it, and as that one's child."""
    if call("unshare", _NEW_PIDS if os.geteuid() == 0 else _NEW_PIDS | _NEW_USER) != 0:
        return ["no namespace"]
    ours, theirs = socket.socketpair()
    first = os.fork()
    if first == 0:
        theirs.send(json.dumps([os.getpid(), os.getppid(), confinable(theirs)]).encode())
        os._exit(0)
    theirs.close()
    said: list[Any] = json.loads(ours.recv(1 << 16))
    os.waitpid(first, 0)
    return said


# --- what a process brings along ---------------------------------------------------------------------------


def plain(channel: socket.socket, identity: list[int] | None = None) -> Told:
    """Nothing that stands in the way."""
    return confinable(channel, identity)


def powerless(channel: socket.socket, identity: list[int]) -> Told:
    """Without the capability that a change of identity takes."""
    become(None)
    return confinable(channel, identity)


def threaded(channel: socket.socket) -> Told:
    """With a thread, which forked children do not have."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return confinable(channel)


def sharing_memory(channel: socket.socket) -> Told:
    """With memory that its children write to as well."""
    with mmap.mmap(-1, mmap.PAGESIZE):
        return confinable(channel)


def sharing_a_file(channel: socket.socket) -> Told:
    """With a file that is closed, but mapped."""
    with tempfile.TemporaryFile() as file:
        file.truncate(mmap.PAGESIZE)
        mapped = mmap.mmap(file.fileno(), mmap.PAGESIZE)
    with mapped:
        return confinable(channel)


def looping(channel: socket.socket) -> Told:
    """With an event loop, which has a ring where the kernel has them."""
    loop = uvloop.new_event_loop()
    ring = "io_uring" in Path("/proc/self/maps").read_text()
    told = confinable(channel)
    loop.close()
    return {**told, "ring": "yes" if ring else None}


def orphaned(_channel: socket.socket) -> str:
    """Its parent is not the one it was when confinement began."""
    try:
        seal(_NOBODYS_PARENT)
    except NotConfinedError as refused:
        return str(refused)
    return ""


def misled(channel: socket.socket) -> Told:
    """The null device is an ordinary file, as in a badly made container."""
    with tempfile.NamedTemporaryFile() as file:
        os.devnull = file.name
        return confinable(channel)


def keeping(channel: socket.socket, kind: str, folder: str) -> Told:
    """With one more descriptor to keep."""
    return confinable(channel, None, KINDS[kind](folder))


def neighbour(_channel: socket.socket, pid: int, identity: list[int] | None) -> dict[str, str]:
    """What another process of the same user learns of one, and the errno where it learns nothing."""
    become(identity_of(identity))
    learnt = {name: _read(f"/proc/{pid}/{name}") for name in ("mem", "maps", "environ", "status", "limits")}
    attached = call("ptrace", _SEIZE, pid, 0, 0)
    return {**learnt, "ptrace": errno.errorcode.get(-attached, "attached")}


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "read"


def _kept(end: socket.socket) -> int:
    return end.detach()


KINDS: Final[dict[str, Callable[[str], int]]] = {
    "file for writing": lambda folder: os.open(f"{folder}/file", os.O_CREAT | os.O_WRONLY),
    "file for both": lambda folder: os.open(f"{folder}/file", os.O_CREAT | os.O_RDWR),
    "file for appending": lambda folder: os.open(f"{folder}/file", os.O_CREAT | os.O_WRONLY | os.O_APPEND),
    "file without a name": lambda folder: os.open(folder, os.O_TMPFILE | os.O_RDWR),
    "file in memory": lambda _: os.memfd_create("file"),
    "file for reading": lambda _: os.open(sys.executable, os.O_RDONLY),
    "end of a pipe to write to": lambda _: os.pipe()[1],
    "end of a pipe to read from": lambda _: os.pipe()[0],
    "event counter": lambda _: os.eventfd(0),
    "standard output": lambda _: 1,
    "socket as standard input": lambda _: os.dup2(socket.socket().detach(), 0),
    "nothing": lambda _: _NOT_OPEN,
    "datagram socket": lambda _: _kept(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "netlink socket": lambda _: _kept(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "local datagram socket": lambda _: _kept(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
    "stream socket": lambda _: _kept(socket.socket(socket.AF_INET6, socket.SOCK_STREAM)),
    "packet socket": lambda _: _kept(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)),
}

_SCENES: Final[dict[str, Callable[..., Any]]] = {
    scene.__name__: scene
    for scene in (
        refusing,
        old,
        layered,
        proved,
        commanded,
        in_a_namespace,
        plain,
        powerless,
        threaded,
        sharing_memory,
        sharing_a_file,
        looping,
        orphaned,
        misled,
        keeping,
        neighbour,
        fenced,
        fenced_late,
        fenced_without,
        unfenced,
        serve,
        stand,
    )
}


def main(descriptor: str, scene: str, arguments: str) -> None:
    """One scene."""
    channel = socket.socket(fileno=int(descriptor))
    answer = _SCENES[scene](channel, **json.loads(arguments))
    channel.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
    # Confined, an interpreter cannot tidy up, and has nothing to say about it.
    os._exit(0)
