"""All that a gateway's processes write, wherever it lies: what the search has to look through."""

import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.reference_gateway.everyway import children
from tests.reference_gateway.gateway import RunningGateway

# What the operator put there, secrets included.
_GIVEN: Final = frozenset(
    {"admin.token", "provider.key", "server.key", "server.pem", "ca.pem", "gateway.toml"}
)
_ABOUT: Final = ("cmdline", "comm", "environ", "status")
_SHARED: Final = (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")
_ADMIN: Final = ("/metrics", "/api/v1/audit", "/api/v1/keys", "/api/v1/accounts", "/openapi.json", "/health")
_CONTENT: Final = ("/openapi.json", "/health")
_NAMELESS: Final = " (deleted)"
_SECONDS: Final = 0.05  # between looks at what is open


def of_folder(folder: Path) -> dict[str, bytes]:
    """Every file below the gateway's folder but for what it was given: output, database, temporary files."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in _GIVEN)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def processes(gateway: RunningGateway) -> list[int]:
    """The supervisor and its children."""
    return [gateway.process.pid, *children(gateway)]


def of_kernel(gateway: RunningGateway) -> dict[str, bytes]:
    """What the kernel tells of the processes; others than root are not told the environment."""
    return {
        str(path): data
        for pid in processes(gateway)
        for path in (Path(f"/proc/{pid}/{name}") for name in _ABOUT)
        if (data := _read(path)) is not None
    }


def of_interfaces(gateway: RunningGateway) -> dict[str, bytes]:
    """What the gateway tells of itself to administrators, and to everybody."""
    with gateway.admin() as admin, gateway.client() as client:
        told = {f"admin {path}": admin.get(path).content for path in _ADMIN}
        return told | {f"content {path}": client.get(path).content for path in _CONTENT}


class Watch:
    """Looks again and again at which files the processes have open, those without a name included.

    Only root can see that. `files` are the last bytes of those that the gateway's folder will not have, `looks` is
    how often there was something to see.
    """

    def __init__(self, gateway: RunningGateway) -> None:
        self.files: dict[str, bytes] = {}
        self.looks = 0
        self._gateway = gateway
        self._done = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, a thread looks."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_SECONDS) and self._gateway.process.poll() is None:
            for pid in processes(self._gateway):
                self._look(pid)

    def _look(self, pid: int) -> None:
        try:
            opened = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:  # it has ended, or we are not root
            return
        self.looks += 1
        for descriptor in opened:
            try:
                name = str(descriptor.readlink())
                if stat.S_ISREG(descriptor.stat().st_mode) and not self._stays(name):
                    self.files[f"{pid} {name}"] = descriptor.read_bytes()
            except OSError:  # closed meanwhile
                continue

    def _stays(self, name: str) -> bool:
        """Whether it will be found in the gateway's folder."""
        return name.startswith(str(self._gateway.folder)) and not name.endswith(_NAMELESS)


@contextmanager
def shared_folders(into: dict[str, bytes]) -> Iterator[None]:
    """Inside, notes which files come to be where all processes may make some; afterwards reads them."""
    before = set(_shared_files())
    yield
    for path in set(_shared_files()) - before:
        data = _read(path)
        if data is not None:
            into[str(path)] = data


def _shared_files() -> Iterator[Path]:
    for folder in dict.fromkeys(map(Path, _SHARED)):
        # Ours and other tests' folders lie deeper.
        yield from (path for path in folder.glob("*") if path.is_file() and not path.is_symlink())


def cores() -> list[Path]:
    """Core files where a process of ours would leave one, if the system does not say otherwise."""
    return [path for path in Path().glob("core*") if path.is_file()]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def everybody_may_look() -> bool:
    """Whether the kernel lets us see all of it."""
    return os.geteuid() == 0
