"""JUnit XML: one suite per claim, one case per check, and the gate, so that a run that decided nothing is never green."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from conformance.model.results import CheckResult, ClaimResult, Results
from reports.hostile import cut, one_line, visible
from reports.words import EXITS

_MOST_MESSAGE = 500
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(results: Results) -> str:
    """The results as JUnit XML.

    A broken check is a failure, an inconclusive one an error, one that does not apply is skipped with its reason. What is
    attested passes, and says in its output that nobody observed it.
    """
    root = ET.Element("testsuites", name=_attribute(f"Gateproof: {results.target.name}"))
    for claim in results.claims:
        checks = [check for check in results.checks if check.claim == claim.id]
        if checks:
            root.append(
                _suite(f"{claim.id} {claim.title}", [_case(check) for check in checks], results, claim)
            )
    root.append(_suite("gate", [_gate(results), *_faults(results)], results))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(
    name: str, cases: Sequence[ET.Element], results: Results, claim: ClaimResult | None = None
) -> ET.Element:
    suite = ET.Element("testsuite", name=_attribute(name), tests=str(len(cases)))
    for tag, word in _COUNTED.items():
        suite.set(word, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    # UTC without a zone, as readers expect.
    suite.set("timestamp", results.run.started.removesuffix("Z").removesuffix("+00:00"))
    suite.set("hostname", _attribute(results.target.name))
    if claim:
        _properties(
            suite, claim=claim.id, verdict=claim.verdict, level=claim.level, gated=str(claim.gated).lower()
        )
    suite.extend(cases)
    return suite


def _case(check: CheckResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"gateproof.{check.claim}",
        name=check.id,
        time=f"{check.duration_ms / 1000:.3f}",
    )
    _properties(
        case,
        verdict=check.verdict,
        severity=check.severity,
        level=check.level,
        deciding=str(check.deciding).lower(),
    )
    match check.verdict:
        case "fail":
            _outcome(case, "failure", check.because, check.severity, _finding(check))
        case "inconclusive":
            _outcome(case, "error", check.because, "inconclusive", f"What would decide it: {check.decide}")
        case "not-applicable":
            _outcome(case, "skipped", f"not applicable: {check.because}", "not-applicable")
        case "attested":
            ET.SubElement(case, "system-out").text = _text(
                f"Attested on paper, not observed: {check.because}"
            )
        case "pass":
            ET.SubElement(case, "system-out").text = _text(check.because)
    return case


def _gate(results: Results) -> ET.Element:
    gate = results.gate
    case = ET.Element("testcase", classname="gateproof", name="gate", time="0.000")
    if gate.exit_code:
        tag = "failure" if gate.exit_code == 1 else "error"
        _outcome(case, tag, gate.sentence, f"exit-{gate.exit_code}", EXITS[gate.exit_code])
    return case


def _faults(results: Results) -> list[ET.Element]:
    cases = []
    for number, fault in enumerate(results.run.faults, start=1):
        case = ET.Element(
            "testcase", classname="gateproof", name=f"fault {number} of the suite", time="0.000"
        )
        _outcome(case, "error", fault, "suite")
        cases.append(case)
    return cases


def _outcome(case: ET.Element, tag: str, message: str, kind: str, text: str = "") -> None:
    outcome = ET.SubElement(case, tag, message=_attribute(message), type=kind)
    outcome.text = _text(text) if text else None


def _finding(check: CheckResult) -> str:
    parts = {
        "Expected": check.expected,
        "Observed": check.observed,
        "Reproduction": check.reproduction,
        "Fix": check.fix,
        "Evidence": "\n".join(reference.path for reference in check.evidence),
    }
    return "\n\n".join(f"{name}:\n{cut(text)}" for name, text in parts.items() if text)


def _properties(element: ET.Element, **values: str) -> None:
    properties = ET.SubElement(element, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=value)


def _attribute(text: str) -> str:
    return cut(one_line(text), _MOST_MESSAGE)


def _text(text: str) -> str:
    """Text that XML 1.0 can hold: every control character is shown as its code point."""
    return visible(cut(text))
