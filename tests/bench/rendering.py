"""Rendering a run in every format, for an audit that found far too much."""

from reports.formats import FORMATS
from tests.bench.measure import measurement, median_seconds
from tests.reports.whole import many_findings


@measurement(
    "report.render_s",
    unit="s",
    target=2,
    better="lower",
    how="render 200 findings and 2,000 pieces of evidence in every format, median of 5",
)
def everything_seconds() -> float:
    """From results in memory to HTML, JUnit, SARIF, CSV, Markdown and the badge."""
    results = many_findings(200, 2_000)
    return median_seconds(lambda: [entry.render(results) for entry in FORMATS.values()])
