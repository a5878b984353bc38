"""One demo, recorded once, for every measurement that needs a run."""

import atexit
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GATEPROOF = (sys.executable, "-m", "conformance.cli")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run folder, and the wall time that it took to make, in seconds."""

    run: Path
    seconds: float


@cache
def recorded() -> Recorded:
    """A demo of the quick profile. It goes away with this process."""
    folder = tempfile.TemporaryDirectory(prefix="gateproof-bench-")
    atexit.register(folder.cleanup)
    runs = Path(folder.name) / "runs"
    began = time.perf_counter()
    subprocess.run(
        [*GATEPROOF, "demo", "--quiet", "--out", str(runs)], check=False, stdout=subprocess.DEVNULL
    )
    return Recorded(next(runs.iterdir()), time.perf_counter() - began)
