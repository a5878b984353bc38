"""How long the scenarios of spending take, and how often a race against a limit is seen."""

import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from conformance.commands.demo import standing
from tests.bench.measure import measurement
from tests.bench.recorded import GATEPROOF
from tests.twins.arena import listening, running
from tests.twins.ground import command, prepared, write_target
from tests.twins.registry import entry

_AUDITS = 8
_RACE = "spend.concurrent-limit-holds"
_HOW = f"share of {_AUDITS} audits that fail a gateway whose check and record of a limit lie {{}} ms apart"


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
    return _detected("limit-check-then-act-1ms")


@measurement("spend.detects_5ms", unit="of 1", target=0.95, better="higher", how=_HOW.format(5))
def detects_5ms() -> float:
    """A round trip to a store nearby."""
    return _detected("limit-check-then-act-5ms")


@measurement("spend.detects_20ms", unit="of 1", target=1, better="higher", how=_HOW.format(20))
def detects_20ms() -> float:
    """A round trip to a store elsewhere."""
    return _detected("limit-check-then-act-20ms")


def _detected(name: str) -> float:
    """The share of audits of a twin that see its flaw."""
    twin = entry("reference", name)
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        ground = prepared(Path(folder))
        with running(command(ground, twin), ground) as process:
            target_file = write_target(ground, twin, listening(process, ground))
            return sum(_caught(target_file, Path(folder) / f"runs{n}") for n in range(_AUDITS)) / _AUDITS


def _caught(target_file: Path, runs: Path) -> bool:
    audit = [*GATEPROOF, "audit", str(target_file), "--check", _RACE, "--sample", "3", "--out", str(runs)]
    subprocess.run(audit, check=False, capture_output=True)
    results = msgspec.json.decode((next(runs.iterdir()) / "results.json").read_bytes())
    return any(check["id"] == _RACE and check["verdict"] == "fail" for check in results["checks"])
