"""What counts against a disturbed audit."""

from collections.abc import Mapping

import pytest

from tests.faults.campaign import draw
from tests.faults.disturbances import CLASSES
from tests.faults.trial import Outcome, compare, either
from tests.twins.registry import entries


def _outcome(code: int, claims: Mapping[str, str], checks: Mapping[str, str] | None = None) -> Outcome:
    return Outcome(code=code, claims=claims, checks=checks or {}, seconds=1.0, said="", complaints=())


CALM = _outcome(
    1,
    {"T1": "pass", "K1": "fail", "S1": "inconclusive"},
    {"t.a": "pass", "k.a": "fail", "s.a": "inconclusive"},
)


@pytest.mark.parametrize(
    "disturbed",
    [
        _outcome(1, {"T1": "pass", "K1": "fail", "S1": "inconclusive"}),
        _outcome(3, {"T1": "inconclusive", "K1": "inconclusive", "S1": "inconclusive"}),
        _outcome(3, {}, {}),
        _outcome(-9, {}),
        _outcome(1, {"T1": "pass"}, {"s.a": "pass", "k.a": "inconclusive"}),
    ],
)
def test_to_see_less_is_no_fault(disturbed: Outcome) -> None:
    assert compare(disturbed, CALM) == ()


@pytest.mark.parametrize(
    ("disturbed", "said"),
    [
        (_outcome(3, {"K1": "pass"}), "claim K1 passes only when disturbed"),
        (_outcome(3, {"S1": "pass"}), "claim S1 passes only when disturbed"),
        (_outcome(3, {"Z1": "pass"}), "claim Z1 passes only when disturbed"),
        (_outcome(3, {}, {"k.a": "pass"}), "check k.a passes although it fails undisturbed"),
        (_outcome(0, {"T1": "pass"}), "exit code 0, undisturbed 1"),
    ],
)
def test_a_pass_that_only_a_disturbance_brings_is_a_fault(disturbed: Outcome, said: str) -> None:
    assert compare(disturbed, CALM) == (said,)


def test_a_pass_of_either_undisturbed_audit_is_no_fault() -> None:
    other = _outcome(0, {"K1": "inconclusive", "S1": "pass"}, {"s.a": "pass"})

    assert compare(_outcome(0, {"T1": "pass", "S1": "pass"}, {"s.a": "pass"}), either(CALM, other)) == ()
    assert compare(_outcome(3, {"K1": "pass"}), either(CALM, other)) != ()


def test_a_trial_can_be_repeated_by_its_number() -> None:
    gateways = [entry for entry in entries() if entry.kind != "broken"]

    first, again = (draw(3, 17, gateways, list(CLASSES)) for _ in range(2))

    assert first == again
