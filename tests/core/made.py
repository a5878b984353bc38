"""Catalogues, findings and records made by hand."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.assess import assess
from conformance.catalogue import Check
from conformance.judge import Finding, Gathered
from conformance.kills import KillMatrix
from conformance.model.declared import Declared
from conformance.model.evidence import Evidence
from conformance.model.results import Results
from conformance.model.run import RunRecord
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict
from conformance.target import ACCESS, Promises


class Look(Evidence, frozen=True, kw_only=True):
    """Evidence of as many facts as it says."""

    facts: int = 1

    def seen(self) -> int:
        """As told."""
        return self.facts


class Other(Evidence, frozen=True, kw_only=True):
    """Evidence of another kind."""


SEEN = Look()
VERDICTS: dict[str, Verdict] = {
    "pass": Pass(because="it holds", cites=(SEEN,)),
    "fail": Fail(because="it is broken", expected="whole", observed="broken", cites=(SEEN,)),
    "inconclusive": Inconclusive(because="silence", decide="ask again"),
    "not-applicable": NotApplicable(because="there is none", cites=(SEEN,)),
}


def check(
    id: str = "room.check",  # noqa: A002
    *,
    claim: str = "T1",
    needs: Mapping[str, type[Evidence]] | None = None,
    judge: Callable[..., Verdict] | None = None,
    **more: Any,
) -> Check:
    """A check outside the catalogue."""
    fields: dict[str, Any] = {
        "severity": Severity.HIGH, "level": Level.OUTSIDE, "deciding": True, "fix": "mend it", "title": "It holds",
        "why": "because", "order": 0, "may_lack": frozenset(),
    }  # fmt: skip
    return Check(
        id=id,
        claim=claim,
        needs={"look": Look} if needs is None else needs,
        judge=judge or (lambda look: VERDICTS["pass"]),
        **(fields | more),
    )


def finding(entry: Check, verdict: str, fault: str = "") -> Finding:
    """What a check said."""
    return Finding(check=entry, verdict=VERDICTS[verdict], fault=fault)


def declared(*made: str, levels: tuple[str, ...] = ("inside", "operator", "outside")) -> Declared:
    """A target that makes these claims; none: every claim of the page."""
    return Declared(
        name="a target",
        environment="test",
        base_urls=("https://gateway.example",),
        models=(),
        endpoints=(),
        dialect="",
        access=tuple(ACCESS),
        levels=levels,
        promises=Promises(made=made),
        surfaces=(),
    )


def record(**more: Any) -> RunRecord:
    """The record of a run in which nothing went wrong."""
    fields: dict[str, Any] = {
        "run": "abcd1234", "suite": "1", "started": "2026-11-24T12:00:00+00:00", "finished": "2026-11-24T12:01:00+00:00",
        "profile": "quick", "sample": 60, "seed": 1, "selection": "{}", "require": (), "target_file": "target.toml",
        "interrupted": False, "requests": 10, "spent": 5, "timings": (), "leftovers": (), "faults": (),
    }  # fmt: skip
    return RunRecord(**(fields | more))


def assessed(
    *findings: Finding, made: tuple[str, ...] = (), gathered: Gathered | None = None, **more: Any
) -> Results:
    """The assessment of findings; `more` goes into the run record, `levels` into the declaration."""
    levels = more.pop("levels", ("inside", "operator", "outside"))
    return assess(
        declared=declared(*made, levels=levels),
        record=record(**more),
        findings=findings,
        gathered=gathered or {},
        digests={},
        kills=KillMatrix(),
    )
