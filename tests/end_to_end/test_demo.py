"""The demo, and everything that can be done with its run afterwards."""

import json
from pathlib import Path

import jsonschema
import pytest

from conformance.model.results import json_schema
from tests.end_to_end.conftest import Command, only_run

GATED = ["T1", "T2", "T3", "T4", "K1", "K2", "K3", "K4", "K5", "S1", "S2", "Z1", "Z2"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int, Path]:
    """One demo: what it printed, its exit code, its run folder."""
    import subprocess
    import sys

    runs = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "conformance.cli", "demo", "--sample", "10", "--out", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr, done.returncode, only_run(runs)


def test_the_reference_gateway_keeps_every_gated_promise(demo: tuple[str, int, Path]) -> None:
    output, code, run = demo
    results = json.loads((run / "results.json").read_text())

    assert code == 0, output
    assert results["gate"]["claims"] == GATED
    assert {c["verdict"] for c in results["claims"] if c["gated"]} == {"pass"}
    assert output.strip().splitlines()[-1].startswith(f"conforms: {len(GATED)} of 30 claims")


def test_results_follow_the_published_schema(demo: tuple[str, int, Path]) -> None:
    results = json.loads((demo[2] / "results.json").read_text())

    jsonschema.validate(results, json.loads(json_schema()))
    assert results["schema"] == 1


def test_every_reference_to_evidence_holds(demo: tuple[str, int, Path]) -> None:
    import hashlib

    run = demo[2]
    results = json.loads((run / "results.json").read_text())
    references = [reference for check in results["checks"] for reference in check["evidence"]]

    assert references
    assert all(hashlib.sha256((run / r["path"]).read_bytes()).hexdigest() == r["sha256"] for r in references)


def test_judging_again_gives_the_same_bytes(demo: tuple[str, int, Path], gateproof: Command) -> None:
    run = demo[2]
    before = (run / "results.json").read_bytes()

    done = gateproof("judge", run)

    assert done.returncode == 0
    assert (run / "results.json").read_bytes() == before


def test_no_secret_of_the_run_stands_in_its_evidence_or_renderings(demo: tuple[str, int, Path]) -> None:
    run = demo[2]
    secrets = [entry["secret"] for entry in json.loads((run / "private" / "secrets.json").read_text())]
    shown = [path for path in run.rglob("*") if path.is_file() and "private" not in path.parts]

    assert len(secrets) > 10
    assert not [(path.name) for path in shown for secret in secrets if secret.encode() in path.read_bytes()]


def test_private_files_can_be_read_by_their_owner_alone(demo: tuple[str, int, Path]) -> None:
    private = demo[2] / "private"

    assert private.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in private.iterdir())


def test_forgetting_destroys_the_private_half_and_judging_still_works(
    demo: tuple[str, int, Path], gateproof: Command, tmp_path: Path
) -> None:
    import shutil

    run = tmp_path / demo[2].name
    shutil.copytree(demo[2], run)

    forgotten, judged = gateproof("forget", run), gateproof("judge", run)

    assert forgotten.returncode == 0
    assert not (run / "private").exists()
    assert judged.returncode == 0
