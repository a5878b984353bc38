"""Runs that do not end as planned: killed, interrupted, or left alone by their target."""

import json
import signal
from pathlib import Path

from tests.end_to_end.audits import keys_of_audits, made, observed, start, wait
from tests.end_to_end.conftest import SECONDS, Command, House, only_run


def test_after_a_sigkill_cleanup_leaves_no_key_alive(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, "--sample", "10")
    wait(lambda: made(runs) >= 6)
    audit.kill()
    audit.communicate()
    left = keys_of_audits(house)

    done = gateproof("cleanup", only_run(runs))

    assert left
    assert done.returncode == 0, done.stderr
    assert keys_of_audits(house) == []
    assert gateproof("cleanup", only_run(runs)).stdout.strip() == "0 gone, 0 may be left"


def test_a_key_whose_creation_was_never_confirmed_is_found_by_its_name(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, "--sample", "10")
    wait(lambda: made(runs) >= 6)
    audit.kill()
    audit.communicate()
    journal = only_run(runs) / "private" / "journal.jsonl"
    # As if the process had died between each request and its answer.
    journal.write_text(
        "".join(line + "\n" for line in journal.read_text().splitlines() if '"made"' not in line)
    )

    done = gateproof("cleanup", only_run(runs))

    assert done.returncode == 0, done.stderr
    assert keys_of_audits(house) == []


def test_an_interrupted_run_keeps_what_it_saw_revokes_its_keys_and_can_go_on(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, "--sample", "10")
    wait(lambda: observed(runs, "TlsVersions") and made(runs) >= 4)
    audit.send_signal(signal.SIGINT)
    output, _ = audit.communicate(timeout=SECONDS)
    run = only_run(runs)
    interrupted = json.loads((run / "results.json").read_text())
    seen = (run / "evidence" / "TlsVersions.json").read_bytes()
    left = keys_of_audits(house)

    resumed = gateproof("audit", house.target, "--resume", run, "--sample", "10")

    assert audit.returncode == 3, output
    assert interrupted["run"]["interrupted"]
    assert left == []
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert (run / "evidence" / "TlsVersions.json").read_bytes() == seen


def test_a_target_that_dies_in_the_middle_is_not_decided(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    audit = start(house.target, runs, "--sample", "10")
    wait(lambda: observed(runs, "ClearText") and made(runs) >= 4)
    house.process.kill()
    output, errors = audit.communicate(timeout=SECONDS)

    assert audit.returncode == 3, output + errors
    assert "Traceback" not in errors
    assert "not decided" in output


def test_a_limit_that_is_reached_decides_nothing_and_still_lets_every_key_be_revoked(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    house.target.write_text(house.target.read_text().replace("requests = 60000", "requests = 650"))

    done = gateproof("audit", house.target, "--out", tmp_path / "runs", "--sample", "10")

    assert done.returncode == 3, done.stdout
    assert "the declared limit on requests (650) was reached" in done.stderr
    assert keys_of_audits(house) == []
