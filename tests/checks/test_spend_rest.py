"""S1, further: hidden tokens, slow readers, limits beyond reach, and gateways that stop answering."""

from typing import Any

import pytest

from conformance.catalogue import checks
from conformance.checks.doubts import doubt_of
from conformance.checks.overspending import (
    aborted_calls_are_charged,
    absurd_limits_grant_nothing,
    every_billable_endpoint_is_limited,
    hidden_tokens_are_charged,
    slow_readers_hold_nobody_up,
)
from conformance.checks.spend import concurrent_limit_holds, sequential_limit_holds
from conformance.model.spend import Attempt, Control, SpendWorkload
from conformance.model.verdict import Fail, Inconclusive, Pass
from tests.checks.made import (
    CONTROL,
    LIMIT,
    PRICE,
    REFUSALS,
    SERVED,
    SILENT,
    declared,
    race,
    scenario,
    sequential,
    spent,
    word,
)

GONE = "the gateway, or what lies before it, stopped answering"


def attempt(*calls: Any, family: Any = "abort", limit: int = LIMIT, **more: Any) -> Attempt:
    """An attempt that a limit stood; what is said of it replaces that."""
    control = Control(**(CONTROL | {name: more.pop(name) for name in CONTROL if name in more}))
    fields: dict[str, Any] = {"alike": spent(), "control": control, "calls": calls or SERVED + REFUSALS}
    return Attempt(name="an attempt", family=family, limit=limit, **(fields | more))


def absurd(*calls: Any, **more: Any) -> Attempt:
    """An attempt on a key with an absurd limit."""
    return attempt(**{"family": "absurd limit", "alike": None, "calls": calls, **more})


def tried(*attempts: Attempt, **more: Any) -> SpendWorkload:
    """A workload of these."""
    return SpendWorkload(price=PRICE, attempts=attempts, **more)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (attempt(beside=(True, True)), "pass"),
        # A machine may be busy for once.
        (attempt(beside=(False, True)), "pass"),
        (attempt(beside=(False, True, False)), "fail"),
        (attempt(beside=(False, False)), "fail"),
        # Nothing is known of a gateway that serves nobody afterwards either.
        (attempt(beside=(False, False), ample_after=False), "inconclusive"),
        (attempt(), "inconclusive"),
    ],
)
def test_slow_readers_are_judged_by_whether_others_are_served(seen: Attempt, verdict: str) -> None:
    assert word(slow_readers_hold_nobody_up(tried(seen))) == verdict


def test_a_slow_reader_that_is_not_charged_fails_with_those_who_leave() -> None:
    seen = attempt(spent(cost=LIMIT + 1), beside=(True,))

    assert word(aborted_calls_are_charged(tried(seen), declared())) == "fail"


@pytest.mark.parametrize(
    ("cost", "verdict"), [(LIMIT + 1, "fail"), (LIMIT, "pass")], ids=["more than the limit", "the limit"]
)
def test_hidden_tokens_are_judged_by_the_bill(cost: int, verdict: str) -> None:
    seen = attempt(spent(cost=cost), *REFUSALS, family="hidden tokens")

    assert word(hidden_tokens_are_charged(tried(seen), declared())) == verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        # It is called no limit, and is none: nobody is deceived.
        (absurd(*SERVED, out_of_reach=True, limit=10**15, created="made, read back as no limit"), "pass"),
        (absurd(*REFUSALS, out_of_reach=True, limit=10**15, created="made"), "pass"),
        # It is called a limit that it is not.
        (absurd(*SERVED, limit=0, created="made, read back as $0"), "fail"),
        (absurd(*SERVED, out_of_reach=True, limit=10**15, ample_after=False), "inconclusive"),
        (absurd(limit=0, created="refused (400)"), "pass"),
    ],
)
def test_a_limit_beyond_reach_is_what_the_key_api_says_that_it_is(seen: Attempt, verdict: str) -> None:
    assert word(absurd_limits_grant_nothing(tried(seen), declared())) == verdict


def test_what_became_of_a_limit_beyond_reach_stands_in_the_pass() -> None:
    seen = absurd(*SERVED, out_of_reach=True, limit=10**15, created="made, read back as no limit")

    said = absurd_limits_grant_nothing(tried(seen), declared())

    assert isinstance(said, Pass)
    assert "an attempt: made, read back as no limit" in said.because


def test_families_that_were_not_tried_stay_open_and_say_whose_fault_that_is() -> None:
    seen = tried(attempt(), left_out=(GONE,), not_tried=("endpoint",))

    said = every_billable_endpoint_is_limited(seen, declared())

    assert isinstance(said, Inconclusive)
    assert said.because == GONE


def test_what_was_tried_before_a_gateway_went_away_does_not_stand_for_the_rest() -> None:
    seen = tried(
        attempt(family="endpoint"), left_out=(GONE,), not_tried=("endpoint",), cut_short=("endpoint",)
    )
    broken = tried(
        attempt(spent(cost=LIMIT + 1), family="endpoint"), left_out=(GONE,), cut_short=("endpoint",)
    )

    assert word(every_billable_endpoint_is_limited(seen, declared())) == "inconclusive"
    assert word(every_billable_endpoint_is_limited(broken, declared())) == "fail"


def test_that_nothing_of_another_family_was_tried_leaves_an_endpoint_that_is_not_there_aside() -> None:
    seen = tried(attempt(), left_out=(GONE,), not_tried=("abort",))

    assert word(every_billable_endpoint_is_limited(seen, declared())) == "not-applicable"


def test_a_gateway_that_stops_answering_is_told_as_that() -> None:
    silent = scenario(*SERVED, SILENT, SILENT, SILENT, ample_after=False, revived=False)

    said = sequential_limit_holds(sequential(silent), declared())

    assert isinstance(said, Inconclusive)
    assert "3 calls were not answered by the gateway (timeout)" in said.because
    assert "did not answer (timeout)" in doubt_of(attempt(*SERVED, SILENT, ample_after=False))


@pytest.mark.parametrize(("tolerance", "hinted"), [("0", True), ("0.000000000005", False)])
def test_a_breach_names_the_way_to_declare_a_soft_limit_where_none_is_declared(
    tolerance: str, hinted: bool
) -> None:
    broken = scenario(spent(cost=2 * LIMIT))
    said = sequential_limit_holds(sequential(broken), declared(soft_limit=tolerance))

    assert isinstance(said, Fail)
    assert ("claims.soft_limit" in said.expected) is hinted


def test_where_calls_one_after_another_break_a_limit_races_are_judged_all_the_same() -> None:
    broken = scenario(spent(cost=2 * LIMIT))

    assert word(sequential_limit_holds(sequential(broken), declared())) == "fail"
    assert word(concurrent_limit_holds(race(broken), declared())) == "fail"


def test_of_the_checks_of_limits_the_plainest_speaks_first() -> None:
    orders = {check.id: check.order for check in checks() if check.id.startswith("spend.")}

    assert min(orders, key=lambda id_: orders[id_]) == "spend.sequential-limit-holds"
