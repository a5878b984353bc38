"""The gate: which claims have to be decided, and what exit code follows from what became of them. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from conformance.catalogue import Check, observations
from conformance.claims.catalogue import claims
from conformance.judge import Finding
from conformance.model.declared import Declared
from conformance.model.exhibit import WaiverResult
from conformance.model.results import ClaimResult, ExitCode, GateResult
from conformance.model.run import RunRecord

CONFORMING = {"pass", "attested", "not-applicable"}
_OPENING: dict[ExitCode, str] = {
    0: "conforms",
    1: "does not conform",
    2: "not audited",
    3: "not decided",
    4: "fault of the suite",
}


def gated_claims(
    declared: Declared, record: RunRecord, made: Iterable[str], findings: Sequence[Finding]
) -> tuple[str, ...]:
    """The claims that must be decided: those required, else those made that have checks whose access is declared.

    A declared access that turns out not to work keeps its claims in the gate.
    """
    if record.require:
        return record.require
    deciding = [f.check for f in findings if f.check.deciding]
    checked = {check.claim for check in deciding}
    out_of_reach = {check.claim for check in deciding if not _in_reach(check, declared.access)}
    return tuple(
        c.id
        for c in claims()
        if c.id in made and c.id in checked - out_of_reach and c.level.value in declared.levels
    )


def _in_reach(check: Check, access: Sequence[str]) -> bool:
    """Whether everything that a check decides by can be observed with this access."""
    looks = {o.yields: o for o in observations()}
    return all(set(looks[kind].access) <= set(access) for kind in check.decides_by() if kind in looks)


def gate_result(
    results: Sequence[ClaimResult],
    gate: Sequence[str],
    faults: Sequence[str],
    *,
    interrupted: bool,
    effective: Mapping[str, str],
    waivers: Sequence[WaiverResult] = (),
) -> GateResult:
    """What became of the gate.

    `effective` is the verdict of each claim without failures that do not count; "excused" where nothing else is left.
    """
    gated = [c for c in results if c.id in gate]
    conforming = [c for c in gated if c.verdict in CONFORMING]
    made = [c for c in results if c.made]
    not_assessed = [c for c in made if c.id not in gate]
    contradicted = [w.check for w in waivers if w.state == "contradicted"]
    code = _exit_code(
        [effective.get(c.id, c.verdict) for c in gated], faults, contradicted, interrupted=interrupted
    )
    return GateResult(
        claims=tuple(gate),
        exit_code=code,
        sentence=_sentence(code, gated, conforming, not_assessed, effective, contradicted),
        conforms=len(conforming),
        made=len(made),
        not_assessed=len(not_assessed),
    )


def _exit_code(
    verdicts: Sequence[str], faults: Sequence[str], contradicted: Sequence[str], *, interrupted: bool
) -> ExitCode:
    """0 conforms · 1 a gated claim fails · 3 undecided, interrupted or an empty gate · 4 a fault of ours (4 > 1 > 3 > 0).

    What was expected to fail and passes is a failure too: the expectation is wrong, and with it what relies on it.
    """
    if faults:
        return 4
    if "fail" in verdicts or contradicted:
        return 1
    if interrupted or not {"pass", "excused"} & set(verdicts) or set(verdicts) - CONFORMING - {"excused"}:
        return 3
    return 0


def _sentence(
    code: ExitCode,
    gated: Sequence[ClaimResult],
    conforming: Sequence[ClaimResult],
    not_assessed: Sequence[ClaimResult],
    effective: Mapping[str, str],
    contradicted: Sequence[str],
) -> str:
    """The last line of the command: what was decided, and how much was not.

    Claims made outside the gate count as not assessed, whatever the checks saw of them; what they saw broken is named,
    and so is what is broken and does not count.
    """
    broken = [c.id for c in gated if c.verdict == "fail" and effective.get(c.id, "fail") == "fail"]
    excused = [c.id for c in gated if c.verdict == "fail" and c.id not in broken]
    undecided = [c.id for c in gated if c.verdict == "inconclusive"]
    beside = [c.id for c in not_assessed if c.verdict == "fail"]
    parts = [f"{len(conforming)} of {len(gated) + len(not_assessed)} claims"]
    parts += [f"broken: {', '.join(broken)}"] if broken else []
    parts += [f"broken, and excused: {', '.join(excused)}"] if excused else []
    parts += [f"undecided: {', '.join(undecided)}"] if undecided else []
    parts += [f"expected to fail, and passing: {', '.join(contradicted)}"] if contradicted else []
    parts += [f"{len(not_assessed)} not assessed"] if not_assessed else []
    parts += [f"broken outside the gate: {', '.join(beside)}"] if beside else []
    return f"{_OPENING[code]}: {'; '.join(parts)}"
