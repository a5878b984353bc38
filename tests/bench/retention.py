"""How long a person waits to hear whether a gateway keeps what passes through it."""

import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from conformance.commands.demo import standing
from tests.bench.measure import NothingHereError, measurement
from tests.bench.recorded import GATEPROOF

_CHECK = "retention.surfaces-hold-no-content"
_HOW = "wall time of every check of zero retention against the reference gateway, {} profile, its scan included, once"


@measurement("retention.demo_s", unit="s", target=15, better="lower", how=_HOW.format("quick"))
def demo_seconds() -> float:
    """The command, on a gateway that stands already."""
    return _audited("quick")


@measurement("retention.standard_s", unit="s", target=60, better="lower", how=_HOW.format("standard"))
def standard_seconds() -> float:
    """The same with five times as many calls per path."""
    return _audited("standard")


def _audited(profile: str) -> float:
    """Seconds of an audit that ends in a verdict: one that was cut short is no measurement."""
    with (
        tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder,
        standing(Path(folder) / "target") as (target_file, _),
    ):
        runs = Path(folder) / "runs"
        audit = [*GATEPROOF, "audit", str(target_file), "--claim", "Z1", "--profile", profile, "--quiet"]
        began = time.perf_counter()
        subprocess.run([*audit, "--out", str(runs)], check=False, capture_output=True)
        seconds = time.perf_counter() - began
        if (verdict := _verdict(runs)) != "pass":
            raise NothingHereError(f"{_CHECK} ended with {verdict}")
        return seconds


def _verdict(runs: Path) -> str:
    results = msgspec.json.decode((next(runs.iterdir()) / "results.json").read_bytes())
    return next(str(check["verdict"]) for check in results["checks"] if check["id"] == _CHECK)
