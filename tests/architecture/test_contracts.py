"""The import contracts of pyproject.toml: they hold, and each of them would notice."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

_PACKAGES = ("conformance", "reference_gateway", "reports")
# For each contract a module, and a line that breaks it there.
_BREACHES = {
    "Gateway and suite never import each other": ("reference_gateway/money.py", "conformance.model.money"),
    "Reports see the model and nothing else of the suite": ("reports/words.py", "conformance.judge"),
    "Checks are pure: no probe, no collector, no network, no file": ("conformance/checks/usage.py", "httpx"),
    "Canaries and the scan engine are pure": ("conformance/canary/mint.py", "socket"),
    "Only the command line starts audits": ("conformance/checks/spend.py", "conformance.audit"),
    "The gateway knows no reports": ("reference_gateway/app.py", "reports.words"),
    "The content plane has nowhere to put content": ("reference_gateway/content/relay.py", "logging"),
    "Sealed content has few openers": ("reference_gateway/web/faults.py", "reference_gateway.content.opener"),
    "The planes speak through the wire": (
        "reference_gateway/ledger/book.py",
        "reference_gateway.content.relay",
    ),
    "The ledger knows no HTTP": ("reference_gateway/ledger/keys.py", "aiohttp"),
    "The pure core does no I/O": ("reference_gateway/credential.py", "socket"),
    "Layers of the gateway": ("reference_gateway/events.py", "reference_gateway.app"),
}


def test_every_contract_is_kept() -> None:
    done = _lint(ROOT)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy in which every contract is broken once."""
    copy = tmp_path_factory.mktemp("copy")
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, imported in _BREACHES.values():
        with (copy / path).open("a") as module:
            module.write(f"\nimport {imported}\n")
    done = _lint(copy)
    assert done.returncode == 1
    return done.stdout


@pytest.mark.parametrize("contract", _BREACHES)
def test_a_contract_notices_its_breach(contract: str, broken: str) -> None:
    assert f"{contract} BROKEN" in broken


def test_every_contract_is_tried() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {contract["name"] for contract in written} == set(_BREACHES)


def _lint(place: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(place), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
