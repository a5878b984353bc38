"""More places beside the declared ones, farther away from a host's own folder."""

import atexit
import os
import subprocess
import tempfile
from pathlib import Path

from tests.twins.places import DECLARED, IN_USE, Keep, hideout


@hideout("file-in-shared-memory", fails={IN_USE, DECLARED})
def file_in_shared_memory(_folder: Path) -> Keep:
    """A cache between processes, which lies in memory and outlives them."""
    return _open_in("/dev/shm")


@hideout("file-in-the-temporary-folder", fails={IN_USE, DECLARED})
def file_in_the_temporary_folder(_folder: Path) -> Keep:
    """What a library spools to, which nobody thought of."""
    return _open_in(tempfile.gettempdir())


@hideout("child-that-keeps", fails={IN_USE, DECLARED})
def child_that_keeps(folder: Path) -> Keep:
    """A log shipper as a child: the gateway itself has no file open but a pipe."""
    child = subprocess.Popen(
        ["sh", "-c", 'exec cat >> "$0"', str(folder / "shipped")], stdin=subprocess.PIPE, bufsize=0
    )
    assert child.stdin is not None
    pipe = child.stdin.fileno()
    return lambda body: _write(pipe, body)


def _open_in(folder: str) -> Keep:
    """A file that goes with the process."""
    file = tempfile.NamedTemporaryFile(dir=folder, prefix="gateway-", buffering=0)  # noqa: SIM115 - closed at the end
    atexit.register(file.close)
    return lambda body: _write(file.fileno(), body)


def _write(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
