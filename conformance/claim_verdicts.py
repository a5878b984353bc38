"""The verdict of a claim: what its checks say together. Pure."""

from collections.abc import Mapping, Sequence

from conformance.catalogue import checks
from conformance.judge import Finding
from conformance.model.results import VerdictName
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict


def verdict_name(verdict: Verdict) -> VerdictName:
    """The word that reports print."""
    match verdict:
        case Pass():
            return "pass"
        case Fail():
            return "fail"
        case Inconclusive():
            return "inconclusive"
        case NotApplicable():
            return "not-applicable"


def claim_verdict(
    claim: str, findings: Sequence[Finding], access: Sequence[str]
) -> tuple[VerdictName | None, str]:
    """A claim's verdict and its reason: fails first, then whatever stayed open, then passes; None without deciding checks.

    A claim of which only some checks were selected can fail, but it cannot pass. A check that looks further than the declared
    `access` goes leaves nothing open.
    """
    deciding = _deciding(claim, findings)
    if failed := [f for f in deciding if isinstance(f.verdict, Fail)]:
        return "fail", _because(failed)
    if open_ := _open(deciding, access):
        return "inconclusive", open_
    if passed := [f for f in deciding if isinstance(f.verdict, Pass)]:
        return "pass", _because(passed)
    if deciding:
        return "not-applicable", _because(deciding)
    exist = any(c.claim == claim and c.deciding for c in checks())
    return None, "its checks were not selected" if exist else "this version has no check for it"


def _deciding(claim: str, findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.check.claim == claim and f.check.deciding]


def _open(deciding: Sequence[Finding], access: Sequence[str]) -> str:
    """Why a claim stays open, by the findings of its deciding checks; empty where it does not."""
    bound = [f for f in deciding if not f.check.further or f.check.further in access]
    if undecided := [f for f in bound if isinstance(f.verdict, Inconclusive)]:
        return _because(undecided)
    claims_of = {f.check.claim for f in deciding}
    every = [c for c in checks() if c.claim in claims_of and c.deciding]
    if len(deciding) < len(every):
        return f"only {len(deciding)} of its {len(every)} deciding checks were selected"
    return ""


def _because(findings: Sequence[Finding]) -> str:
    """The reason of the weightiest finding, and how many more there are."""
    order = ("critical", "high", "medium", "low", "info")
    worst = min(findings, key=lambda f: (order.index(f.check.severity.value), f.check.order))
    more = len(findings) - 1
    return worst.verdict.because + (f" (+{more} more)" if more else "")


def effective_verdicts(
    findings: Sequence[Finding], access: Sequence[str], excuses: Mapping[str, str]
) -> dict[str, str]:
    """The verdicts of claims that have excused failures, as they count for the exit code."""
    touched = {f.check.claim for f in findings if f.check.id in excuses}
    return {claim: _without(excuses, _deciding(claim, findings), access) for claim in touched}


def _without(excuses: Mapping[str, str], deciding: Sequence[Finding], access: Sequence[str]) -> str:
    """A claim's verdict without its excused failures: "excused" where all that is left holds."""
    if any(isinstance(f.verdict, Fail) and f.check.id not in excuses for f in deciding):
        return "fail"
    return "inconclusive" if _open(deciding, access) else "excused"
