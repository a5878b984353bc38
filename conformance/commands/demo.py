"""`gateproof demo`: the reference gateway, started on loopback and audited like anybody's."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.commands.audit import audit_target
from conformance.target_file import OperatorError, load
from conformance.witness.pki import make_authority

_MODEL = "demo-model"
_START_SECONDS = 20.0
_TARGET = """\
# The demo's target: the reference gateway on this machine, its provider replaced by the witness.
name = "reference gateway"
environment = "test"

[gateway]
base_urls = ["https://localhost:{port}"]
admin_url = "https://localhost:{admin_port}"
ca_file = "gateway/ca.pem"
cleartext_ports = []
resolve = {{ localhost = ["127.0.0.1"] }}

[credentials]
admin = {{ file = "gateway/admin.token" }}

[[inference]]
kind = "chat"
path = "/v1/chat/completions"

[[inference]]
kind = "completions"
path = "/v1/completions"

[[inference]]
kind = "responses"
path = "/v1/responses"

[[inference]]
kind = "embeddings"
path = "/v1/embeddings"

[[inference]]
kind = "messages"
path = "/v1/messages"

[[inference]]
kind = "models"
path = "/v1/models"
billable = false

[models.{model}]
prompt_price = "1"
completion_price = "2"
max_output = 4096

[witness]
listen = "127.0.0.1:{witness}"
certificate = "witness/server.pem"
private_key = "witness/server.key"
api_key = {{ file = "provider.key" }}

[dialect]
use = "openrouter"

[[surfaces]]
kind = "files"
locator = "gateway/gateway.log"
role = "log"

[[surfaces]]
kind = "sqlite"
locator = "gateway/ledger.sqlite3"
role = "account"

[claims]
hsts_min_age = 31536000
usage_lag = 2
revocation_latency = 0.25

[gate]
require = ["T1", "T2", "T3", "T4", "K1", "K2", "K3", "K4", "K5", "S1", "S2", "Z1", "Z2"]

[limits]
requests = 60000
rate = 2000
connections = 24
money = "200"
"""


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where the reference gateway listens."""

    content: int
    admin: int


def run(options: argparse.Namespace) -> int:
    """Start the reference gateway, audit it, stop it."""
    with _place(options.keep_target) as place, standing(place) as (target_file, _):
        return audit_target(options, load(target_file), target_file)


@contextmanager
def standing(place: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """The reference gateway, running with its state in the folder `place`: (target file, process)."""
    authority = make_authority(place / "witness")
    witness_port = _free_port()
    (place / "provider.key").write_text("demo-provider-key-" + os.urandom(16).hex())
    (place / "provider.key").chmod(0o600)
    _init(place, f"https://127.0.0.1:{witness_port}/v1", authority.root)
    with _gateway(place) as (ports, process):
        target_file = place / "target.toml"
        target_file.write_text(
            _TARGET.format(port=ports.content, admin_port=ports.admin, witness=witness_port, model=_MODEL)
        )
        yield target_file, process


@contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    """A folder for the demo's state: a new one that goes away, or the one that was asked for."""
    if kept is not None:
        try:
            kept.mkdir(parents=True, exist_ok=False)
        except OSError as trouble:
            raise OperatorError(f"cannot make a new folder {kept}: {trouble.strerror or trouble}") from None
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="gateproof-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _init(place: Path, provider_url: str, provider_ca: Path) -> None:
    command = [
        sys.executable, "-m", "reference_gateway", "--init", str(place / "gateway"), "--port", "0",
        "--provider-url", provider_url, "--provider-ca", str(provider_ca.resolve()),
        "--provider-key-file", str((place / "provider.key").resolve()), "--model", _MODEL,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OperatorError(f"the reference gateway could not be set up: {done.stderr.strip()}")


@contextmanager
def _gateway(place: Path) -> Iterator[tuple[_Ports, "subprocess.Popen[bytes]"]]:
    """The reference gateway as a process, its output in a log file, and the ports it listens on."""
    log = place / "gateway" / "gateway.log"
    command = [sys.executable, "-m", "reference_gateway", str(place / "gateway" / "gateway.toml")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _listening(process, log), process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(process: "subprocess.Popen[bytes]", log: Path) -> _Ports:
    import time

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if '"listening"' in line:
                told = json.loads(line)
                return _Ports(told["port"], told["admin_port"])
        time.sleep(0.02)
    raise OperatorError(
        f"the reference gateway did not start: {log.read_text(errors='replace').strip()[:300]}"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
