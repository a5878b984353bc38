"""Nothing passes for free: what could not be seen, or failed in our own hands, is inconclusive, and the run does not exit 0."""

from dataclasses import replace

import msgspec
import pytest

from conformance.assess import assess
from conformance.catalogue import Check, checks
from conformance.judge import Finding, Gathered, judge
from conformance.kills import KillMatrix
from conformance.model.declared import Declared
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.results import Results
from conformance.model.run import RunRecord
from conformance.model.scale import Fault
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict
from conformance.selection import Selection
from conformance.target import ACCESS, Promises

_EVERY = pytest.mark.parametrize("check", checks(), ids=lambda check: check.id)


class Something(Evidence, frozen=True, kw_only=True):
    """Evidence of as many facts as a test wants."""

    facts: int

    def seen(self) -> int:
        """As many as were given."""
        return self.facts


DECLARED = Declared(
    name="a gateway",
    environment="test",
    base_urls=("https://gateway.example",),
    models=(),
    endpoints=(),
    dialect="",
    access=tuple(ACCESS),
    levels=("outside", "operator", "inside"),
    promises=Promises(),
    surfaces=(),
)
RECORD = RunRecord(
    run="0", suite="0", started="", finished="", profile="quick", sample=60, seed=0, selection=Selection().text(), require=(),
    target_file="t.toml", interrupted=False, requests=0, spent=0, timings=(), leftovers=(), faults=(),
)  # fmt: skip


def unobserved(check: Check, fault: Fault = Fault.NETWORK) -> Gathered:
    """A run that could see nothing of what a check needs."""
    nothing = Unobserved(reason="the connection was refused", fault=fault, decide="repeat the audit")
    return {kind.__name__: nothing for kind in check.needs.values()}


def assessed(findings: tuple[Finding, ...], gathered: Gathered, record: RunRecord = RECORD) -> Results:
    """The results of a run."""
    return assess(
        declared=DECLARED, record=record, findings=findings, gathered=gathered, digests={}, kills=KillMatrix()
    )


@_EVERY
def test_a_check_without_its_evidence_is_inconclusive_and_says_what_would_decide_it(check: Check) -> None:
    (finding,) = judge((check,), unobserved(check))

    assert finding.verdict == Inconclusive(because="the connection was refused", decide="repeat the audit")


@_EVERY
def test_a_check_of_an_unfinished_run_is_inconclusive(check: Check) -> None:
    (finding,) = judge((check,), {})

    assert isinstance(finding.verdict, Inconclusive)
    assert finding.verdict.decide


def test_a_run_over_nothing_exits_3() -> None:
    results = assessed(judge(checks(), {}), {})

    assert results.gate.exit_code == 3
    assert not [claim for claim in results.claims if claim.verdict == "pass"]


def test_an_empty_selection_exits_3() -> None:
    assert assessed((), {}).gate.exit_code == 3


def test_a_check_that_crashes_is_our_fault_and_exits_4() -> None:
    def crash(**_: Evidence) -> Verdict:
        raise ZeroDivisionError

    check = replace(checks()[0], judge=crash, needs={})
    findings = judge((check,), {})

    assert isinstance(findings[0].verdict, Inconclusive)
    assert assessed(findings, {}).gate.exit_code == 4


def test_an_observation_that_our_own_code_prevented_exits_4() -> None:
    check = checks()[0]
    gathered = unobserved(check, Fault.SUITE)

    assert assessed(judge((check,), gathered), gathered).gate.exit_code == 4


def test_an_interrupted_run_does_not_exit_0() -> None:
    findings = _all_pass()
    interrupted = msgspec.structs.replace(RECORD, interrupted=True)

    assert assessed(findings, {}).gate.exit_code == 0
    assert assessed(findings, {}, interrupted).gate.exit_code == 3


def test_a_failed_gated_claim_exits_1() -> None:
    first, *others = _all_pass()
    failed = Fail(because="", expected="", observed="", cites=(Something(facts=1),))

    assert assessed((replace(first, verdict=failed), *others), {}).gate.exit_code == 1


def test_a_claim_of_which_only_a_part_was_selected_does_not_pass() -> None:
    part = tuple(f for f in _all_pass() if f.check.id == "transport.tls13-is-negotiated")
    results = assessed(part, {})

    assert [c.verdict for c in results.claims if c.id == "T1"] == ["inconclusive"]
    assert results.gate.exit_code == 3


def test_a_required_claim_without_checks_is_inconclusive() -> None:
    required = msgspec.structs.replace(RECORD, require=("P1",))
    results = assessed(_all_pass(), {}, required)

    assert [c.verdict for c in results.claims if c.id == "P1"] == ["inconclusive"]
    assert results.gate.exit_code == 3


def test_a_pass_must_cite_what_was_seen() -> None:
    with pytest.raises(ValueError, match="must cite"):
        Pass(because="", cites=())
    with pytest.raises(ValueError, match="saw nothing"):
        Pass(because="", cites=(Something(facts=1), Something(facts=0)))


def test_a_fail_and_an_exemption_must_cite_too() -> None:
    with pytest.raises(ValueError, match="must cite"):
        Fail(because="", expected="", observed="", cites=())
    with pytest.raises(ValueError, match="must cite"):
        NotApplicable(because="", cites=())


def _all_pass() -> tuple[Finding, ...]:
    held = Pass(because="seen", cites=(Something(facts=1),))
    return tuple(Finding(check=check, verdict=held) for check in checks())
