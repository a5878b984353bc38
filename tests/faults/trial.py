"""One audit, disturbed or not, and what is wrong with how it went."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.disturbances import Disturbance
from tests.faults.house import House, standing
from tests.twins.registry import Entry

_LONGEST = 180.0  # seconds; an audit that takes longer is taken for one that never ends
_CLEANUP_SECONDS = 60.0
UNDISTURBED = Disturbance(name="undisturbed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an audit said, and what was wrong with the way it said it. `code` is None where it was killed or never ended."""

    code: int | None
    claims: Mapping[str, str]
    checks: Mapping[str, str]
    seconds: float
    complaints: tuple[str, ...]

    def passes(self) -> frozenset[str]:
        """Claims that pass."""
        return frozenset(claim for claim, verdict in self.claims.items() if verdict == "pass")


def compare(disturbed: Outcome, calm: Outcome) -> tuple[str, ...]:
    """What a disturbed audit says better of a gateway than the undisturbed one: nothing may be."""
    found = [
        f"claim {claim} passes only when disturbed" for claim in sorted(disturbed.passes() - calm.passes())
    ]
    found += [
        f"check {check} passes although it fails undisturbed"
        for check, verdict in sorted(disturbed.checks.items())
        if verdict == "pass" and calm.checks.get(check) == "fail"
    ]
    if disturbed.code == 0 and calm.code != 0:
        found.append(f"exit code 0, undisturbed {calm.code}")
    return tuple(found)


def attempt(
    entry: Entry,
    folder: Path,
    disturbance: Disturbance,
    *,
    seed: int,
    expected: float,
    options: Sequence[str],
) -> Outcome:
    """Audit a gateway in a new folder under a disturbance; `expected` is what an undisturbed audit takes, in seconds."""
    with standing(
        entry, folder / "house", front=disturbance.front, back=disturbance.back, seed=seed
    ) as house:
        began = time.monotonic()
        audit = _start(house, folder, seed, options)
        ended = _strike_and_wait(audit, disturbance, house, expected)
        seconds = time.monotonic() - began
        complaints = [] if ended else [f"the audit did not end within {_LONGEST:g} s"]
        house.mend()
        run = next(iter((folder / "runs").glob("*")), None)
        complaints += _of_output(audit.returncode, folder)
        if run is not None:
            complaints += _of_folder(run, audit.returncode, disturbance)
            complaints += _of_keys(run, house, disturbance)
        return _outcome(run, audit.returncode if ended else None, seconds, complaints)


def _start(house: House, folder: Path, seed: int, options: Sequence[str]) -> "subprocess.Popen[bytes]":
    command = [
        *_GATEPROOF,
        "audit",
        str(house.target),
        "--out",
        str(folder / "runs"),
        "--seed",
        str(seed),
        *options,
    ]
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as errors:
        return subprocess.Popen(command, stdout=output, stderr=errors, env=_environment())


_GATEPROOF = (sys.executable, "-m", "conformance.cli")


def _environment() -> dict[str, str]:
    """Ours, without the second TLS engine: it takes long, and no verdict of the first rests on it."""
    return {**os.environ, "GATEPROOF_SSLYZE": "/nonexistent"}


def _strike_and_wait(
    audit: "subprocess.Popen[bytes]", disturbance: Disturbance, house: House, expected: float
) -> bool:
    """Let the disturbance happen in its moment; whether the audit ended by itself in time."""
    if disturbance.strike is not None:
        try:
            audit.wait(disturbance.moment * expected)
        except subprocess.TimeoutExpired:
            disturbance.strike(disturbance, house, audit)
    try:
        audit.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        audit.kill()
        audit.wait()
        return False
    return True


def _of_output(code: int, folder: Path) -> list[str]:
    output, errors = ((folder / name).read_text() for name in ("stdout", "stderr"))
    complaints = ["a traceback was printed"] if "Traceback" in errors else []
    complaints += ["exit code 4: a fault of the suite"] if code == 4 else []
    complaints += ["it ended without a word"] if code >= 0 and not (output + errors).strip() else []
    return complaints


def _of_folder(run: Path, code: int, disturbance: Disturbance) -> list[str]:
    """A run can be judged again to the same bytes; one that was cut short is at least told to be so."""
    before = _read(run / "results.json")
    done = _gateproof("judge", run)
    complaints = ["`judge` printed a traceback"] if "Traceback" in done.stderr else []
    if disturbance.spares_suite and (done.returncode != code or _read(run / "results.json") != before):
        complaints.append(f"`judge` ended with {done.returncode} and not with {code}, or with other bytes")
    faults = json.loads(before)["run"]["faults"] if before else []
    return complaints + [f"fault of the suite: {fault}" for fault in faults]


def _of_keys(run: Path, house: House, disturbance: Disturbance) -> list[str]:
    """Keys that are alive after the audit are named by it, and `cleanup` ends them."""
    identity = run.name.rpartition("-")[2]
    left = house.keys_of(identity)
    results = _read(run / "results.json")
    named = frozenset(json.loads(results)["run"]["leftovers"]) if results else frozenset()
    complaints = (
        [f"{len(left - named)} keys were left and not named"]
        if left - named and disturbance.spares_suite
        else []
    )
    done = _gateproof("cleanup", run)
    if done.returncode != 0:
        complaints.append(f"`cleanup` ended with {done.returncode}: {(done.stderr.splitlines() or [''])[-1]}")
    still = house.keys_of(identity)
    return complaints + ([f"{len(still)} keys live on after `cleanup`"] if still else [])


def _gateproof(command: str, run: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*_GATEPROOF, command, str(run)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_CLEANUP_SECONDS,
    )


def _outcome(run: Path | None, code: int | None, seconds: float, complaints: Sequence[str]) -> Outcome:
    results = _read(run / "results.json") if run else b""
    document = json.loads(results) if results else {"claims": [], "checks": []}
    return Outcome(
        code=code,
        claims={claim["id"]: claim["verdict"] for claim in document["claims"]},
        checks={check["id"]: check["verdict"] for check in document["checks"]},
        seconds=seconds,
        complaints=tuple(complaints),
    )


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
