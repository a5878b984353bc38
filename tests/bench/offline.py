"""What happens after the looking: judging evidence, rendering a report."""

import msgspec

from conformance.audit import reassess
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from reports.html import render
from tests.bench.measure import measurement, median_seconds
from tests.bench.recorded import recorded


@measurement(
    "judge.s", unit="s", target=1, better="lower", how="judge and assess a recorded demo, median of 5"
)
def judge_seconds() -> float:
    """From recorded evidence to results.json, written."""
    folder = RunFolder(recorded().run)
    return median_seconds(lambda: reassess(folder))


@measurement(
    "report.demo_s", unit="s", target=1, better="lower", how="render the HTML report of a demo, median of 5"
)
def render_seconds() -> float:
    """From results.json to HTML in memory."""
    results = msgspec.json.decode((recorded().run / "results.json").read_bytes(), type=Results)
    return median_seconds(lambda: render(results))
