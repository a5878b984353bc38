"""Places beside the declared ones in which a gateway of either host can keep what passes: each is a function from the folder of
its state to one that is given every prompt.
"""

import ctypes
import mmap
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Keep = Callable[[bytes], None]
Make = Callable[[Path], Keep]

NO_CONTENT = "retention.surfaces-hold-no-content"
IN_USE = "retention.places-in-use-hold-no-content"
DECLARED = "retention.every-place-written-to-is-declared"
PEERS = "forwarding.every-peer-is-declared"
OPEN = "retention.open-paths-show-no-content"

ABOUT = ("Z1", "Z2")  # the claims of all these

# A file that is declared like any other, for both hosts by where their state is.
SCRATCH = """
[[surfaces]]
kind = "files"
locator = "gateway/{state}scratch.tmp"
role = "content-path"
"""

_LETTERS = re.compile(rb"[^A-Za-z0-9 ]+")
_SINK = """
import os, socket, sys
if os.fork(): os._exit(0)
os.setsid()
with socket.create_server(("127.0.0.1", 0)) as server:
    server.settimeout(120)
    print(server.getsockname()[1], flush=True)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    connection, _ = server.accept()
    while connection.recv(65536): pass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hideout:
    """One such place, and which checks must see it; none where keeping it so is no breach."""

    name: str
    make: Make
    fails: frozenset[str]


HIDEOUTS: list[Hideout] = []


def hideout(name: str, *, fails: Iterable[str] = ()) -> Callable[[Make], Make]:
    """Enter a hideout, for both hosts."""

    def enter(make: Make) -> Make:
        HIDEOUTS.append(Hideout(name=name, make=make, fails=frozenset(fails)))
        return make

    return enter


def text_of(body: bytes) -> bytes:
    """The end of a request as plain words: its last message with its canaries."""
    return _LETTERS.sub(b" ", body)


# --- flawed ------------------------------------------------------------------------------------------------


@hideout("undeclared-file", fails={IN_USE, DECLARED})
def undeclared_file(folder: Path) -> Keep:
    """A history that is always open."""
    history = (folder / "history.jsonl").open("ab", buffering=0)
    return lambda body: _write(history.fileno(), body)


@hideout("undeclared-file-opened-for-a-moment", fails={IN_USE, DECLARED})
def undeclared_file_opened_for_a_moment(folder: Path) -> Keep:
    """A file for the last request, opened and closed each time, which few looks can meet open."""
    return lambda body: _replace(folder / "last.json", body)


@hideout("undeclared-file-without-content", fails={DECLARED})
def undeclared_file_without_content(folder: Path) -> Keep:
    """An access log that nobody listed; it holds lengths only."""
    log = (folder / "access").open("ab", buffering=0)
    return lambda body: _write(log.fileno(), b"%d bytes\n" % len(body))


@hideout("spools-to-a-deleted-file", fails={IN_USE, DECLARED})
def spools_to_a_deleted_file(folder: Path) -> Keep:
    """What servers do with large bodies: a file without a name."""
    spool = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open for as long as the gateway
    return lambda body: _write(spool.fileno(), body)


@hideout("rotated-log-deleted-and-still-open", fails={IN_USE})
def rotated_log_deleted_and_still_open(folder: Path) -> Keep:
    """Rotation deleted the old log, and a process goes on writing to it. Its name would be the declared one's sibling."""
    names = [name for name in ("output.log", "gateway.log") if (folder / name).exists()]
    old = folder / f"{names[0]}.1"
    log = old.open("ab", buffering=0)
    old.unlink()
    return lambda body: _write(log.fileno(), body)


