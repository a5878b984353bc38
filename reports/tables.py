"""Tables for spreadsheets: the action plan, and one row per check and control. RFC 4180, UTF-8."""

import csv
import io
from collections.abc import Iterable, Sequence

from conformance.model.results import CheckResult, Results
from reports import controls
from reports.hostile import cut, visible
from reports.sections import Sections

_PLAN = (
    *(
        "priority",
        "severity",
        "verdict",
        "claim",
        "gated",
        "check",
        "requirement",
        "finding",
        "expected",
        "observed",
    ),
    *("what to do", "reproduction", "controls", "evidence", "sha256", "owner", "due", "ticket", "done"),
)
_CONTROLS = (
    *("framework", "edition", "control", "relation", "claim", "check", "verdict", "level", "decides"),
    *("collected", "evidence", "sha256"),
)
_MOST = 1_000  # characters of a cell
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def action_plan(results: Results) -> str:
    """What to do, worst first: broken checks, then open ones; the last columns are for whoever does it."""
    sections = Sections.of(results)
    todo = (*sections.findings, *sections.undecided)
    return _written(_PLAN, (_todo(number, check, results) for number, check in enumerate(todo, start=1)))


def control_table(results: Results) -> str:
    """One row per control and check: what an auditor sorts by framework."""
    editions = {framework.id: framework for framework in results.frameworks}
    by_claim = controls.of_claims(results)
    rows = (
        (
            editions[group.framework].name if group.framework in editions else group.framework,
            editions[group.framework].edition if group.framework in editions else "",
            control,
            group.relation,
            check.claim,
            check.id,
            check.verdict,
            check.level,
            "yes" if check.deciding else "no",
            results.run.finished,
            *_evidence(check),
        )
        for check in results.checks
        for group in by_claim.get(check.claim, ())
        for control in group.ids
    )
    return _written(_CONTROLS, sorted(rows))


def _todo(number: int, check: CheckResult, results: Results) -> Sequence[str]:
    claims = {claim.id: claim for claim in results.claims}
    claim = claims.get(check.claim)
    return (
        str(number),
        check.severity,
        check.verdict,
        check.claim,
        "yes" if claim and claim.gated else "no",
        check.id,
        check.title,
        check.because,
        check.expected,
        check.observed,
        check.fix or check.decide,
        check.reproduction,
        controls.told(claim.controls) if claim else "",
        *_evidence(check),
        *("", "", "", ""),
    )


def _evidence(check: CheckResult) -> tuple[str, str]:
    return (
        " ".join(reference.path for reference in check.evidence),
        " ".join(reference.sha256 for reference in check.evidence),
    )


def _written(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)  # RFC 4180: CRLF, quotes doubled
    writer.writerow(header)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def inert(cell: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula, whatever the target wrote into it."""
    shown = visible(cut(cell, _MOST))
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown
