"""Which failures do not move the exit code, and why: waived, known from the baseline, or not asked for. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from conformance.changes import is_known
from conformance.judge import Finding
from conformance.model.dispositions import Dispositions, Waiver
from conformance.model.exhibit import Change, WaiverResult, WaiverState
from conformance.model.verdict import Fail

_SEVERITIES = ("critical", "high", "medium", "low", "info")


def waived(waivers: Sequence[Waiver], verdicts: Mapping[str, str], now: datetime) -> tuple[WaiverResult, ...]:
    """What became of each waiver at a moment; `verdicts` gives each check's by its id."""
    return tuple(_waived(waiver, verdicts.get(waiver.check, ""), now) for waiver in waivers)


def _waived(waiver: Waiver, verdict: str, now: datetime) -> WaiverResult:
    left = datetime.fromisoformat(waiver.expires) - now
    state: WaiverState
    if left.total_seconds() <= 0:
        state = "expired"
    elif verdict == "fail":
        state = "used"
    elif waiver.kind == "expected-failure" and verdict == "pass":
        state = "contradicted"
    else:
        state = "unused"
    return WaiverResult(
        check=waiver.check,
        kind=waiver.kind,
        owner=waiver.owner,
        reason=waiver.reason,
        ticket=waiver.ticket,
        expires=waiver.expires,
        days_left=max(0, left.days),
        state=state,
    )


def excused(
    findings: Sequence[Finding],
    dispositions: Dispositions,
    waivers: Sequence[WaiverResult],
    change: Change | None,
) -> dict[str, str]:
    """The failed checks whose failure does not count, each with the reason."""
    tickets = {waiver.check: waiver.ticket for waiver in waivers if waiver.state == "used"}
    found: dict[str, str] = {}
    for finding in findings:
        if isinstance(finding.verdict, Fail):
            if finding.check.id in tickets:
                found[finding.check.id] = f"waived by {tickets[finding.check.id]}"
            elif why := _not_asked(finding, dispositions.fail_on, change):
                found[finding.check.id] = why
    return found


def _not_asked(finding: Finding, fail_on: Sequence[str], change: Change | None) -> str:
    """Why a failure is outside what was asked to fail on; empty where it is inside."""
    severities = [
        _SEVERITIES.index(part.removeprefix("severity:")) for part in fail_on if part.startswith("severity:")
    ]
    claims = [part.removeprefix("claim:") for part in fail_on if part.startswith("claim:")]
    check = finding.check
    if "new" in fail_on and is_known(check.id, change):
        return f"known since run {change.baseline}" if change else ""
    if severities and _SEVERITIES.index(check.severity.value) > max(severities):
        return f"below severity {_SEVERITIES[max(severities)]}"
    if claims and check.claim not in claims:
        return f"not of {', '.join(claims)}"
    return ""


def fault_in(fail_on: Sequence[str], known_claims: Sequence[str]) -> str:
    """What is wrong with the words after `--fail-on`; empty where nothing is."""
    for part in fail_on:
        kind, _, value = part.partition(":")
        if part in {"new", "claim"}:
            continue
        if kind == "severity" and value in _SEVERITIES:
            continue
        if kind == "claim" and value in known_claims:
            continue
        return (
            f"'{part}' is none of: new, claim, claim:ID, severity:LEVEL "
            f"({', '.join(_SEVERITIES)}; that one and worse)"
        )
    return ""
