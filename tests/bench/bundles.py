"""How fast a bundle is verified."""

import tempfile
from pathlib import Path

from conformance.evidence.bundle.verify import verify
from tests.bench.measure import measurement, median_seconds
from tests.evidence.bundle.sealing import finished, new_key

_MEGABYTES = 256
_LINE = b"evidence of what was seen, again and again, as plain as a log may be\n"


@measurement(
    "verify.mb_s",
    unit="MB/s",
    target=300,
    better="higher",
    how=f"verify a bundle of {_MEGABYTES} MB on one core, files warm, median of 5",
)
def verify_speed() -> float:
    """From a folder on disk to a verified bundle."""
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        signer = new_key()
        heavy = _LINE * (_MEGABYTES * 10**6 // len(_LINE))
        run = finished(Path(folder) / "runs")
        bundle = run.sealed(Path(folder), signer, renderings={"heavy.txt": heavy})
        return _MEGABYTES / median_seconds(lambda: verify(bundle, key=signer.public))
