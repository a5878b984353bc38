"""Workflow commands of GitHub Actions: what is printed so becomes an annotation. No text of the target ends a line."""

from conformance.model.results import CheckResult, Results
from reports.hostile import cut, one_line
from reports.sections import Sections

_MOST = 10  # of each kind in one step; GitHub drops what comes after
_MOST_LINE = 600
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def render(results: Results) -> str:
    """Failures as errors, worst first, what could not be decided as warnings, and the sentence of the gate as a notice."""
    sections = Sections.of(results)
    lines = [_annotation("error", check, results) for check in sections.findings[:_MOST]]
    lines += [_annotation("warning", check, results) for check in sections.undecided[:_MOST]]
    lines.append(f"::notice title=gateproof::{_escaped(results.gate.sentence, _DATA)}")
    return "\n".join(lines) + "\n"


def _annotation(kind: str, check: CheckResult, results: Results) -> str:
    properties = {
        "file": results.run.target_file,
        "line": str(results.run.target_line),
        "title": f"{check.claim} {check.id}",
    }
    shown = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items() if value)
    return f"::{kind} {shown}::{_escaped(check.because, _DATA)}"


def _escaped(text: str, marks: dict[str, str]) -> str:
    """A text that neither ends its line nor its property (the escaping of GitHub's own toolkit)."""
    return "".join(marks.get(letter, letter) for letter in cut(one_line(text), _MOST_LINE))
