"""How long single probes take, and how often they see what is hard to see."""

import asyncio
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from conformance.commands.demo import standing
from conformance.evidence.folder import RunFolder
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.versions import observe_versions
from conformance.stage import open_stage
from conformance.target_file import load
from tests.bench.measure import measurement
from tests.bench.recorded import GATEPROOF
from tests.twins.arena import listening, running
from tests.twins.ground import command, prepared, write_target
from tests.twins.registry import entry

_AUDITS = 8
_CHECK = "spend.concurrent-limit-holds"


@measurement(
    "transport.version_probe_s",
    unit="s",
    target=0.3,
    better="lower",
    how="every old TLS version at every name of one address and port, with all controls, median of 5",
)
def version_probe_seconds() -> float:
    """The observation alone, against the reference gateway."""
    with (
        tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder,
        standing(Path(folder) / "target") as (target_file, _),
    ):
        return asyncio.run(_version_probe(target_file, Path(folder) / "run"))


async def _version_probe(target_file: Path, folder: Path) -> float:
    run = RunFolder(folder)
    run.evidence.mkdir(parents=True)
    run.private.mkdir()
    target = load(target_file)
    seconds = []
    async with open_stage(
        target, target_file=target_file, folder=run, run="bench", profile="quick", seed=1
    ) as stage:
        for _ in range(5):
            began = time.perf_counter()
            await observe_versions(stage.session, Patience())
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


@measurement(
    "spend.detects_30ms_race",
    unit="of 1",
    target=1,
    better="higher",
    how=f"share of {_AUDITS} audits that fail a gateway whose check and record of a limit lie 30 ms apart",
)
def race_detection() -> float:
    """The twin `limit-check-then-act`, audited again and again."""
    twin = entry("reference", "limit-check-then-act")
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        ground = prepared(Path(folder))
        with running(command(ground, twin), ground) as process:
            target_file = write_target(ground, twin, listening(process, ground))
            return sum(_caught(target_file, Path(folder) / f"runs{n}") for n in range(_AUDITS)) / _AUDITS


def _caught(target_file: Path, runs: Path) -> bool:
    audit = [*GATEPROOF, "audit", str(target_file), "--check", _CHECK, "--sample", "3", "--out", str(runs)]
    subprocess.run(audit, check=False, capture_output=True)
    results = msgspec.json.decode((next(runs.iterdir()) / "results.json").read_bytes())
    return any(check["id"] == _CHECK and check["verdict"] == "fail" for check in results["checks"])
