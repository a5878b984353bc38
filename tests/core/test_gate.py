"""Waivers, baselines and what counts: they move the exit code, and never a verdict."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.assess import assess
from conformance.catalogue import checks
from conformance.changes import changed
from conformance.excuses import fault_in
from conformance.judge import Finding
from conformance.kills import KillMatrix
from conformance.model.dispositions import Dispositions, Earlier, Waiver, WaiverKind
from conformance.model.results import Results
from tests.core.made import assessed, declared, finding, record

HSTS = [c for c in checks() if c.claim == "T3" and c.deciding]
BROKEN = HSTS[0].id
IN_TIME, TOO_LATE = "2026-12-24T00:00:00+01:00", "2026-11-24T12:00:59+00:00"  # the run ended at 12:01:00 UTC
_VERDICTS = st.sampled_from(["pass", "fail", "inconclusive", "not-applicable"])
_RUNS = st.dictionaries(st.sampled_from([c.id for c in checks()[:6]]), _VERDICTS)


def waiver(check: str = BROKEN, kind: WaiverKind = "accepted-risk", expires: str = IN_TIME) -> Waiver:
    """Somebody answers for it."""
    return Waiver(check=check, kind=kind, owner="ops", reason="old clients", ticket="SEC-1", expires=expires)


def results(*verdicts: str, told: Dispositions | None = None, **more: Any) -> Results:
    """The assessment of T3 alone: the first check says the first verdict, the rest pass unless told."""
    said = [*verdicts, *["pass"] * (len(HSTS) - len(verdicts))]
    findings: list[Finding] = [finding(c, v) for c, v in zip(HSTS, said, strict=True)]
    gathered: Mapping[str, Any] = {} if told is None else {"Dispositions": told}
    return assessed(*findings, made=("T3",), gathered=dict(gathered), **more)


def test_a_waived_failure_does_not_move_the_exit_code_and_stays_a_failure() -> None:
    found = results("fail", told=Dispositions(waivers=(waiver(),)))

    assert found.gate.exit_code == 0
    assert {c.verdict for c in found.claims if c.id == "T3"} == {"fail"}
    assert next(c.verdict for c in found.checks if c.id == BROKEN) == "fail"
    assert "broken, and excused: T3" in found.gate.sentence
    assert found.gate.conforms == 0
    assert found.waivers is not None
    assert [(w.state, w.days_left, w.ticket) for w in found.waivers] == [("used", 29, "SEC-1")]


def test_a_waiver_covers_its_own_check_alone() -> None:
    assert len(HSTS) > 1
    assert results("fail", "fail", told=Dispositions(waivers=(waiver(),))).gate.exit_code == 1


def test_an_expired_waiver_covers_nothing_and_is_reported() -> None:
    found = results("fail", told=Dispositions(waivers=(waiver(expires=TOO_LATE),)))

    assert found.gate.exit_code == 1
    assert found.waivers is not None
    assert found.waivers[0].state == "expired"


def test_a_waiver_that_nothing_needs_is_reported_as_unused() -> None:
    found = results("pass", told=Dispositions(waivers=(waiver(),)))

    assert found.gate.exit_code == 0
    assert found.waivers is not None
    assert found.waivers[0].state == "unused"


def test_a_waiver_never_turns_what_is_undecided_into_a_pass() -> None:
    assert results("inconclusive", told=Dispositions(waivers=(waiver(),))).gate.exit_code == 3
    assert results("fail", "inconclusive", told=Dispositions(waivers=(waiver(),))).gate.exit_code == 3


@pytest.mark.parametrize(("verdict", "code"), [("fail", 0), ("pass", 1), ("inconclusive", 3)])
def test_what_is_expected_to_fail_must(verdict: str, code: int) -> None:
    found = results(verdict, told=Dispositions(waivers=(waiver(kind="expected-failure"),)))

    assert found.gate.exit_code == code
    assert ("expected to fail, and passing" in found.gate.sentence) == (code == 1)


def test_a_fault_of_the_suite_is_waived_by_nobody() -> None:
    assert results("fail", told=Dispositions(waivers=(waiver(),)), faults=("ours",)).gate.exit_code == 4


def test_an_interrupted_run_is_undecided_whatever_is_waived() -> None:
    assert results("fail", told=Dispositions(waivers=(waiver(),)), interrupted=True).gate.exit_code == 3


@pytest.mark.parametrize(
    ("then", "code"), [("fail", 0), ("pass", 1), ("inconclusive", 1), ("not-applicable", 1), (None, 1)]
)
def test_only_what_failed_before_is_known(then: str | None, code: int) -> None:
    verdicts = {} if then is None else {BROKEN: then}
    told = Dispositions(baseline=Earlier(run="beef", verdicts=verdicts), fail_on=("new",))

    assert results("fail", told=told).gate.exit_code == code


def test_without_a_baseline_everything_is_new() -> None:
    assert results("fail", told=Dispositions(fail_on=("new",))).gate.exit_code == 1


def test_a_baseline_alone_excuses_nothing() -> None:
    found = results("fail", told=Dispositions(baseline=Earlier(run="beef", verdicts={BROKEN: "fail"})))

    assert found.gate.exit_code == 1
    assert found.change is not None
    assert (found.change.baseline, found.change.persisting) == ("beef", (BROKEN,))


def test_failures_below_a_severity_are_shown_and_do_not_count() -> None:
    severity = HSTS[0].severity.value
    worse = {"high": "critical", "medium": "high", "low": "medium", "info": "low"}[severity]

    assert results("fail", told=Dispositions(fail_on=(f"severity:{severity}",))).gate.exit_code == 1
    assert results("fail", told=Dispositions(fail_on=(f"severity:{worse}",))).gate.exit_code == 0


def test_failures_of_other_claims_than_asked_for_do_not_count() -> None:
    assert results("fail", told=Dispositions(fail_on=("claim:T3",))).gate.exit_code == 1
    assert results("fail", told=Dispositions(fail_on=("claim:T1",))).gate.exit_code == 0


@pytest.mark.parametrize("wrong", ["", "never", "severity:", "severity:bad", "claim:X9", "new:1"])
def test_what_cannot_be_failed_on_is_named(wrong: str) -> None:
    assert f"'{wrong}' is none of" in fault_in(("new", wrong), ("T1",))


@given(_RUNS, _RUNS)
def test_every_failure_is_new_regressed_or_persisting_and_only_one_of_them(
    then: dict[str, str], now: dict[str, str]
) -> None:
    change = changed(Earlier(run="r", verdicts=then), now)

    told = [*change.new, *change.regressed, *change.persisting]
    assert sorted(told) == sorted(check for check, verdict in now.items() if verdict == "fail")
    assert set(change.fixed) == {
        c for c in then if then[c] == "fail" and now.get(c) in {"pass", "not-applicable"}
    }
    assert all(now.get(check) in {None, "inconclusive"} for check in change.lost)


@given(_RUNS)
def test_a_run_beside_itself_has_not_changed(run: dict[str, str]) -> None:
    change = changed(Earlier(run="r", verdicts=run), run)

    assert not change.new + change.regressed + change.fixed + change.lost


def test_a_claim_whose_access_is_not_declared_is_not_gated_and_leaves_nothing_undecided() -> None:
    findings = [finding(c, "inconclusive") for c in checks() if c.claim == "S1" and c.deciding]
    findings += [finding(c, "pass") for c in HSTS]
    told = declared("T3", "S1")

    every, few = (
        assess(
            declared=msgspec.structs.replace(told, access=access),
            record=record(),
            findings=findings,
            gathered={},
            digests={},
            kills=KillMatrix(),
        ).gate
        for access in (told.access, ("key", "witness"))
    )

    assert (every.claims, every.exit_code) == (("T3", "S1"), 3)
    assert (few.claims, few.exit_code) == (("T3",), 0)
    assert "undecided" not in few.sentence
