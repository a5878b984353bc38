"""Starts the gateway as its users do, and speaks to it over its own TLS."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from reference_gateway import localhost_tls
from tests.reference_gateway.stub_provider import PROVIDER_KEY

ADMIN_TOKEN = "Zk3vQ9-rT7pLx2Wm8sYc4HnJ6bDfGa1U"
NANO = 10**9
# The price below, in nano-dollars per token.
PROMPT_NANO, COMPLETION_NANO = 1000, 2000

_MODEL = """
[[models]]
name = "{name}"
provider = "stub"
max_output_tokens = 100
prompt_overhead_tokens = 10
price = {{ prompt = "1.00", completion = "2.00" }}
"""


@dataclass
class RunningGateway:
    """A gateway process and how to reach it."""

    process: subprocess.Popen[bytes]
    port: int
    admin_port: int
    folder: Path

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        context = ssl.create_default_context(cafile=self.ca)
        return httpx.Client(base_url=self.origin, verify=context, headers=headers, timeout=20)

    def admin(self, token: str = ADMIN_TOKEN) -> httpx.Client:
        """A client of the admin plane."""
        client = self.client(token)
        client.base_url = f"https://127.0.0.1:{self.admin_port}"
        return client

    def new_key(self, limit: float | str | None = None, **fields: Any) -> tuple[str, str]:
        """(public id, key)."""
        body = json.dumps({"name": "a key", **fields})
        if limit is not None:
            body = body[:-1] + f', "limit": {limit}}}'
        with self.admin() as admin:
            answer = admin.post("/api/v1/keys", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["hash"], answer.json()["key"]

    def account(self, public_id: str) -> dict[str, Any]:
        with self.admin() as admin:
            data: dict[str, Any] = admin.get(f"/api/v1/keys/{public_id}").json()["data"]
        return data

    def stop(self) -> int:
        """A clean stop; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def write_config(folder: Path, stub_url: str, models: list[str], extra: str = "") -> Path:
    """A configuration beside the TLS material that `folder` already has."""
    (folder / "admin.token").write_text(ADMIN_TOKEN)
    (folder / "provider.key").write_text(PROVIDER_KEY)
    for name in ("admin.token", "provider.key"):
        (folder / name).chmod(0o600)
    text = f"""
[listen]
certificate = "server.pem"
private_key = "server.key"
workers = 2
[[admin.tokens]]
name = "first"
token_file = "admin.token"
[ledger]
path = "ledger.sqlite3"
[[providers]]
name = "stub"
base_url = "{stub_url}"
ca_file = "ca.pem"
api_key_file = "provider.key"
{extra}
"""
    path = folder / "gateway.toml"
    path.write_text(text + "".join(_MODEL.format(name=name) for name in models))
    return path


def write_tls(folder: Path) -> None:
    """CA and server certificate for gateway and stub."""
    localhost_tls.write(folder, localhost_tls.make())


@contextmanager
def running_gateway(config: Path, twin: Sequence[str] = ()) -> Iterator[RunningGateway]:
    """A gateway process, or a twin's; its output goes to files beside the configuration."""
    read, write = os.pipe()
    usual = ["-m", "reference_gateway", str(config), "--ready-fd", str(write)]
    command = [sys.executable, *([*twin, str(config), str(write)] if twin else usual)]
    folder = config.parent
    with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, pass_fds=(write,))
    os.close(write)
    with os.fdopen(read, "rb") as ready:
        line = ready.readline()
    try:
        assert line, (folder / "stderr").read_text()
        told = json.loads(line)
        yield RunningGateway(process, told["port"], told["admin_port"], folder)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def chat(model: str = "ordinary", **fields: Any) -> dict[str, Any]:
    """A small chat request."""
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}
