"""Assessing: from findings to claims, from claims to the gate, from the gate to the exit code. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from conformance.catalogue import checks
from conformance.claims.catalogue import Claim, claims, page_claims
from conformance.judge import Finding, Gathered, suite_faults, unseen
from conformance.kills import KillMatrix
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.preflight import Preflight
from conformance.model.results import (
    SCHEMA,
    CheckResult,
    ClaimResult,
    ClaimVerdict,
    ExitCode,
    GateResult,
    LevelName,
    Reference,
    Results,
    RunResult,
    TargetResult,
    Unseen,
    VerdictName,
)
from conformance.model.run import RunRecord
from conformance.model.scale import Level
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict
from conformance.selection import Selection

_CONFORMING = {"pass", "attested", "not-applicable"}
_OPENING: dict[ExitCode, str] = {
    0: "conforms",
    1: "does not conform",
    2: "not audited",
    3: "not decided",
    4: "fault of the suite",
}
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
    decided = {claim.id: _claim_verdict(claim.id, findings, declared.access) for claim in claims()}
    gate = _gate(declared, record, made, findings)
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
        ),
        run=_run_result(record, faults),
        gate=_gate_result(claim_results, gate, faults, record),
        claims=claim_results,
        checks=tuple(_check_result(f, record, digests, kills) for f in findings),
        unseen=(*_troubles(gathered), *(_unseen(name, found) for name, found in unseen(gathered))),
        kill_matrix=kills.sentence(),
    )


def _troubles(gathered: Gathered) -> tuple[Unseen, ...]:
    """What the pre-flight found not to work: the cause of much else that could not be seen."""
    preflight = gathered.get(Preflight.__name__)
    steps = preflight.steps if isinstance(preflight, Preflight) else ()
    troubles = {step.trouble: step.name for step in reversed(steps) if step.trouble is not None}
    return tuple(_unseen(name, trouble) for trouble, name in reversed(troubles.items()))


def _unseen(what: str, found: Unobserved) -> Unseen:
    return Unseen(what=what, reason=found.reason, fault=found.fault.value, decide=found.decide)


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


def _claim_verdict(
    claim: str, findings: Sequence[Finding], access: Sequence[str]
) -> tuple[VerdictName | None, str]:
    """A claim's verdict and its reason: fails first, then whatever stayed open, then passes; None without deciding checks.

    A claim of which only some checks were selected can fail, but it cannot pass. A check that looks further than the declared
    `access` goes leaves nothing open.
    """
    deciding = [f for f in findings if f.check.claim == claim and f.check.deciding]
    all_deciding = [c for c in checks() if c.claim == claim and c.deciding]
    failed = [f for f in deciding if isinstance(f.verdict, Fail)]
    if failed:
        return "fail", _because(failed)
    bound = [f for f in deciding if not f.check.further or f.check.further in access]
    undecided = [f for f in bound if isinstance(f.verdict, Inconclusive)]
    if undecided:
        return "inconclusive", _because(undecided)
    if deciding and len(deciding) < len(all_deciding):
        return (
            "inconclusive",
            f"only {len(deciding)} of its {len(all_deciding)} deciding checks were selected",
        )
    passed = [f for f in deciding if isinstance(f.verdict, Pass)]
    if passed:
        return "pass", _because(passed)
    if deciding:
        return "not-applicable", _because(deciding)
    return None, "its checks were not selected" if all_deciding else "this version has no check for it"


def _because(findings: Sequence[Finding]) -> str:
    """The reason of the weightiest finding, and how many more there are."""
    order = ("critical", "high", "medium", "low", "info")
    worst = min(findings, key=lambda f: (order.index(f.check.severity.value), f.check.order))
    more = len(findings) - 1
    return worst.verdict.because + (f" (+{more} more)" if more else "")


def _gate(
    declared: Declared, record: RunRecord, made: Iterable[str], findings: Sequence[Finding]
) -> tuple[str, ...]:
    """The claims that must be decided: those required, else those made whose access is declared and that have checks."""
    if record.require:
        return record.require
    checked = {f.check.claim for f in findings if f.check.deciding}
    return tuple(
        c.id for c in claims() if c.id in made and c.id in checked and c.level.value in declared.levels
    )


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
    )


def _level_reached(findings: Sequence[Finding], claim: Claim) -> LevelName:
    """The deepest level at which one of the claim's checks said something; the claim's own where none did."""
    spoke = [f.check.level for f in findings if not isinstance(f.verdict, Inconclusive)]
    return max(spoke, key=_DEPTH.index).value if spoke else claim.level.value


def _gate_result(
    results: Sequence[ClaimResult], gate: Sequence[str], faults: Sequence[str], record: RunRecord
) -> GateResult:
    gated = [c for c in results if c.id in gate]
    conforming = [c for c in gated if c.verdict in _CONFORMING]
    made = [c for c in results if c.made]
    not_assessed = [c for c in made if c.id not in gate]
    code = _exit_code(gated, faults, interrupted=record.interrupted)
    return GateResult(
        claims=tuple(gate),
        exit_code=code,
        sentence=_sentence(code, gated, conforming, not_assessed),
        conforms=len(conforming),
        made=len(made),
        not_assessed=len(not_assessed),
    )


def _exit_code(gated: Sequence[ClaimResult], faults: Sequence[str], *, interrupted: bool) -> ExitCode:
    """0 conforms · 1 a gated claim fails · 3 undecided, interrupted or an empty gate · 4 a fault of ours (4 > 1 > 3 > 0)."""
    verdicts = {c.verdict for c in gated}
    if faults:
        return 4
    if "fail" in verdicts:
        return 1
    if interrupted or "pass" not in verdicts or verdicts - _CONFORMING:
        return 3
    return 0


def _sentence(
    code: ExitCode,
    gated: Sequence[ClaimResult],
    conforming: Sequence[ClaimResult],
    not_assessed: Sequence[ClaimResult],
) -> str:
    """The last line of the command: what was decided, and how much was not.

    Claims made outside the gate count as not assessed, whatever the checks saw of them; what they saw broken is named.
    """
    failed = [c.id for c in gated if c.verdict == "fail"]
    undecided = [c.id for c in gated if c.verdict == "inconclusive"]
    beside = [c.id for c in not_assessed if c.verdict == "fail"]
    parts = [f"{len(conforming)} of {len(gated) + len(not_assessed)} claims"]
    parts += [f"broken: {', '.join(failed)}"] if failed else []
    parts += [f"undecided: {', '.join(undecided)}"] if undecided else []
    parts += [f"{len(not_assessed)} not assessed"] if not_assessed else []
    parts += [f"broken outside the gate: {', '.join(beside)}"] if beside else []
    return f"{_OPENING[code]}: {'; '.join(parts)}"


def _check_result(
    finding: Finding, record: RunRecord, digests: Mapping[str, str], kills: KillMatrix
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
        evidence=tuple(
            Reference(path=f"evidence/{name}.json", sha256=digests[name]) for name in names if name in digests
        ),
        duration_ms=took,
        proven=kills.of(check.id),
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
    )
