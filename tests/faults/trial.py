"""One audit, disturbed or not, and what is wrong with how it went."""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from conformance import cli
from tests.faults.disturbances import Disturbance
from tests.faults.house import House, standing
from tests.twins.registry import Entry

_LONGEST = 180.0  # seconds; an audit that takes longer is taken for one that never ends
_SHUTDOWN = "Exception ignored in: <module 'threading'"  # the interpreter's own, where a signal comes after our last line
UNDISTURBED = Disturbance(name="undisturbed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an audit said, and what was wrong with the way it said it. `code` is negative where a signal ended it."""

    code: int
    claims: Mapping[str, str]
    checks: Mapping[str, str]
    seconds: float
    said: str
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


def either(one: Outcome, other: Outcome) -> Outcome:
    """Two undisturbed audits of a gateway as one that has the passes of both: a busy machine may cost one of them a pass."""
    return replace(
        one,
        claims={**one.claims, **dict.fromkeys(other.passes(), "pass")},
        checks={**one.checks, **{check: v for check, v in other.checks.items() if v == "pass"}},
        code=0 if 0 in {one.code, other.code} else one.code,
    )


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
        audit = _start(house, folder / "runs", seed, options)
        _await_beginning(audit, folder / "runs")
        began = time.monotonic()
        said = _strike_and_hear(audit, disturbance, house, expected)
        seconds = time.monotonic() - began
        house.mend()
        run = next(iter((folder / "runs").glob("*")), None)
        complaints = _of_output(audit.returncode, said)
        if run is not None:
            # A second signal or a late one ends the command after all was written, with a code that says nothing of the gate.
            cut_short = audit.returncode < 0 or "gateproof: interrupted\n" in (said or "")
            complaints += _of_folder(
                run, None if cut_short or not disturbance.spares_suite else audit.returncode
            )
            complaints += _of_keys(run, house, disturbance)
        return _outcome(run, audit.returncode, seconds, said or "", complaints)


def _start(house: House, runs: Path, seed: int, options: Sequence[str]) -> "subprocess.Popen[str]":
    command = [*_GATEPROOF, "audit", str(house.target), "--out", str(runs), "--seed", str(seed), *options]
    # Pipes, not files: a full disk must not swallow what is said about it.
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    )


_GATEPROOF = (sys.executable, "-m", "conformance.cli")


def _environment() -> dict[str, str]:
    """Ours, without the second TLS engine: it takes long, and no verdict of the first rests on it."""
    return {**os.environ, "GATEPROOF_SSLYZE": "/nonexistent"}


def _await_beginning(audit: "subprocess.Popen[str]", runs: Path) -> None:
    """Wait until an audit has made its run folder: one that has not begun cannot be disturbed."""
    while audit.poll() is None and not runs.exists():
        time.sleep(0.01)


def _strike_and_hear(
    audit: "subprocess.Popen[str]", disturbance: Disturbance, house: House, expected: float
) -> str | None:
    """Let the disturbance happen in its moment; what the audit printed, or None where it did not end in time."""
    if disturbance.strike is not None:
        try:
            return audit.communicate(timeout=disturbance.moment * expected)[0]
        except subprocess.TimeoutExpired:
            disturbance.strike(disturbance, house, audit)
    try:
        return audit.communicate(timeout=_LONGEST)[0]
    except subprocess.TimeoutExpired:
        audit.kill()
        audit.communicate()
        return None


def _of_output(code: int, said: str | None) -> list[str]:
    if said is None:
        return [f"the audit did not end within {_LONGEST:g} s"]
    ours = said.partition(_SHUTDOWN)[0]
    complaints = ["a traceback was printed"] if "Traceback" in ours else []
    complaints += ["exit code 4: a fault of the suite"] if code == 4 else []
    complaints += ["it ended without a word"] if code >= 0 and not said.strip() else []
    return complaints


def _of_folder(run: Path, code: int | None) -> list[str]:
    """A run can be judged again, to the same bytes and the same exit code where it ended by itself with one."""
    faults = _results(run)["run"]["faults"] if _results(run) else []
    complaints = [f"fault of the suite: {fault}" for fault in faults]
    before = _read(run / "results.json")
    if before and not _results(run):
        complaints.append("results.json is not whole")
    done = _gateproof("judge", run)
    complaints += ["`judge` printed a traceback"] if "Traceback" in done.said else []
    if code is not None and done.code != code:
        complaints.append(f"`judge` ended with {done.code}, the audit with {code}")
    if code is not None and _read(run / "results.json") != before:
        complaints.append("`judge` wrote other bytes than the audit")
    return complaints


def _of_keys(run: Path, house: House, disturbance: Disturbance) -> list[str]:
    """Keys that are alive after the audit are named by it, and `cleanup` ends them."""
    identity = run.name.rpartition("-")[2]
    left = house.keys_of(identity)
    named = frozenset(_results(run)["run"]["leftovers"] if _results(run) else ())
    complaints = (
        [f"{len(left - named)} keys were left and not named"]
        if left - named and disturbance.spares_suite
        else []
    )
    done = _gateproof("cleanup", run)
    if done.code != 0:
        complaints.append(f"`cleanup` ended with {done.code}: {(done.said.splitlines() or [''])[-1]}")
    still = house.keys_of(identity)
    return complaints + ([f"{len(still)} keys live on after `cleanup`"] if still else [])


@dataclass(frozen=True, slots=True)
class _Done:
    code: int
    said: str  # to standard error


def _gateproof(command: str, run: Path) -> _Done:
    """Run a command on a run folder in this process: one of its own takes longer to start than the command takes."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as errors:
        try:
            code = cli.main([command, str(run)])
        except Exception:  # noqa: BLE001 - what would have ended a process with a traceback is a complaint like any other
            code = 1
            traceback.print_exc()
    return _Done(code, errors.getvalue())


def _outcome(run: Path | None, code: int, seconds: float, said: str, complaints: Sequence[str]) -> Outcome:
    document = (_results(run) if run else {}) or {"claims": [], "checks": []}
    return Outcome(
        code=code,
        claims={claim["id"]: claim["verdict"] for claim in document["claims"]},
        checks={check["id"]: check["verdict"] for check in document["checks"]},
        seconds=seconds,
        said=said,
        complaints=tuple(complaints),
    )


def _results(run: Path) -> dict[str, Any]:
    """results.json; empty where there is none, or where it is not whole."""
    try:
        document: dict[str, Any] = json.loads(_read(run / "results.json"))
    except ValueError:
        return {}
    return document


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
