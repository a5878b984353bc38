"""How long single probes take."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from conformance.commands.demo import standing
from conformance.evidence.folder import RunFolder
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.versions import observe_versions
from conformance.stage import open_stage
from conformance.target_file import load
from tests.bench.measure import measurement


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
