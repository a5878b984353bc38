"""The gate, the exit code and the last sentence."""

import pytest

from conformance.catalogue import checks
from conformance.claim_verdicts import verdict_name
from conformance.claims.catalogue import claims, page_claims
from conformance.judge import Finding
from conformance.model.evidence import Unobserved
from conformance.model.preflight import Preflight, Step
from conformance.model.results import ClaimResult, Results, encode
from conformance.model.scale import Fault, Level, Severity
from tests.core.made import VERDICTS, assessed, check, finding


def _of(claim: str, *verdicts: str) -> list[Finding]:
    """Findings of all deciding checks of a claim: the verdicts told, and passes for the rest."""
    own = [c for c in checks() if c.claim == claim and c.deciding]
    assert len(own) >= len(verdicts)
    said = [*verdicts, *["pass"] * (len(own) - len(verdicts))]
    return [finding(entry, verdict) for entry, verdict in zip(own, said, strict=True)]


def _all(claim: str, verdict: str) -> list[Finding]:
    return [finding(c, verdict) for c in checks() if c.claim == claim and c.deciding]


def _claim(results: Results, claim: str) -> ClaimResult:
    return next(c for c in results.claims if c.id == claim)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("pass",), 0),
        (("pass", "pass"), 0),
        (("pass", "not-applicable"), 0),
        (("not-applicable",), 3),
        (("not-applicable", "not-applicable"), 3),
        (("inconclusive",), 3),
        (("pass", "inconclusive"), 3),
        (("fail",), 1),
        (("pass", "fail"), 1),
        (("fail", "inconclusive"), 1),
        (("fail", "not-applicable"), 1),
    ],
)
def test_gated_claims_decide_the_exit_code(verdicts: tuple[str, ...], code: int) -> None:
    gate = ("T1", "T2")[: len(verdicts)]
    found = [f for claim, verdict in zip(gate, verdicts, strict=True) for f in _all(claim, verdict)]
    assert assessed(*found, made=gate).gate.exit_code == code


@pytest.mark.parametrize(
    ("verdict", "interrupted", "fault", "code"),
    [
        ("pass", True, False, 3),
        ("fail", True, False, 1),
        ("inconclusive", True, False, 3),
        ("pass", False, True, 4),
        ("fail", False, True, 4),
        ("inconclusive", True, True, 4),
    ],
)
def test_a_fault_of_ours_outweighs_a_fail_which_outweighs_what_is_open(
    verdict: str, interrupted: bool, fault: bool, code: int
) -> None:
    faults = ("a look: KeyError",) if fault else ()
    results = assessed(*_all("T1", verdict), made=("T1",), interrupted=interrupted, faults=faults)
    assert results.gate.exit_code == code


def test_an_empty_gate_decides_nothing() -> None:
    results = assessed()
    assert results.gate.claims == ()
    assert results.gate.exit_code == 3
    assert (
        results.gate.sentence
        == f"not decided: 0 of {len(page_claims())} claims; {len(page_claims())} not assessed"
    )


def test_a_check_that_crashed_is_a_fault_of_the_suite() -> None:
    crashed = [finding(f.check, "inconclusive", fault="x: KeyError") for f in _all("T1", "pass")]
    results = assessed(*crashed, made=("T1",))
    assert results.gate.exit_code == 4
    assert results.gate.sentence.startswith("fault of the suite: 0 of 1 claims; undecided: T1")
    assert "x: KeyError" in results.run.faults


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.SUITE, 4), (Fault.TARGET, 0), (Fault.OPERATOR, 0), (Fault.NETWORK, 0)]
)
def test_only_a_look_that_our_own_code_prevented_is_a_fault_of_the_suite(fault: Fault, code: int) -> None:
    gathered = {"Look": Unobserved(reason="r", fault=fault, decide="d")}
    assert assessed(*_all("T1", "pass"), made=("T1",), gathered=gathered).gate.exit_code == code  # type: ignore[arg-type]  # dict is invariant


def test_a_claim_fails_with_its_first_failing_check() -> None:
    results = assessed(*_of("S1", "fail", "inconclusive"), made=("S1",))
    assert _claim(results, "S1").verdict == "fail"


def test_a_claim_of_which_something_stayed_open_does_not_pass() -> None:
    results = assessed(*_of("S1", "inconclusive"), made=("S1",))
    assert _claim(results, "S1").verdict == "inconclusive"


def test_a_claim_passes_where_one_check_passes_and_the_others_do_not_apply() -> None:
    results = assessed(*_of("S1", "not-applicable"), made=("S1",))
    assert _claim(results, "S1").verdict == "pass"


def test_a_claim_of_which_only_some_checks_were_selected_cannot_pass() -> None:
    some = _of("S1")[:1]
    results = assessed(*some, made=("S1",))
    assert _claim(results, "S1").verdict == "inconclusive"
    assert "only 1 of its" in _claim(results, "S1").because
    assert results.gate.exit_code == 3


def test_a_claim_of_which_only_some_checks_were_selected_can_fail() -> None:
    results = assessed(*_of("S1", "fail")[:1], made=("S1",))
    assert results.gate.exit_code == 1


def test_a_check_that_only_informs_decides_nothing() -> None:
    informing = [finding(c, "fail") for c in checks() if c.claim == "S1" and not c.deciding]
    assert informing, "there is such a check"
    results = assessed(*_of("S1"), *informing, made=("S1",))
    assert _claim(results, "S1").verdict == "pass"
    assert results.gate.exit_code == 0


