"""Audits as processes that are waited for in the middle, and what they leave on the gateway."""

import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.end_to_end.conftest import SECONDS, House


def start(target: Path, runs: Path, *more: str) -> "subprocess.Popen[str]":
    """An audit that has begun."""
    command = [sys.executable, "-m", "conformance.cli", "audit", str(target), "--out", str(runs), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait(until: Callable[[], bool]) -> None:
    """Until something is so; it is an error where that takes too long."""
    deadline = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def made(runs: Path) -> int:
    """How many keys the journal says were made."""
    journals = list(runs.glob("*/private/journal.jsonl"))
    return journals[0].read_text().count('"made"') if journals else 0


def observed(runs: Path, evidence: str) -> bool:
    """Whether an observation has ended."""
    return bool(list(runs.glob(f"*/evidence/{evidence}.json")))


def keys_of_audits(house: House) -> list[str]:
    """Names of keys that audits left on the gateway, asked as its admin."""
    folder = house.target.parent
    origin = tomllib.loads(house.target.read_text())["gateway"]["admin_url"]
    trust = ssl.create_default_context(cafile=str(folder / "gateway" / "ca.pem"))
    token = (folder / "gateway" / "admin.token").read_text().strip()
    with httpx.Client(verify=trust, headers={"authorization": f"Bearer {token}"}, trust_env=False) as client:
        rows = client.get(f"{origin}/api/v1/keys").json()["data"]
    return [row["name"] for row in rows if row["name"].startswith("gateproof-")]
