"""A gateway for one disturbed audit: on its own ground, behind roads with weather, to be killed and started again."""

import json
import re
import resource
import signal
import socket
import ssl
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from tests.faults.proxy import Road, road
from tests.faults.weather import Weather
from tests.twins.arena import HostTrouble, listening
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import Entry

_ROOT = Path(__file__).parents[2]
_START_SECONDS, _STOP_SECONDS = 30.0, 20.0
_MOST_PAGES = 50
_IMPATIENT = "timeout = 2.0\nseconds = 60.0\n"  # into [limits]: disturbed audits wait often


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where a host lists its keys, and how: independent of the dialects, since those are under test."""

    token: str
    path: str
    rows: str
    name: str
    first: int


_DESKS = {
    "reference": _Desk("admin.token", "/api/v1/keys?offset={at}", "data", "name", 0),
    "second": _Desk(
        "master.key", "/key/list?return_full_object=true&size=100&page={at}", "keys", "key_alias", 1
    ),
}


@dataclass(slots=True)
class House:
    """A host as a process, the target file that describes it, and the roads to it and from it."""

    entry: Entry
    ground: Ground
    arguments: list[str]
    roads: tuple[Road, ...]
    target: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start the host; from the second time on it listens where it did before."""
        with self.ground.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.arguments, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT
            )
        if not self.port:
            self.port = listening(self.process, self.ground)
            _keep_port(Path(self.arguments[-1]), self.port)
        _await_listener(self.process, self.ground, self.port)

    def send(self, number: signal.Signals) -> None:
        """Send the host a signal, if it lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End the host at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End the host in good order, or at once where it does not."""
        if self.process is None:
            return
        self.send(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def fill_disk(self, room: int) -> None:
        """From now on the host can write no file beyond `room` bytes."""
        if self.process is not None and self.process.poll() is None:
            limit_files(self.process.pid, room)

    def mend(self) -> None:
        """End every disturbance: calm roads, room on the disk, the host up."""
        for way in self.roads:
            way.calm()
        if self.process is None or self.process.poll() is not None:
            self.start()
        else:
            limit_files(self.process.pid, None)

    def keys_of(self, run: str) -> frozenset[str]:
        """Names of the keys of an audit that are alive, as the host's admin sees them. Raises httpx.HTTPError."""
        desk = _DESKS[self.entry.host]
        token = (self.ground.folder / "gateway" / desk.token).read_text().strip()
        names: list[str] = []
        port = self.ground.admin_port if self._key_api_apart() else self.port
        with httpx.Client(verify=_anybody(), trust_env=False, timeout=10) as client:
            client.headers["authorization"] = f"Bearer {token}"
            at = desk.first
            for _ in range(_MOST_PAGES):
                url = f"https://127.0.0.1:{port}{desk.path.format(at=at)}"
                rows = client.get(url).raise_for_status().json()[desk.rows]
                if not rows:
                    break
                names += [str(row[desk.name]) for row in rows]
                at += 1 if desk.first else len(rows)
        return frozenset(name for name in names if name.startswith(f"gateproof-{run}-"))

    def _key_api_apart(self) -> bool:
        return "admin_url" in tomllib.loads(self.target.read_text())["gateway"]


@contextmanager
def standing(
    entry: Entry, folder: Path, *, front: Weather | None, back: Weather | None, seed: int
) -> Iterator[House]:
    """A running host; where there is weather, the audit reaches it, or it the witness, over a road with that weather."""
    ground = prepared(folder)
    with ExitStack() as stack:
        roads = []
        told = ground
        if back is not None:
            roads.append(stack.enter_context(road(ground.witness_port, back, seed + 1)))
            told = replace(ground, witness_port=roads[0].port)
        house = House(
            entry=entry,
            ground=ground,
            arguments=command(told, entry),
            roads=(),
            target=folder / "target.toml",
        )
        stack.callback(house.stop)
        house.start()
        port, seen = house.port, ground
        if front is not None:
            roads.append(stack.enter_context(road(house.port, front, seed)))
            port = roads[-1].port
            roads.append(stack.enter_context(road(ground.admin_port, front, seed + 2)))
            seen = replace(ground, admin_port=roads[-1].port)
        house.roads = tuple(roads)
        write_target(seen, entry, port)
        house.target.write_text(house.target.read_text().replace("[limits]\n", f"[limits]\n{_IMPATIENT}"))
        yield house


def limit_files(process: int, room: int | None) -> None:
    """Let a process write no file beyond `room` bytes, to it a full disk (EFBIG; CPython ignores SIGXFSZ); None: as before."""
    with suppress(ProcessLookupError):  # it ended just now
        hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard if room is None else room, hard))


def _keep_port(config: Path, port: int) -> None:
    """Write into a host's configuration that it listens on this port."""
    text = config.read_text()
    if config.suffix == ".json":
        config.write_text(json.dumps({**json.loads(text), "port": port}))
    else:
        config.write_text(re.sub(r"(?m)^port = 0$", f"port = {port}", text))


def _await_listener(process: "subprocess.Popen[bytes]", ground: Ground, port: int) -> None:
    """Wait until a host accepts connections. Raises HostTrouble where it ends instead, or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise HostTrouble(f"the host did not start: {ground.log.read_text(errors='replace').strip()[-500:]}")


def _anybody() -> ssl.SSLContext:
    """Trust for whoever answers: a twin's certificate may be its flaw, and it is our own process on this machine."""
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust
