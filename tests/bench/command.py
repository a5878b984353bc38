"""How long a person waits for the command."""

import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.measure import measurement, median_seconds
from tests.bench.recorded import GATEPROOF, recorded


@measurement(
    "cli.help_s", unit="s", target=0.5, better="lower", how="wall time of `gateproof --help`, median of 5"
)
def help_seconds() -> float:
    """A whole process, from start to end."""
    command = [*GATEPROOF, "--help"]
    return median_seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


@measurement(
    "audit.demo_s",
    unit="s",
    target=60,
    better="lower",
    how="wall time of a whole `gateproof demo`, quick profile, once: gateway started, audited, stopped",
)
def demo_seconds() -> float:
    """As `make audit` runs it, the second TLS engine included where it is installed."""
    return recorded().seconds


@measurement(
    "audit.start_s",
    unit="s",
    target=1,
    better="lower",
    how="from the start of `gateproof demo`, gateway included, to the first request that the gateway tells of; median of 3",
)
def start_seconds() -> float:
    """What passes before an audit begins to look."""
    return statistics.median(_until_first_request() for _ in range(3))


def _until_first_request() -> float:
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        place = Path(folder) / "target"
        began = time.perf_counter()
        demo = subprocess.Popen(
            [*GATEPROOF, "demo", "--quiet", "--keep-target", str(place), "--out", f"{folder}/runs"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return _told_of_a_request(place / "gateway" / "gateway.log", demo) - began
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()


def _told_of_a_request(log: Path, demo: "subprocess.Popen[bytes]") -> float:
    while demo.poll() is None:
        if log.exists() and '"event":"request"' in log.read_text(errors="replace"):
            return time.perf_counter()
        time.sleep(0.005)
    raise RuntimeError("the demo ended before it sent a request")
