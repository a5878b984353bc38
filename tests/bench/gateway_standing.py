"""The reference gateway as an operator runs it: set up in a folder, started, asked for a key, stopped."""

import json
import os
import select
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.gateway_client import Server
from tests.bench.gateway_processes import on_cores
from tests.bench.gateway_provider import MODEL, Provider

_START_SECONDS = 20.0
_STOP_SECONDS = 60.0  # streams under way may be drained for their bills
_COMMAND = (sys.executable, "-m", "reference_gateway")
_MANY = "\n[bounds]\nmax_connections = 4000\n"


@dataclass(frozen=True, slots=True)
class Started:
    """A running gateway: where its two APIs listen, and its first process."""

    port: int
    admin_port: int
    process: int


@contextmanager
def gateway(provider: Provider, *flags: str, name: str = "gateway") -> Iterator[Server]:
    """A gateway, its state in a folder called `name`, and a key to it with a limit that is not reached."""
    folder = provider.folder / name
    set_up(folder, provider)
    with ExitStack() as stack:
        with on_cores(provider.cores):
            running = stack.enter_context(started(folder, *flags))
        yield Server(running.port, folder / "ca.pem", new_key(folder, running), running.process)


def set_up(folder: Path, provider: Provider) -> None:
    """Have the configuration written. Room is made for more connections than the usual 2,000."""
    folder.mkdir(parents=True)
    secret = folder / "provider.key"
    secret.touch(0o600)
    secret.write_text("bench-provider-key-" + os.urandom(16).hex())
    command = [
        *_COMMAND, "--init", str(folder), "--port", "0", "--provider-url", provider.url,
        "--provider-ca", str(provider.authority), "--provider-key-file", str(secret), "--model", MODEL,
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with (folder / "gateway.toml").open("a") as configuration:
        configuration.write(_MANY)


@contextmanager
def started(folder: Path, *flags: str) -> Iterator[Started]:
    """The gateway that was set up in `folder`, its events in `gateway.log` there. Stopped at the end."""
    reading, writing = os.pipe()
    command = [*_COMMAND, str(folder / "gateway.toml"), "--ready-fd", str(writing), *flags]
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[writing])
    os.close(writing)
    try:
        ready = json.loads(_line(reading, folder / "gateway.log"))
        yield Started(ready["port"], ready.get("admin_port", ready["port"]), process.pid)
    finally:
        os.close(reading)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _line(reading: int, log: Path) -> bytes:
    """The first line of a pipe; the log says why there is none."""
    readable, _, _ = select.select([reading], [], [], _START_SECONDS)
    line = os.read(reading, 4096) if readable else b""
    if not line:
        raise RuntimeError(f"the gateway did not start: {log.read_text()[-1000:].strip()}")
    return line


def new_key(folder: Path, running: Started) -> str:
    """A key made with the admin token; its limit is a million dollars, so that every call is held and settled."""
    trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    made = httpx.post(
        f"https://localhost:{running.admin_port}/api/v1/keys",
        json={"name": "bench", "limit": 1_000_000},
        headers={"authorization": f"Bearer {(folder / 'admin.token').read_text().strip()}"},
        verify=trust,
        trust_env=False,
    )
    key: str = made.raise_for_status().json()["key"]
    return key