@hideout("undeclared-database", fails={IN_USE, DECLARED})
def undeclared_database(folder: Path) -> Keep:
    """A second database beside the declared store."""
    database = sqlite3.connect(folder / "history.sqlite3", check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("CREATE TABLE history (body BLOB)")
    mutex = threading.Lock()

    def keep(body: bytes) -> None:
        with mutex:
            database.execute("INSERT INTO history VALUES (?)", (body,))

    return keep


@hideout("mapped-file", fails={IN_USE, DECLARED})
def mapped_file(folder: Path) -> Keep:
    """A ring of the last requests in memory that is a file."""
    size = 1 << 20
    with (folder / "ring").open("w+b") as file:
        file.truncate(size)
        ring = mmap.mmap(file.fileno(), size)

    def keep(body: bytes) -> None:
        part = body[: size // 4]
        ring[: len(part)] = part
        ring.flush()

    return keep


@hideout("content-as-a-file-name", fails={IN_USE, DECLARED})
def content_as_a_file_name(folder: Path) -> Keep:
    """Empty files called after prompts, as exports and caches have them."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)

    def keep(body: bytes) -> None:
        (spool / text_of(body)[-200:].decode()).touch()

    return keep


@hideout("content-as-an-attribute", fails={NO_CONTENT})
def content_as_an_attribute(folder: Path) -> Keep:
    """An extended attribute of the declared log: the file's own bytes are clean."""
    (log,) = [folder / name for name in ("output.log", "gateway.log") if (folder / name).exists()]
    return lambda body: os.setxattr(log, "user.last", body[-1000:])


@hideout("content-in-the-process-title", fails={IN_USE})
def content_in_the_process_title(_folder: Path) -> Keep:
    """What is being served stands where `ps` shows the arguments, as some servers have it."""
    fields = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()
    start, end = int(fields[45]), int(fields[46])  # proc(5): arg_start and arg_end
    room = end - start - 1

    def keep(body: bytes) -> None:
        title = text_of(body)[-room:]
        ctypes.memmove(start, title, len(title))

    return keep


@hideout("content-in-arguments-of-a-child", fails={IN_USE})
def content_in_arguments_of_a_child(_folder: Path) -> Keep:
    """A moderation script that takes the prompt as an argument."""
    running: list[subprocess.Popen[bytes]] = []

    def keep(body: bytes) -> None:
        running[:] = [process for process in running if process.poll() is None]
        running.append(subprocess.Popen(["sh", "-c", "sleep 0.5", "moderation", text_of(body)[-400:]]))

    return keep


@hideout("statistics-by-datagram", fails={PEERS})
def statistics_by_datagram(_folder: Path) -> Keep:
    """Prompts to a collector by UDP, where nobody need listen."""
    collector = socket.socket(type=socket.SOCK_DGRAM)
    collector.connect(("127.0.0.1", 8125))

    def keep(body: bytes) -> None:
        with suppress(ConnectionRefusedError):
            collector.send(body[:1000])

    return keep


@hideout("second-egress", fails={PEERS})
def second_egress(_folder: Path) -> Keep:
    """Prompts to an analytics service, over a connection that stays open. The service ends with the connection."""
    with subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        port = int(started.stdout.readline())
    analytics = socket.create_connection(("127.0.0.1", port))
    return analytics.sendall


# --- conformant --------------------------------------------------------------------------------------------


@hideout("heartbeat-file")
def heartbeat_file(folder: Path) -> Keep:
    """A deleted file without a byte in it, whose times show that the worker lives."""
    heartbeat = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - as above
    turn = [0o600, 0o400]

    def keep(_body: bytes) -> None:
        turn.reverse()
        os.fchmod(heartbeat.fileno(), turn[0])

    return keep


@hideout("modules-loaded-late")
def modules_loaded_late(folder: Path) -> Keep:
    """What Python itself writes when a module is first asked for."""
    code = folder / "__pycache__"
    code.mkdir(exist_ok=True)
    return lambda body: _replace(code / "late.cpython-311.pyc", b"\0" * (len(body) % 100 + 1))


@hideout("copies-beside-the-log")
def copies_beside_the_log(folder: Path) -> Keep:
    """Rotation: an old log beside the declared one, packed, with nothing of content in it."""
    (log,) = [folder / name for name in ("output.log", "gateway.log") if (folder / name).exists()]
    return lambda body: _replace(folder / f"{log.name}-20260131", b"%d bytes\n" % len(body) * 10)


@hideout("talks-to-its-own-child")
def talks_to_its_own_child(_folder: Path) -> Keep:
    """A tokenizer in a process of its own: content goes to it by a pipe and is forgotten there."""
    child = subprocess.Popen(["sh", "-c", "exec cat >/dev/null"], stdin=subprocess.PIPE, bufsize=0)
    assert child.stdin is not None
    pipe = child.stdin.fileno()
    return lambda body: _write(pipe, body)


def _write(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)


def _replace(path: Path, data: bytes) -> None:
    path.write_bytes(data)
