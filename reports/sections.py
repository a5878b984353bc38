"""The sections of a report: the same results, put in the order in which a reader needs them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.model.exhibit import WaiverResult
from conformance.model.mapped import ControlGroup
from conformance.model.results import CheckResult, ClaimResult, Reference, Results
from conformance.model.verdict import Norm
from reports.words import SEVERITIES, WORDS

_ABSENT = {
    "retention": (
        "Retention map",
        "no surface was searched in this run",
        "declare the surfaces on which the gateway could keep something, and run the checks of Z1",
    ),
    "spend": (
        "Spend curves",
        "no key was spent to its limit in this run",
        "declare an admin key, a dialect and the witness, and run the checks of S1",
    ),
    "transport": (
        "Transport table",
        "no TLS handshake was recorded in this run",
        "run the checks of T1, with --claim T1",
    ),
    "waivers": ("Waivers", "no waiver file was given", "name one with --waivers"),
    "change": ("Change since a baseline", "no earlier run was named", "name one with --baseline"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What stands behind a claim's verdict: the norms that its checks compared, and the evidence that says most."""

    norms: tuple[Norm, ...]
    strongest: Reference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """Every claim and every check of some results, each check in exactly one place."""

    findings: tuple[CheckResult, ...]
    undecided: tuple[CheckResult, ...]
    passes: tuple[CheckResult, ...]
    attested: tuple[CheckResult, ...]
    exempt: tuple[CheckResult, ...]
    not_assessed: tuple[ClaimResult, ...]
    support: Mapping[str, Support]  # by claim
    controls: Mapping[str, tuple[ControlGroup, ...]]  # by claim
    waived: Mapping[str, WaiverResult]  # by check, those that took effect
    absent: tuple[
        tuple[str, str, str], ...
    ]  # sections that this record has no data for: what, why, what to do
    evidence: dict[Reference, int]  # each piece once, by path, with its row in the index

    @classmethod
    def of(cls, results: Results) -> "Sections":
        """The sections of these results: what is broken or open worst first, the rest in the order given."""
        checks = results.checks
        return cls(
            findings=_worst_first(_with_verdict(checks, "fail")),
            undecided=_worst_first(_with_verdict(checks, "inconclusive")),
            passes=_with_verdict(checks, "pass"),
            attested=_with_verdict(checks, "attested"),
            exempt=_with_verdict(checks, "not-applicable"),
            not_assessed=tuple(claim for claim in results.claims if claim.verdict == "not-assessed"),
            support={claim.id: _support(claim, checks) for claim in results.claims},
            controls={claim.id: claim.controls for claim in results.claims},
            waived={w.check: w for w in results.waivers or () if w.state == "used"},
            absent=tuple(told for name, told in _ABSENT.items() if not _there(results, name)),
            evidence=_index(checks),
        )


def tally(claims: Sequence[ClaimResult]) -> str:
    """How many claims have which verdict, as `1 fail, 2 inconclusive, 8 pass`; those to act on come first."""
    order = ("fail", "inconclusive", "pass", "attested", "not-applicable", "not-assessed")
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in order}
    return ", ".join(f"{count} {WORDS[verdict]}" for verdict, count in counts.items() if count) or "none"


def standing(claim: ClaimResult) -> str:
    """Whether a claim reaches the exit code."""
    if claim.gated:
        return "gated"
    return "made, not gated" if claim.made else "for information"


def _there(results: Results, section: str) -> bool:
    """Whether there is anything to show; an empty list of waivers says that there are none, and is shown."""
    value = getattr(results, section)
    return value is not None and (bool(value) or section == "waivers")


def _support(claim: ClaimResult, checks: Sequence[CheckResult]) -> Support:
    """The evidence of the checks that speak for the claim: those with its verdict, the deciding ones first."""
    own = [check for check in checks if check.claim == claim.id]
    norms = dict.fromkeys(norm for check in own for norm in check.norm)
    speaking = sorted(
        (check for check in own if check.verdict == claim.verdict), key=lambda check: not check.deciding
    )
    cited = [reference for check in speaking[:1] for reference in check.evidence]
    return Support(norms=tuple(norms), strongest=max(cited, key=lambda cite: cite.facts, default=None))


def _with_verdict(checks: Sequence[CheckResult], verdict: str) -> tuple[CheckResult, ...]:
    return tuple(check for check in checks if check.verdict == verdict)


def _worst_first(checks: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(sorted(checks, key=lambda c: (SEVERITIES.index(c.severity), not c.deciding, c.id)))


def _index(checks: Sequence[CheckResult]) -> dict[Reference, int]:
    cited = {reference for check in checks for reference in check.evidence}
    ordered = sorted(cited, key=lambda reference: (reference.path, reference.sha256))
    return {reference: row for row, reference in enumerate(ordered, start=1)}
