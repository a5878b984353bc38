"""The table of contents, and what stands at the report's end: how to check it, and how to waive a finding. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance.model.results import Results
from reports.sections import Sections

_WAIVER_DAYS = 90

VERIFICATION = (
    (
        "No file of evidence was changed or removed since it was judged: every line must end in OK.",
        """awk -F'"' '/^ *"path": /{p=$4} /^ *"sha256": /{print $4"  "p}' results.json | sort -u | sha256sum --check""",
    ),
    (
        "The same evidence gives the same verdicts, offline.",
        "cp results.json told.json && gateproof judge . --json | cmp - told.json && echo the same",
    ),
    (
        "The record is the one that you were told of by another way: compare the digest.",
        "sha256sum results.json",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the contents."""

    id: str
    title: str
    count: int | None = None


def contents(results: Results, sections: Sections) -> tuple[Entry, ...]:
    """The sections that the report has, in order; parts without data are left out here and named as lacking."""
    unseen = len(results.unseen) + len(sections.not_assessed) + len(sections.undecided)
    entries = (
        Entry(id="claims", title="Claims", count=len(results.claims)),
        Entry(id="unseen", title="What could not be seen", count=unseen),
        Entry(id="findings", title="Findings", count=len(sections.findings)),
        Entry(id="passes", title="Observed to hold", count=len(sections.passes)),
        Entry(id="attested", title="Attested on paper", count=len(sections.attested)),
        Entry(id="exempt", title="Not applicable", count=len(sections.exempt)),
        Entry(id="retention", title="Retention map"),
        Entry(id="spend", title="Spending"),
        Entry(id="transport", title="Transport"),
        Entry(id="waivers", title="Waivers", count=len(results.waivers or ())),
        Entry(id="change", title="Change"),
        Entry(id="controls", title="Controls"),
        Entry(id="method", title="Method and limits"),
        Entry(id="evidence", title="Evidence index", count=len(sections.evidence)),
    )
    there = {
        "attested": sections.attested,
        "exempt": sections.exempt,
        "retention": results.retention,
        "spend": results.spend,
        "transport": results.transport,
        "waivers": results.waivers is not None,
        "change": results.change,
        "controls": any(claim.controls for claim in results.claims) and results.frameworks,
    }
    return tuple(entry for entry in entries if there.get(entry.id, True))


def waived_until(results: Results) -> str:
    """The last day of a new waiver: 90 days after the run; a placeholder where the run does not say when it was."""
    try:
        finished = datetime.fromisoformat(results.run.finished)
    except ValueError:
        return "YYYY-MM-DDT00:00:00Z"
    return f"{finished + timedelta(days=_WAIVER_DAYS):%Y-%m-%d}T00:00:00Z"


def waiver(check: str, until: str) -> str:
    """A waiver of a check's failure, to be completed by whoever answers for it."""
    return f"""[[waiver]]
check = "{check}"
kind = "accepted-risk"  # or "incorrect-result"
owner = ""
reason = ""
ticket = ""
expires = {until}"""
