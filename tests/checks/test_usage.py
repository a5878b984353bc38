"""S2: what is recorded is what the provider billed, to a unit per call."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from conformance.checks.usage import (
    nobody_pays_for_somebody_else,
    provider_refusals_are_free,
    usage_equals_the_bill,
)
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.spend import UsageTruth
from conformance.model.verdict import Fail, Pass, Verdict
from tests.checks.made import MEASURED, declared, usage, word

EXACT = declared(usage_unit="0")
UNIT = declared(usage_unit="0.000000000001")  # one picodollar: a row of bill 10, 20, 30 may differ by 1, 2, 3
NOT_TRIED = Unobserved(reason="not looked for", fault=Fault.OPERATOR, decide="look")


def _refusals_are_free(truth: UsageTruth, promise: Declared) -> Verdict:
    return provider_refusals_are_free(truth, promise, NOT_TRIED)


ALL: tuple[Callable[[UsageTruth, Declared], Verdict], ...] = (
    usage_equals_the_bill, _refusals_are_free, nobody_pays_for_somebody_else,
)  # fmt: skip


@pytest.mark.parametrize(
    ("truth", "promise", "verdict"),
    [
        (usage(), EXACT, "pass"),
        # Plain calls and streams, to the smallest unit.
        (usage(11, 21, 21, 21, 31), EXACT, "fail"),
        (usage(9, 19, 19, 19, 29), EXACT, "fail"),
        (usage(11, 22, 22, 22, 33), UNIT, "pass"),
        (usage(9, 18, 18, 18, 27), UNIT, "pass"),
        (usage(12, 22, 22, 22, 32), UNIT, "fail"),
        (usage(10, 17, 17, 17, 27), UNIT, "fail"),
        (usage(10, 10, 10, 10, 20), EXACT, "fail"),  # streams are free
        (usage(10, 20, 20, 20, 20), EXACT, "fail"),  # the last call is
        (usage(0, 0, 0, 0, 0), EXACT, "fail"),
        # What refusals were charged is another check's finding.
        (usage(10, 20, 35, 35, 45), EXACT, "pass"),
        (usage(10, 20, 35, 35, 35), EXACT, "fail"),
        # Nothing can be read, or nothing was called.
        (usage(None, None, None, None, None), EXACT, "inconclusive"),
        (usage(10, None, 20, 20, 30), EXACT, "inconclusive"),
        (usage(9, None, 20, 20, 30), EXACT, "fail"),
        (usage(step1={"reached": 0}), EXACT, "inconclusive"),
        (usage(step3={"reached": 0}), EXACT, "inconclusive"),
        (usage(step0={"calls": 3, "reached": 2}), EXACT, "inconclusive"),
        (usage(price=MEASURED), EXACT, "inconclusive"),
        (usage(10, 10, 10, 10, 20, price=MEASURED), EXACT, "fail"),
    ],
)
def test_recorded_usage_equals_the_bill(truth: UsageTruth, promise: Declared, verdict: str) -> None:
    assert word(usage_equals_the_bill(truth, promise)) == verdict


@pytest.mark.parametrize(
    ("recorded", "verdict"),
    [
        ((9, 19, 19, 19, 29), "pass"),
        ((11, 21, 21, 21, 31), "pass"),
        ((9, 18, 18, 18, 27), "fail"),
        ((11, 22, 22, 22, 33), "fail"),
    ],
)
def test_rounding_touches_no_call_that_costs_whole_units(recorded: tuple[int, ...], verdict: str) -> None:
    even = tuple(structs.replace(row, uneven=0) for row in usage(*recorded).rows)
    assert word(usage_equals_the_bill(structs.replace(usage(), rows=even), UNIT)) == verdict


def _one_call_each(*recorded: int) -> UsageTruth:
    """A call of 10 in each row, and what was recorded after it."""
    rows = zip(usage().rows, recorded, strict=True)
    return structs.replace(
        usage(),
        rows=tuple(
            structs.replace(row, recorded=told, billed_calls=number, bill=10 * number)
            for number, (row, told) in enumerate(rows, 1)
        ),
    )


def test_plain_calls_recorded_too_high_are_no_finding_about_refusals_or_siblings() -> None:
    double, charged = _one_call_each(20, 40, 60, 80, 100), _one_call_each(20, 40, 61, 81, 101)
    assert word(usage_equals_the_bill(double, EXACT)) == "fail"
    assert word(_refusals_are_free(double, EXACT)) == "inconclusive"
    assert word(nobody_pays_for_somebody_else(double, EXACT)) == "inconclusive"
    assert word(_refusals_are_free(charged, EXACT)) == "fail"


def test_what_was_recorded_from_the_beginning_hides_no_charge_for_a_sibling() -> None:
    shared = _one_call_each(17, 27, 37, 52, 62)

    assert word(usage_equals_the_bill(shared, EXACT)) == "fail"
    assert word(nobody_pays_for_somebody_else(shared, EXACT)) == "fail"
    assert word(_refusals_are_free(structs.replace(shared, refused=62), EXACT)) != "fail"


@pytest.mark.parametrize(("left", "verdict"), [(None, "pass"), (0, "pass"), (1, "pass"), (2, "fail")])
def test_a_refusal_for_the_limit_is_free(left: int | None, verdict: str) -> None:
    assert word(_refusals_are_free(structs.replace(usage(), refused=left), UNIT)) == verdict


@given(st.sampled_from((0, 1, 4)), st.integers(-50, 50))
def test_one_picodollar_beyond_the_unit_is_too_much(step: int, difference: int) -> None:
    recorded = [10, 20, 20, 20, 30]
    recorded[step] += difference
    assert isinstance(usage_equals_the_bill(usage(*recorded), EXACT), Fail) is (difference != 0)


@pytest.mark.parametrize(
    ("truth", "promise", "verdict"),
    [
        (usage(), EXACT, "pass"),
        (usage(10, 20, 21, 21, 31), EXACT, "fail"),
        (usage(10, 20, 22, 22, 32), UNIT, "pass"),
        (usage(10, 20, 23, 23, 33), UNIT, "fail"),
        # What was still on its way when the row before was read is no charge.
        (usage(10, 12, 20, 20, 30), EXACT, "pass"),
        (usage(10, 12, 29, 29, 39), EXACT, "fail"),
        # Or may be one, where only some of it came.
        (usage(10, 12, 15, 15, 25), EXACT, "inconclusive"),
        (usage(10, 12, 12, 12, 22), EXACT, "pass"),
        # The refusals never took place, or usage never moves.
        (usage(step2={"reached": 0}), EXACT, "inconclusive"),
        (usage(step2={"calls": 3, "reached": 2}), EXACT, "inconclusive"),
        (usage(10, 20, 25, 25, 35, step2={"reached": 0}), EXACT, "fail"),
        (usage(10, 20, 20, 20, 20), EXACT, "inconclusive"),
        (usage(0, 0, 0, 0, 0), EXACT, "inconclusive"),
        (usage(10, 20, None, 20, 30), EXACT, "inconclusive"),
        (usage(10, None, 20, 20, 30), EXACT, "inconclusive"),
        (usage(10, 20, 20, 20, None), EXACT, "inconclusive"),
    ],
)
def test_a_refusal_by_the_provider_is_free(truth: UsageTruth, promise: Declared, verdict: str) -> None:
    assert word(provider_refusals_are_free(truth, promise, NOT_TRIED)) == verdict


@pytest.mark.parametrize(
    ("truth", "promise", "verdict"),
    [
        (usage(), EXACT, "pass"),
        (usage(10, 20, 20, 21, 31), EXACT, "fail"),
        (usage(10, 20, 20, 30, 40), EXACT, "fail"),
        (usage(10, 20, 20, 22, 32), UNIT, "pass"),
        (usage(10, 20, 20, 23, 33), UNIT, "fail"),
        (usage(10, 20, 12, 20, 30), EXACT, "pass"),
        (usage(10, 20, 12, 29, 39), EXACT, "fail"),
        (usage(10, 12, 12, 18, 28), EXACT, "inconclusive"),
        (usage(10, 12, 12, 12, 22), EXACT, "pass"),
        (usage(step3={"reached": 0}), EXACT, "inconclusive"),
        (usage(10, 20, 20, 20, 20), EXACT, "inconclusive"),
        (usage(10, 20, 20, None, 30), EXACT, "inconclusive"),
        (usage(10, 20, None, 20, 30), EXACT, "inconclusive"),
    ],
)
def test_nobody_pays_for_somebody_else(truth: UsageTruth, promise: Declared, verdict: str) -> None:
    assert word(nobody_pays_for_somebody_else(truth, promise)) == verdict


def _parts() -> list[Any]:
    rows = usage().rows
    return [part for size in range(len(rows)) for part in combinations(rows, size)]


@pytest.mark.parametrize("judge", ALL, ids=lambda judge: judge.__name__)
def test_an_observation_with_steps_missing_raises_nothing(
    judge: Callable[[UsageTruth, Declared], Verdict],
) -> None:
    for rows in _parts():
        word(judge(UsageTruth(price=MEASURED, rows=rows), EXACT))


def test_usage_does_not_pass_unless_plain_calls_and_streams_were_made() -> None:
    for rows in _parts():
        kinds = {row.after for row in rows}
        said = usage_equals_the_bill(UsageTruth(price=usage().price, rows=rows), EXACT)
        if isinstance(said, Pass):
            assert {"plain calls", "streams", "a plain call again"} <= kinds


@pytest.mark.parametrize(
    ("judge", "wrong"),
    [
        (usage_equals_the_bill, usage(10, 10, 10, 10, 20)),
        (_refusals_are_free, usage(10, 20, 35, 35, 45)),
        (nobody_pays_for_somebody_else, usage(10, 20, 20, 35, 45)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_hangs_on_time_must_be_seen_twice(
    judge: Callable[[UsageTruth, Declared], Verdict], wrong: UsageTruth
) -> None:
    once = msgspec.structs.replace(wrong, replayed=usage().rows)
    twice = msgspec.structs.replace(wrong, replayed=wrong.rows)

    assert word(judge(once, EXACT)) == "inconclusive"
    assert word(judge(twice, EXACT)) == "fail"
