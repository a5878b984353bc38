"""What a command of the operator prints: logs of containers and clusters, exports of stores that have no kind of their own.

It is run as declared, from the folder of the target file: an argument list and no shell, nothing on its input, and of our
environment only what programs need to find their own settings, so that no credential of the audit reaches it.
"""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from conformance.collectors.file_bytes import why
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import CHUNK, Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface

_GIVEN = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "KUBECONFIG", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "CONTAINER_HOST",
)  # fmt: skip


def _measure(surface: Surface, _base: Path) -> SurfaceSize:
    """One item where the command is there: it is not run to learn how much it would print."""
    return SurfaceSize(bytes=0, items=int(shutil.which(surface.command[0]) is not None))


@surface_kind("command", accounts=lambda _surface, _base: Accounted(output=True), measure=_measure)
def read_command(surface: Surface, base: Path, _skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """The command's standard output, once."""
    yield Item(name=surface.locator, open=lambda: _printed(surface, base))


def environment(surface: Surface) -> Mapping[str, str]:
    """The environment of a surface's command."""
    return {name: os.environ[name] for name in (*_GIVEN, *surface.environment) if name in os.environ}


def _printed(surface: Surface, base: Path) -> Iterator[bytes]:
    until = time.monotonic() + surface.most_seconds
    try:
        process = subprocess.Popen(
            surface.command,
            cwd=base,
            env=environment(surface),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise UnreadableError(f"the command could not be run: {why(error)}") from None
    try:
        yield from _until(process, until)
        status = process.wait(max(0.0, until - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        raise UnreadableError("the command did not end within `most_seconds`") from None
    finally:
        _end(process)
    if status:
        raise UnreadableError(f"the command ended with status {status}")


def _until(process: "subprocess.Popen[bytes]", until: float) -> Iterator[bytes]:
    """What a process prints. Raises TimeoutError where it goes on beyond a time of the monotonic clock."""
    output = process.stdout
    assert output is not None  # noqa: S101 - it was started with a pipe
    while True:
        ready, _, _ = select.select([output], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(output.fileno(), CHUNK)
        if not chunk:
            return
        yield chunk


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the command and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
