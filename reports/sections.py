"""The sections of a report: the same results, put in the order in which a reader needs them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model.results import CheckResult, ClaimResult, Reference, Results
from reports.words import SEVERITIES, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """Every claim and every check of some results, each check in exactly one place."""

    findings: tuple[CheckResult, ...]
    undecided: tuple[CheckResult, ...]
    passes: tuple[CheckResult, ...]
    attested: tuple[CheckResult, ...]
    exempt: tuple[CheckResult, ...]
    not_assessed: tuple[ClaimResult, ...]
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


def _with_verdict(checks: Sequence[CheckResult], verdict: str) -> tuple[CheckResult, ...]:
    return tuple(check for check in checks if check.verdict == verdict)


def _worst_first(checks: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(sorted(checks, key=lambda c: (SEVERITIES.index(c.severity), not c.deciding, c.id)))


def _index(checks: Sequence[CheckResult]) -> dict[Reference, int]:
    cited = {reference for check in checks for reference in check.evidence}
    ordered = sorted(cited, key=lambda reference: (reference.path, reference.sha256))
    return {reference: row for row, reference in enumerate(ordered, start=1)}
