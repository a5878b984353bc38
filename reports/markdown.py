"""Markdown for a pull request or a job summary. Whatever the target said stands in code, where nothing is a link or a mention."""

import re
from collections.abc import Sequence

from conformance.model.results import CheckResult, ClaimResult, Results
from reports import races
from reports.hostile import cut, one_line, visible
from reports.sections import Sections, tally
from reports.words import EXITS, SYMBOLS, WORDS

_MOST_FINDINGS = 10  # a comment holds 65,536 characters
_MOST_GAPS = 10
_MOST_LINE = 300
_MOST_BLOCK = 1_200
_LIMITS = (
    "A record of observations, not a certification; what is not listed as a pass was not observed to hold."
)


def render(results: Results) -> str:
    """The verdict, the claims that were to be decided, the worst findings, and what could not be seen."""
    sections = Sections.of(results)
    parts = (
        _opening(results),
        _claims(results),
        _races(results),
        _findings(sections.findings),
        _open(sections.undecided, results),
        f"Run {code(results.run.id)} of Gateproof {results.run.suite}. {_LIMITS}",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str, limit: int = _MOST_LINE) -> str:
    """A code span that ends where it should, whatever stands in it; fit for a cell of a table."""
    line = cut(one_line(text), limit) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line.replace('|', chr(92) + '|')}{padding}{fence}"


def _block(text: str) -> str:
    shown = visible(cut(text, _MOST_BLOCK))
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _opening(results: Results) -> str:
    gate = results.gate
    mark = {0: "✓", 1: "✗"}.get(gate.exit_code, "?")
    return (
        f"## {mark} Gateproof: {gate.sentence}\n\n"
        f"{EXITS[gate.exit_code]} Exit code {gate.exit_code}.\n\n"
        f"Target {code(results.target.name)}, {results.target.environment}; "
        f"claims made: {tally([claim for claim in results.claims if claim.made])}."
    )


def _claims(results: Results) -> str:
    rows = [_claim(claim) for claim in results.claims if claim.gated or claim.verdict == "fail"]
    if not rows:
        return "No claim had to be decided. This is not a pass."
    return "\n".join(("| claim | promise | verdict | level | because |", "|---|---|---|---|---|", *rows))


def _claim(claim: ClaimResult) -> str:
    verdict = f"{SYMBOLS[claim.verdict]} {WORDS[claim.verdict]}" + (
        "" if claim.gated else " (outside the gate)"
    )
    return f"| {claim.id} | {claim.title} | {verdict} | {claim.level} | {code(claim.because)} |"


def _races(results: Results) -> str:
    """What it is worth that no bill went beyond a limit; nothing where no key was spent to one."""
    if results.spend is None:
        return ""
    return f"Races against a limit: {races.figures(results.races)}. {races.meaning(results.races)}"


def _findings(findings: Sequence[CheckResult]) -> str:
    if not findings:
        return ""
    shown = [_finding(check) for check in findings[:_MOST_FINDINGS]]
    left = len(findings) - len(shown)
    more = [f"{left} more findings are in the report."] if left else []
    return "\n\n".join(
        (f"### {len(findings)} {'finding' if len(findings) == 1 else 'findings'}", *shown, *more)
    )


def _finding(check: CheckResult) -> str:
    lines = [
        f"**{check.severity}**: {check.title} (`{check.id}`, claim {check.claim})",
        code(check.because),
        f"<details><summary>Expected, observed, reproduction</summary>\n\n{_block(_told(check))}\n\n</details>",
    ]
    return "\n\n".join(lines)


def _told(check: CheckResult) -> str:
    parts = {
        "expected": check.expected,
        "observed": check.observed,
        "reproduce": check.reproduction,
        "fix": check.fix,
    }
    return "\n".join(f"{name}: {cut(text, 400)}" for name, text in parts.items() if text)


def _open(undecided: Sequence[CheckResult], results: Results) -> str:
    """What is open among the gated claims, and what would decide it."""
    gated = set(results.gate.claims)
    rows = [check for check in undecided if check.claim in gated]
    if not rows:
        return ""
    shown = [
        f"- `{check.id}`: {code(check.because)}\n  To decide it: {code(check.decide)}"
        for check in rows[:_MOST_GAPS]
    ]
    more = [f"- and {len(rows) - len(shown)} more"] if len(rows) > len(shown) else []
    return "\n".join(("### Not decided\n", *shown, *more))
