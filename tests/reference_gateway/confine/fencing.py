"""What can still be done behind a fence, tried on things that exist and that belong to whoever tries."""

import encodings.idna  # noqa: F401 - names are encoded by it, which another user may not be able to import
import errno
import json
import os
import secrets
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reference_gateway.content.confine import NotConfinedError
from reference_gateway.content.confine.privileges import become
from reference_gateway.fences import fence_dialer, fence_ledger
from tests.reference_gateway.confine import kernels

DONE: Final = "done"


class Place:
    """A ledger's folder and what lies beside it, listeners, and a caller who waits to be accepted."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "ledger"
        self.folder.mkdir()
        self.beside = root / "beside"
        self.inside = self.folder / "inside"
        for file in (self.beside, self.inside):
            file.write_bytes(b"content")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.caller = socket.create_connection(self.listener.getsockname())
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(b"\0gateproof-" + secrets.token_hex(8).encode())
        self.abstract.listen()


def fenced(_channel: socket.socket, fence: str, identity: list[int] | None) -> dict[str, str]:
    """What comes of each attempt behind the ledger's fence, or the dialer's."""
    become((identity[0], identity[1]) if identity else None)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tempfile.TemporaryDirectory() as root:
        place = Place(Path(root))
        if os.fork() == 0:
            try:
                said = _fence(fence, place) or {name: outcome(name, place) for name in ATTEMPTS}
                theirs.send(json.dumps(said).encode())
            finally:
                # What the parent cleans up is not the child's.
                os._exit(0)
        theirs.close()
        told: dict[str, str] = json.loads(ours.recv(1 << 16))
        os.wait()
    return told


def unfenced(_channel: socket.socket) -> dict[str, str]:
    """What comes of the attempts where there is no fence; a program would be started in this one's place."""
    return {name: _alone(name) for name in ATTEMPTS if name != "start a program"}


def _alone(name: str) -> str:
    with tempfile.TemporaryDirectory() as root:
        return outcome(name, Place(Path(root)))


def fenced_late(_channel: socket.socket, fence: str) -> dict[str, str]:
    """With a thread that existed before."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    with tempfile.TemporaryDirectory() as root:
        return _fence(fence, Place(Path(root)))


def fenced_without(_channel: socket.socket, fence: str) -> dict[str, str]:
    """On a kernel without Landlock."""
    kernels.refuse("landlock_create_ruleset", errno.ENOSYS)
    with tempfile.TemporaryDirectory() as root:
        return _fence(fence, Place(Path(root)))


def _fence(fence: str, place: Place) -> dict[str, str]:
    """Nothing, or why it could not be put up."""
    try:
        if fence == "ledger":
            fence_ledger(place.folder)
        else:
            fence_dialer()
    except NotConfinedError as refused:
        return {"refused": str(refused)}
    return {}


def outcome(name: str, place: Place) -> str:
    """How an attempt ends: that it is done, or the errno, which SQLite keeps to itself."""
    try:
        ATTEMPTS[name](place)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except sqlite3.OperationalError:
        return "no books"
    return DONE


def _keep_books(place: Place) -> None:
    with sqlite3.connect(place.folder / "book") as book:
        book.execute("PRAGMA journal_mode = WAL")
        book.execute("CREATE TABLE entry (number INTEGER) STRICT")
        book.executemany("INSERT INTO entry VALUES (?)", [(number,) for number in range(1000)])
    book.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    book.close()


def _start_a_program(_place: Place) -> None:
    os.execv(sys.executable, [sys.executable, "-c", "pass"])  # noqa: S606 - no shell is wanted


def _open_a_port(_place: Place) -> None:
    socket.create_server(("127.0.0.1", 0)).close()


def _accept(place: Place) -> None:
    accepted, _ = place.listener.accept()
    accepted.sendall(b"welcome")


def _resolve(_place: Place) -> None:
    """From a thread, as the event loop does it."""
    thread = threading.Thread(target=socket.getaddrinfo, args=("localhost", 443))
    thread.start()
    thread.join()


def _write_shared_memory(_place: Place) -> None:
    file = Path(f"/dev/shm/gateproof-{os.getpid()}")
    file.touch()
    file.unlink()


def _reach_an_abstract_socket(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(place.abstract.getsockname())


ATTEMPTS: Final[dict[str, Callable[[Place], object]]] = {
    "keep books": _keep_books,
    "make a file beside": lambda place: (place.beside.parent / "new").touch(),
    "write a file beside": lambda place: place.beside.open("ab").close(),
    "truncate a file beside": lambda place: os.truncate(place.beside, 0),
    "remove a file beside": lambda place: place.beside.unlink(),
    "read a file beside": lambda place: place.beside.read_bytes(),
    "list a folder": lambda place: list(place.beside.parent.iterdir()),
    "write a file in shared memory": _write_shared_memory,
    "write a file inside": lambda place: place.inside.write_bytes(b"more"),
    "make a folder inside": lambda place: (place.folder / "new").mkdir(),
    "make a link inside": lambda place: (place.folder / "new").symlink_to("inside"),
    "move a file out": lambda place: place.inside.rename(place.beside.parent / "out"),
    "remove a file inside": lambda place: place.inside.unlink(),
    "start a program": _start_a_program,
    "open a port": _open_a_port,
    "accept": _accept,
    "connect": lambda place: socket.create_connection(place.listener.getsockname()).close(),
    "resolve": _resolve,
    "reach an abstract socket": _reach_an_abstract_socket,
    "signal its parent": lambda _: os.kill(os.getppid(), 0),
}