def test_a_claim_that_is_not_made_is_judged_for_information() -> None:
    results = assessed(*_all("T1", "pass"), *_all("T2", "fail"), made=("T1",))
    assert results.gate.claims == ("T1",)
    assert results.gate.exit_code == 0
    assert (_claim(results, "T2").verdict, _claim(results, "T2").made, _claim(results, "T2").gated) == (
        "fail",
        False,
        False,
    )


def test_a_claim_whose_access_is_not_declared_is_not_gated() -> None:
    results = assessed(
        *_all("T1", "pass"), *_all("S1", "inconclusive"), made=("T1", "S1"), levels=("outside",)
    )
    assert results.gate.claims == ("T1",)
    assert results.gate.exit_code == 0
    assert _claim(results, "S1").verdict == "not-assessed"
    assert results.gate.sentence == "conforms: 1 of 2 claims; 1 not assessed"


def test_declared_access_that_does_not_work_keeps_its_claims_in_the_gate() -> None:
    results = assessed(*_all("T1", "pass"), *_all("S1", "inconclusive"), made=("T1", "S1"))
    assert results.gate.claims == ("T1", "S1")
    assert results.gate.exit_code == 3


def test_required_claims_are_the_gate_and_nothing_else() -> None:
    results = assessed(*_all("T1", "pass"), *_all("T2", "inconclusive"), require=("T1",))
    assert results.gate.claims == ("T1",)
    assert results.gate.exit_code == 0


def test_a_required_claim_without_checks_is_inconclusive() -> None:
    unchecked = next(c.id for c in claims() if not any(k.claim == c.id and k.deciding for k in checks()))
    results = assessed(*_all("T1", "pass"), require=("T1", unchecked))
    assert _claim(results, unchecked).verdict == "inconclusive"
    assert _claim(results, unchecked).because.startswith("it is required, but")
    assert results.gate.exit_code == 3


def test_what_is_broken_outside_the_gate_is_named_all_the_same() -> None:
    results = assessed(*_all("T1", "pass"), *_all("T2", "fail"), made=("T1", "T2"), require=("T1",))
    assert results.gate.sentence == "conforms: 1 of 2 claims; 1 not assessed; broken outside the gate: T2"
    assert results.gate.exit_code == 0


def test_every_claim_made_is_counted_once() -> None:
    found = [*_all("T1", "pass"), *_all("T2", "pass"), *_all("T3", "pass")]
    gate = assessed(*found, require=("T1", "T2")).gate
    assert gate.conforms == 2
    assert gate.conforms + gate.not_assessed == gate.made == len(page_claims())


def test_a_required_claim_that_was_not_made_is_counted_too() -> None:
    results = assessed(*_all("T1", "pass"), made=("T2",), require=("T1",))
    assert results.gate.sentence == "conforms: 1 of 2 claims; 1 not assessed"


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (("pass", "pass"), "conforms: 2 of 2 claims"),
        (("pass", "not-applicable"), "conforms: 2 of 2 claims"),
        (("pass", "fail"), "does not conform: 1 of 2 claims; broken: T2"),
        (("inconclusive", "fail"), "does not conform: 0 of 2 claims; broken: T2; undecided: T1"),
        (("pass", "inconclusive"), "not decided: 1 of 2 claims; undecided: T2"),
    ],
)
def test_the_last_sentence_says_what_was_decided(verdicts: tuple[str, str], sentence: str) -> None:
    found = [f for claim, verdict in zip(("T1", "T2"), verdicts, strict=True) for f in _all(claim, verdict)]
    assert assessed(*found, made=("T1", "T2")).gate.sentence == sentence


def test_the_reason_of_a_claim_is_that_of_its_weightiest_check() -> None:
    light = check("a", severity=Severity.LOW)
    heavy = check("z", severity=Severity.CRITICAL)
    results = assessed(finding(light, "fail"), finding(heavy, "fail"), made=("T1",))
    assert _claim(results, "T1").because == "it is broken (+1 more)"


def test_the_level_of_a_claim_is_the_deepest_that_said_something() -> None:
    outside, inside = check("a"), check("b", level=Level.INSIDE)
    said = assessed(finding(outside, "fail"), finding(inside, "fail"), made=("T1",))
    silent = assessed(finding(outside, "fail"), finding(inside, "inconclusive"), made=("T1",))
    assert (_claim(said, "T1").level, _claim(silent, "T1").level) == ("inside", "outside")


def test_the_trouble_of_the_preflight_stands_first_and_once() -> None:
    trouble = Unobserved(reason="nothing listens there", fault=Fault.NETWORK, decide="start it")
    steps = tuple(
        Step(name=name, detail="", trouble=trouble) for name in ("the gateway answers", "access 'admin'")
    )
    results = assessed(gathered={"Preflight": Preflight(steps=steps), "Rotation": trouble})
    assert [(gap.what, gap.fault) for gap in results.unseen] == [
        ("the gateway answers", "network"),
        ("Rotation", "network"),
    ]


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_every_verdict_has_its_word(name: str) -> None:
    assert verdict_name(VERDICTS[name]) == name


def test_a_fix_is_told_for_what_is_broken_only() -> None:
    results = assessed(
        finding(check("a"), "fail"), finding(check("b"), "pass"), finding(check("c"), "inconclusive")
    )
    assert [(c.fix, c.decide) for c in results.checks] == [("mend it", ""), ("", ""), ("", "ask again")]


def test_results_have_one_form_in_bytes() -> None:
    assert encode(assessed(*_all("T1", "pass"))) == encode(assessed(*_all("T1", "pass")))
