"""The formats in which a run can be rendered: a table. Each is a function of `Results` alone."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.model.results import Results
from reports import annotations, badge, html, junit, markdown, sarif, tables


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the name of its file in the run folder, what it is for, and its renderer."""

    file: str
    what: str
    render: Callable[[Results], str]


FORMATS = {
    "html": Format("report.html", "the report, for people", html.render),
    "junit": Format("junit.xml", "JUnit XML, for CI", junit.render),
    "sarif": Format("results.sarif", "SARIF 2.1.0, for code scanning", sarif.render),
    "csv": Format("action-plan.csv", "what to do, worst first, for a spreadsheet", tables.action_plan),
    "controls": Format("controls.csv", "one row per control and check, for an auditor", tables.control_table),
    "markdown": Format("summary.md", "Markdown, for a pull request or a job summary", markdown.render),
    "annotations": Format(
        "annotations.txt", "workflow commands of GitHub Actions, to be printed", annotations.render
    ),
    "badge": Format("badge.json", "the endpoint of a badge", badge.render),
}
