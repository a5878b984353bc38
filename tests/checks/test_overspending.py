"""S1, further: the bill decides; refusing a kind of call keeps a limit, and being too busy to answer proves nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.overspending import (
    absurd_limits_grant_nothing,
    every_billable_endpoint_is_limited,
    worst_case_is_set_aside,
)
from conformance.checks.overspending_in_time import random_sequences_stay_within, restarts_forget_nothing
from conformance.checks.usage import provider_refusals_are_free
from conformance.checks.usage_of_ended_calls import room_is_served, unmetered_calls_are_recorded
from conformance.model.spend import (
    Act,
    Attempt,
    Control,
    Family,
    Interleavings,
    SpendRestart,
    SpendWorkload,
    Spent,
)
from conformance.model.verdict import Fail
from tests.checks.made import (
    CONTROL,
    COST,
    LIMIT,
    PRICE,
    REFUSALS,
    SERVED,
    SILENT,
    declared,
    spent,
    usage,
    word,
)

OVER = spent(cost=LIMIT + 1)
NOT_TAKEN = spent("400", cost=0, reached=0)


def attempt(*calls: Spent, family: Family = "endpoint", limit: int = LIMIT, **more: Any) -> Attempt:
    """An attempt that a limit stood; what is said of it replaces that."""
    control = Control(**(CONTROL | {name: more.pop(name) for name in CONTROL if name in more}))
    fields: dict[str, Any] = {"alike": spent(), "control": control, "calls": calls or SERVED + REFUSALS}
    return Attempt(name="an attempt", family=family, limit=limit, **(fields | more))


def tried(*attempts: Attempt, **more: Any) -> SpendWorkload:
    """A workload of these."""
    return SpendWorkload(price=PRICE, attempts=attempts, **more)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(), "pass"),
        (attempt(OVER), "fail"),
        # A breach needs no control …
        (attempt(OVER, ample_before=False, ample_after=False, revived=False, alike=None), "fail"),
        (attempt(spent("502", cost=LIMIT + 1)), "fail"),
        # … holding does.
        (attempt(ample_after=False), "inconclusive"),
        (attempt(revived=False), "inconclusive"),
        (attempt(revived=None), "pass"),
        (attempt(*SERVED), "inconclusive"),
        (attempt(*REFUSALS), "inconclusive"),
        (attempt(SILENT), "inconclusive"),
        (attempt(trouble="the key API said no"), "inconclusive"),
        # A gateway that takes no such call keeps its limit; one that is busy says nothing of it.
        (attempt(NOT_TAKEN, alike=NOT_TAKEN), "pass"),
        (attempt(NOT_TAKEN, alike=spent("429", cost=0, reached=0)), "inconclusive"),
        (attempt(NOT_TAKEN, alike=spent("503", cost=0, reached=0)), "inconclusive"),
        (attempt(NOT_TAKEN, alike=SILENT), "inconclusive"),
        (attempt(NOT_TAKEN, alike=NOT_TAKEN, ample_after=False), "inconclusive"),
        (attempt(NOT_TAKEN, OVER, alike=NOT_TAKEN), "fail"),
    ],
)  # fmt: skip
def test_a_way_to_overspend_is_judged_by_the_bill_and_its_controls(seen: Attempt, verdict: str) -> None:
    assert word(every_billable_endpoint_is_limited(tried(seen), declared())) == verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(spent(), NOT_TAKEN, family="worst case", one_leap=True), "pass"),
        (attempt(spent(), spent(cost=1), family="worst case", one_leap=True), "pass"),
        (attempt(spent(), OVER, family="worst case", one_leap=True), "fail"),
        (attempt(spent(), SILENT, family="worst case", one_leap=True), "inconclusive"),
    ],
)
def test_one_call_may_cost_what_is_left_and_no_more(seen: Attempt, verdict: str) -> None:
    assert word(worst_case_is_set_aside(tried(seen), declared())) == verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(family="absurd limit", limit=0, calls=(), alike=None, created="refused (400)"), "pass"),
        (
            attempt(
                family="absurd limit",
                limit=0,
                calls=(),
                alike=None,
                created="refused (400)",
                ample_before=False,
            ),
            "inconclusive",
        ),
        (attempt(*REFUSALS, family="absurd limit", limit=0, alike=None, created="made"), "pass"),
        (attempt(spent(), family="absurd limit", limit=0, alike=None, created="made"), "fail"),
        (attempt(spent(cost=0), family="absurd limit", limit=0, alike=None, created="made"), "inconclusive"),
    ],
)
def test_a_limit_of_nothing_grants_nothing(seen: Attempt, verdict: str) -> None:
    assert word(absurd_limits_grant_nothing(tried(seen), declared())) == verdict


def test_without_another_endpoint_there_is_nothing_to_limit() -> None:
    other = attempt(family="abort")
    assert word(every_billable_endpoint_is_limited(tried(other), declared())) == "not-applicable"
    assert word(every_billable_endpoint_is_limited(tried(), declared())) == "inconclusive"
    assert word(worst_case_is_set_aside(tried(other), declared())) == "inconclusive"


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20), st.integers(0, 10**14), st.integers(0, 99))
def test_a_tolerance_is_added_to_the_limit_exactly(costs: list[int], limit: int, cents: int) -> None:
    seen = attempt(*(spent(cost=cost) for cost in costs), limit=limit)
    said = every_billable_endpoint_is_limited(tried(seen), declared(soft_limit=f"0.{cents:02}"))
    assert isinstance(said, Fail) is (sum(costs) > limit + cents * 10**10)


def test_the_worst_of_several_breaches_is_told() -> None:
    said = every_billable_endpoint_is_limited(
        tried(attempt(OVER), attempt(spent(cost=3 * LIMIT))), declared()
    )
    assert "200 % over" in said.because


@pytest.mark.parametrize(
    ("attempts", "verdict"),
    [
        ((attempt(family="changed limit", alike=None),), "pass"),
        ((attempt(OVER, family="changed limit", alike=None),), "fail"),
        ((attempt(family="changed limit", alike=None, revived=False),), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_a_restart_forgets_nothing(attempts: tuple[Attempt, ...], verdict: str) -> None:
    seen = SpendRestart(price=PRICE, attempts=attempts)
    assert word(restarts_forget_nothing(seen, declared())) == verdict


ACTS = (
    Act(what="key 0: make it", key=0, limit=LIMIT, bill=0),
    Act(what="key 0: 9 at once", key=0, limit=LIMIT, bill=9 * COST, told="200"),
)


@pytest.mark.parametrize(
    ("played", "verdict"),
    [
        (Interleavings(sequences=20, acts=160, reached=300), "pass"),
        (Interleavings(sequences=0, acts=0, reached=0), "inconclusive"),
        (Interleavings(sequences=20, acts=160, reached=0), "inconclusive"),
        (Interleavings(sequences=3, acts=9, reached=20, broken=ACTS, again=ACTS), "fail"),
        (Interleavings(sequences=3, acts=9, reached=20, broken=ACTS), "fail"),  # the bill was seen
    ],
)
def test_a_sequence_that_overspends_fails_whether_or_not_it_does_so_again(
    played: Interleavings, verdict: str
) -> None:
    assert word(random_sequences_stay_within(played)) == verdict


def test_a_sequence_is_told_as_a_script() -> None:
    said = random_sequences_stay_within(
        Interleavings(sequences=3, acts=9, reached=20, broken=ACTS, again=ACTS)
    )
    assert isinstance(said, Fail)
    assert said.reproduction.splitlines()[1].startswith("2. key 0: 9 at once → 200; billed so far")


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(family="abort", recorded=8 * COST), "pass"),
        (attempt(family="abort", recorded=80 * COST), "pass"),  # a hold may be charged
        (attempt(family="abort", recorded=7 * COST), "fail"),
        (attempt(family="fault", recorded=0), "fail"),
        (attempt(family="fault", recorded=0, told_truly=False), "inconclusive"),
        (attempt(family="abort", recorded=None), "inconclusive"),
        (attempt(*REFUSALS, family="abort", recorded=0), "inconclusive"),
    ],
)
def test_what_was_not_metered_is_recorded_at_no_less_than_its_bill(seen: Attempt, verdict: str) -> None:
    said = unmetered_calls_are_recorded(usage(), tried(seen), declared(usage_unit="0.000000000001"))
    assert word(said) == verdict


def test_where_plain_usage_is_not_true_nothing_is_said_of_the_rest() -> None:
    seen = tried(attempt(family="abort", recorded=0))
    said = unmetered_calls_are_recorded(usage(5, 10, 10, 10, 15), seen, declared(usage_unit="0.000000000001"))
    assert word(said) == "inconclusive"


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(NOT_TAKEN, spent(), family="refusal", recorded=COST, room=50), "pass"),
        (attempt(NOT_TAKEN, REFUSALS[0], family="refusal", recorded=0, room=50), "fail"),
        # By its own records there is no room, or it is not the limit that refuses.
        (attempt(NOT_TAKEN, REFUSALS[0], family="refusal", recorded=LIMIT, room=50), "inconclusive"),
        (attempt(NOT_TAKEN, REFUSALS[0], family="refusal", recorded=0, room=50, revived=False), "inconclusive"),
        (attempt(NOT_TAKEN, REFUSALS[0], family="refusal", recorded=0, room=50, revived=None), "inconclusive"),
        (attempt(NOT_TAKEN, REFUSALS[0], family="refusal", recorded=0, room=50, ample_after=False), "inconclusive"),
        (attempt(NOT_TAKEN, SILENT, family="refusal", recorded=0, room=50), "inconclusive"),
        (attempt(NOT_TAKEN, spent(), family="refusal", recorded=None, room=50), "inconclusive"),
        (attempt(), "inconclusive"),
    ],
)  # fmt: skip
def test_a_key_with_room_is_served(seen: Attempt, verdict: str) -> None:
    assert word(room_is_served(tried(seen))) == verdict


def test_where_usage_is_wrong_anyway_overload_is_not_blamed_for_it() -> None:
    seen = tried(attempt(spent("502", cost=0), spent(), family="refusal", recorded=9 * COST))
    wrong = usage(10, 20, 20, 35, 45)  # somebody else's calls are charged
    assert word(provider_refusals_are_free(wrong, declared(usage_unit="0.000000000001"), seen)) == "pass"


@pytest.mark.parametrize(("recorded", "verdict"), [(COST, "pass"), (COST + 1, "pass"), (2 * COST, "fail")])
def test_overload_at_the_provider_is_not_charged(recorded: int, verdict: str) -> None:
    seen = tried(attempt(spent("502", cost=0), spent(), family="refusal", recorded=recorded))
    said = provider_refusals_are_free(usage(), declared(usage_unit="0.000000000001"), seen)
    assert word(said) == verdict
