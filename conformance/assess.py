"""Assessing: from findings to claims, from claims to the gate, from the gate to the exit code. Pure."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from conformance.changes import changed
from conformance.claim_verdicts import claim_verdict, effective_verdicts, verdict_name
from conformance.claims.catalogue import Claim, claims, page_claims
from conformance.claims.controls import controls_of, frameworks
from conformance.excuses import excused, waived
from conformance.gate import gate_result, gated_claims
from conformance.judge import Finding, Gathered, suite_faults, unseen
from conformance.kills import KillMatrix
from conformance.model.declared import Declared
from conformance.model.dispositions import Dispositions
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.exhibit import Change, WaiverResult
from conformance.model.page import PageDrift
from conformance.model.preflight import Preflight
from conformance.model.results import (
    SCHEMA,
    CheckResult,
    ClaimResult,
    ClaimVerdict,
    LevelName,
    Reference,
    Results,
    RunResult,
    TargetResult,
    Unseen,
    VerdictName,
)
from conformance.model.run import RunRecord
from conformance.model.scale import Fault, Level
from conformance.model.verdict import Fail, Inconclusive
from conformance.retention_map import retention_map
from conformance.selection import Selection
from conformance.spend_picture import spend_picture
from conformance.transport_table import transport_table

_DEPTH = (Level.OUTSIDE, Level.OPERATOR, Level.INSIDE, Level.INSTRUMENTED, Level.DOCUMENT)


def assess(
    *,
    declared: Declared,
    record: RunRecord,
    findings: Sequence[Finding],
    gathered: Gathered,
    digests: Mapping[str, str],
    kills: KillMatrix,
) -> Results:
    """The results of a run. `digests` gives the SHA-256 of each recorded piece of evidence by its name."""
    made = declared.promises.made or page_claims()
    decided = {claim.id: claim_verdict(claim.id, findings, declared.access) for claim in claims()}
    gate = gated_claims(declared, record, made, findings)
    disposed = _disposed(gathered, findings, record)
    claim_results = tuple(_claim_result(claim, made, gate, findings, decided[claim.id]) for claim in claims())
    faults = (*record.faults, *suite_faults(gathered), *(f.fault for f in findings if f.fault))
    return Results(
        schema=SCHEMA,
        target=TargetResult(
            name=declared.name,
            environment=declared.environment,
            base_urls=declared.base_urls,
            admin_url=declared.admin_url,
            levels=declared.levels,
            authorised=declared.authorised,
        ),
        run=_run_result(record, faults),
        gate=gate_result(
            claim_results,
            gate,
            faults,
            interrupted=record.interrupted,
            effective=effective_verdicts(findings, declared.access, disposed.excused),
            waivers=disposed.waivers or (),
        ),
        claims=claim_results,
        checks=tuple(_check_result(f, record, gathered, digests, kills) for f in findings),
        unseen=(
            *_troubles(gathered),
            *(_unseen(name, found) for name, found in unseen(gathered)),
            *_uncovered(gathered),
        ),
        kill_matrix=kills.sentence(),
        races=kills.races,
        frameworks=frameworks(),
        transport=transport_table(gathered),
        spend=spend_picture(gathered),
        retention=retention_map(gathered),
        waivers=disposed.waivers,
        change=disposed.change,
    )


@dataclass(frozen=True, slots=True)
class _Disposed:
    """What became of what people decided beforehand."""

    waivers: tuple[WaiverResult, ...] | None = None
    change: Change | None = None
    excused: Mapping[str, str] = field(default_factory=dict)  # failed check → why its failure does not count


def _disposed(gathered: Gathered, findings: Sequence[Finding], record: RunRecord) -> _Disposed:
    """Waivers and baseline as of the end of the run, so that judging it again years later says the same."""
    told = gathered.get(Dispositions.__name__)
    if not isinstance(told, Dispositions):
        return _Disposed()
    verdicts = {f.check.id: verdict_name(f.verdict) for f in findings}
    waivers = waived(told.waivers or (), verdicts, datetime.fromisoformat(record.finished))
    change = None if told.baseline is None else changed(told.baseline, verdicts)
    return _Disposed(
        waivers=None if told.waivers is None else waivers,
        change=change,
        excused=excused(findings, told, waivers, change),
    )


def _troubles(gathered: Gathered) -> tuple[Unseen, ...]:
    """What the pre-flight found not to work: the cause of much else that could not be seen."""
    preflight = gathered.get(Preflight.__name__)
    steps = preflight.steps if isinstance(preflight, Preflight) else ()
    troubles = {step.trouble: step.name for step in reversed(steps) if step.trouble is not None}
    return tuple(_unseen(name, trouble) for trouble, name in reversed(troubles.items()))


def _uncovered(gathered: Gathered) -> tuple[Unseen, ...]:
    """What the security page says now that no check looks at, and claims that it does not make any more."""
    page = gathered.get(PageDrift.__name__)
    if not isinstance(page, PageDrift):
        return ()
    said = tuple(
        Unseen(
            what="security page",
            reason=f"it says what no claim covers: {sentence}",
            fault=Fault.SUITE.value,
            decide="map the sentence to a claim, or say why it makes none",
        )
        for sentence in page.uncovered
    )
    gone = sorted({claim for vanished in page.vanished for claim in vanished.claims})
    return said + tuple(
        Unseen(
            what="security page",
            reason=f"a sentence that makes {claim} is not on it any more, or was reworded",
            fault=Fault.OPERATOR.value,
            decide="compare the page with the claim, and say in `claims.made` what is promised now",
        )
        for claim in gone
    )


def _unseen(what: str, found: Unobserved) -> Unseen:
    return Unseen(what=what, reason=found.reason, fault=found.fault.value, decide=found.decide)


def _claim_result(
    claim: Claim,
    made: Iterable[str],
    gate: Sequence[str],
    findings: Sequence[Finding],
    decided: tuple[VerdictName | None, str],
) -> ClaimResult:
    own = [f for f in findings if f.check.claim == claim.id]
    gated = claim.id in gate
    verdict, because = decided
    shown: ClaimVerdict = verdict or "not-assessed"
    if verdict is None and gated:
        shown, because = "inconclusive", f"it is required, but {because}"
    if verdict == "inconclusive" and not gated:
        shown = "not-assessed"
    return ClaimResult(
        id=claim.id,
        short=claim.short,
        title=claim.title,
        made=claim.id in made,
        gated=gated,
        verdict=shown,
        because=because,
        level=_level_reached(own, claim),
        checks=tuple(f.check.id for f in own),
        controls=controls_of(claim.id),
    )


def _level_reached(findings: Sequence[Finding], claim: Claim) -> LevelName:
    """The deepest level at which one of the claim's checks said something; the claim's own where none did."""
    spoke = [f.check.level for f in findings if not isinstance(f.verdict, Inconclusive)]
    return max(spoke, key=_DEPTH.index).value if spoke else claim.level.value


def _check_result(
    finding: Finding,
    record: RunRecord,
    gathered: Gathered,
    digests: Mapping[str, str],
    kills: KillMatrix,
) -> CheckResult:
    check, verdict = finding.check, finding.verdict
    # The arguments of the check are cited, whatever it chose to cite itself: they are what it was told.
    names = sorted({kind.__name__ for kind in check.needs.values()})
    took = sum(t.took_ms for t in record.timings if t.evidence in names)
    failed = isinstance(verdict, Fail)
    return CheckResult(
        id=check.id,
        claim=check.claim,
        title=check.title,
        why=check.why,
        severity=check.severity.value,
        level=check.level.value,
        deciding=check.deciding,
        verdict=verdict_name(verdict),
        because=verdict.because,
        decide=verdict.decide if isinstance(verdict, Inconclusive) else "",
        expected=verdict.expected if isinstance(verdict, Fail) else "",
        observed=verdict.observed if isinstance(verdict, Fail) else "",
        reproduction=_reproduction(verdict, check.id, record) if isinstance(verdict, Fail) else "",
        fix=check.fix if failed else "",
        norm=verdict.norm,
        evidence=tuple(_reference(name, gathered, digests) for name in names if name in digests),
        duration_ms=took,
        proven=kills.of(check.id),
    )


def _reference(name: str, gathered: Gathered, digests: Mapping[str, str]) -> Reference:
    """A piece of evidence, and how many facts of which kind it holds: what a pass rests on."""
    found = gathered.get(name)
    seen = found.seen() if isinstance(found, Evidence) else 0
    counted = inspect.getdoc(type(found).seen) if isinstance(found, Evidence) and seen else None
    return Reference(
        path=f"evidence/{name}.json",
        sha256=digests[name],
        facts=seen,
        counted=(counted or "").partition("\n")[0].rstrip("."),
    )


def _reproduction(verdict: Fail, check: str, record: RunRecord) -> str:
    """What a person can do by hand, and the command that looks at this alone."""
    command = (
        f"gateproof audit {record.target_file} --check {check} --sample {record.sample} --seed {record.seed}"
    )
    return "\n".join(part for part in (verdict.reproduction, command) if part)


def _run_result(record: RunRecord, faults: tuple[str, ...]) -> RunResult:
    return RunResult(
        id=record.run,
        suite=record.suite,
        started=record.started,
        finished=record.finished,
        profile=record.profile,
        sample=record.sample,
        seed=record.seed,
        selection=Selection.parse(record.selection).describe(),
        interrupted=record.interrupted,
        requests=record.requests,
        spent_picodollars=record.spent,
        leftovers=record.leftovers,
        faults=faults,
        target_file=record.target_file,
        rescan_of=record.rescan_of,
    )
