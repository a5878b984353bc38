"""How long the scenarios of spending take, and how often a race against a limit is seen."""

import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import msgspec

from conformance.commands.demo import standing
from conformance.model.races import Race, Races, at_least
from tests.bench.measure import measurement
from tests.bench.recorded import GATEPROOF
from tests.twins.arena import listening, running
from tests.twins.ground import command, prepared, write_target
from tests.twins.registry import entry

WINDOWS = (1, 5, 20, 50)  # milliseconds for which there is a twin
_AUDITS = 8
_RACE, _PROFILE = "spend.concurrent-limit-holds", "quick"
_HOW = (
    f"share of {_AUDITS} audits of the {_PROFILE} profile that fail a gateway whose check and record of a limit lie "
    "{} ms apart"
)


@measurement(
    "spend.demo_s",
    unit="s",
    target=20,
    better="lower",
    how="wall time of every check of spending against the reference gateway, standard profile, once",
)
def demo_seconds() -> float:
    """The command, on a gateway that stands already."""
    with (
        tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder,
        standing(Path(folder) / "target") as (target_file, _),
    ):
        audit = ["audit", str(target_file), "--check", "spend.*", "--profile", "standard"]
        began = time.perf_counter()
        subprocess.run(
            [*GATEPROOF, *audit, "--quiet", "--out", f"{folder}/runs"], check=False, capture_output=True
        )
        return time.perf_counter() - began


@measurement("spend.detects_1ms", unit="of 1", target=0.5, better="higher", how=_HOW.format(1))
def detects_1ms() -> float:
    """A window that a busy event loop is seldom shorter than."""
    return caught(1, _AUDITS) / _AUDITS


@measurement("spend.detects_5ms", unit="of 1", target=0.95, better="higher", how=_HOW.format(5))
def detects_5ms() -> float:
    """A round trip to a store nearby."""
    return caught(5, _AUDITS) / _AUDITS


@measurement("spend.detects_20ms", unit="of 1", target=1, better="higher", how=_HOW.format(20))
def detects_20ms() -> float:
    """A round trip to a store elsewhere."""
    return caught(20, _AUDITS) / _AUDITS


@measurement("spend.detects_50ms", unit="of 1", target=1, better="higher", how=_HOW.format(50))
def detects_50ms() -> float:
    """A round trip to another region."""
    return caught(50, _AUDITS) / _AUDITS


def races(audits: int) -> Races:
    """How surely an audit sees a race, by so many audits of a twin of each window; told on standard error as it goes."""
    return Races(
        suite=version("gateproof"),
        check=_RACE,
        profile=_PROFILE,
        cores=os.cpu_count() or 1,
        windows=tuple(_race(window, audits) for window in WINDOWS),
    )


def _race(window_ms: int, audits: int) -> Race:
    seen = caught(window_ms, audits)
    print(f"{window_ms} ms: caught in {seen} of {audits} audits", file=sys.stderr, flush=True)
    return Race(window_ms=window_ms, audits=audits, caught=seen, at_least=at_least(seen, audits))


def caught(window_ms: int, audits: int) -> int:
    """How many audits of the twin whose check and record lie so far apart see its flaw."""
    twin = entry("reference", f"limit-check-then-act-{window_ms}ms")
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        ground = prepared(Path(folder))
        with running(command(ground, twin), ground) as process:
            target_file = write_target(ground, twin, listening(process, ground))
            return sum(_caught(target_file, Path(folder) / f"runs{n}") for n in range(audits))


def _caught(target_file: Path, runs: Path) -> bool:
    audit = [*GATEPROOF, "audit", str(target_file), "--check", _RACE, "--profile", _PROFILE]
    subprocess.run([*audit, "--out", str(runs)], check=False, capture_output=True)
    results = msgspec.json.decode((next(runs.iterdir()) / "results.json").read_bytes())
    return any(check["id"] == _RACE and check["verdict"] == "fail" for check in results["checks"])
