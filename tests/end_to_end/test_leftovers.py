"""Keys that an audit made: gone when it is told to stop, and named where they cannot be ended."""

import json
import signal
from pathlib import Path

from conformance.evidence.journal import leftovers
from tests.end_to_end.audits import keys_of_audits, made, start, wait
from tests.end_to_end.conftest import SECONDS, Command, House, only_run

_FEW = ("--claim", "K4")  # which makes keys, and does little else


def test_a_run_that_is_told_to_end_revokes_every_key(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, *_FEW)
    wait(lambda: made(runs) >= 20)
    audit.send_signal(signal.SIGTERM)
    output, errors = audit.communicate(timeout=SECONDS)

    results = json.loads((only_run(runs) / "results.json").read_text())
    assert audit.returncode == 3, output + errors
    assert results["run"]["interrupted"]
    assert results["run"]["leftovers"] == []
    assert keys_of_audits(house) == []


def test_keys_that_cannot_be_ended_are_named_with_what_ends_them(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, *_FEW)
    wait(lambda: made(runs) >= 20)
    house.process.kill()
    audit.send_signal(signal.SIGTERM)
    output, errors = audit.communicate(timeout=SECONDS)

    run = only_run(runs)
    left = [entry.name for entry in leftovers(run / "private" / "journal.jsonl")]
    results = json.loads((run / "results.json").read_text())
    assert audit.returncode == 3, output + errors
    assert left
    assert sorted(results["run"]["leftovers"]) == sorted(left)
    assert left[0] in errors
    assert f"gateproof cleanup {run}" in errors
    assert gateproof("cleanup", run).returncode == 3
