"""S1: what reached the provider decides, to the smallest unit."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.spend import (
    concurrent_limit_holds,
    refusals_reach_no_provider,
    sequential_limit_holds,
)
from conformance.model.money import from_usd
from conformance.model.preflight import Price
from conformance.model.spend import Scenario, SpendRace, SpendSequential
from conformance.model.verdict import Fail, Pass
from tests.checks.made import (
    BROKEN,
    COST,
    LIMIT,
    MEASURED,
    REFUSALS,
    REFUSED,
    SERVED,
    SILENT,
    declared,
    race,
    scenario,
    sequential,
    spent,
    word,
)  # fmt: skip

FULL = spent(cost=LIMIT)  # one call that spends the whole limit
OVER = spent(cost=LIMIT + 1)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (sequential(scenario()), "pass"),
        (sequential(scenario(FULL, *REFUSALS)), "pass"),
        (sequential(scenario(OVER, *REFUSALS)), "fail"),
        (sequential(scenario(), scenario(OVER)), "fail"),
        # What was refused or never answered, but reached the provider, is billed all the same.
        (sequential(scenario(FULL, spent("402", cost=1))), "fail"),
        (sequential(scenario(FULL, spent("timeout", cost=1))), "fail"),
        (sequential(scenario(spent("402", cost=LIMIT + 1))), "fail"),
        # A breach needs no control …
        (sequential(scenario(OVER, ample_before=False, ample_after=False, revived=False)), "fail"),
        (sequential(scenario(ample_before=False), scenario(OVER)), "fail"),
        # … its absence does.
        (sequential(scenario(ample_before=False)), "inconclusive"),
        (sequential(scenario(ample_after=False)), "inconclusive"),
        (sequential(scenario(revived=False)), "inconclusive"),
        (sequential(scenario(revived=None)), "pass"),
        (sequential(scenario(*SERVED)), "inconclusive"),
        (sequential(scenario(*REFUSALS)), "inconclusive"),
        (sequential(scenario(SILENT)), "inconclusive"),
        (sequential(scenario(*SERVED, SILENT, SILENT, SILENT)), "inconclusive"),
        (sequential(scenario(), scenario(ample_after=False)), "inconclusive"),
        # Server errors prove a limit only where raising it revives the key.
        (sequential(scenario(*SERVED, BROKEN)), "pass"),
        (sequential(scenario(*SERVED, BROKEN, revived=None)), "inconclusive"),
        (sequential(scenario(*SERVED, BROKEN, REFUSED, revived=None)), "pass"),
        # Odd evidence.
        (sequential(), "inconclusive"),
        (sequential(scenario(spent(cost=0), *REFUSALS, limit=0)), "pass"),
        (sequential(scenario(spent(cost=1), *REFUSALS, limit=0)), "fail"),
    ],
)  # fmt: skip
def test_calls_one_after_another_never_exceed_the_limit(seen: SpendSequential, verdict: str) -> None:
    assert word(sequential_limit_holds(seen, declared())) == verdict


@pytest.mark.parametrize(
    ("over", "verdict"), [(0, "pass"), (1, "pass"), (10**10, "pass"), (10**10 + 1, "fail")]
)
def test_a_declared_tolerance_is_exact_too(over: int, verdict: str) -> None:
    seen = sequential(scenario(spent(cost=LIMIT + over), *REFUSALS))
    assert word(sequential_limit_holds(seen, declared(soft_limit="0.01"))) == verdict
    assert word(concurrent_limit_holds(race(*seen.scenarios), declared(soft_limit="0.01"))) == verdict


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20), st.integers(1, 10**14))
def test_only_the_bill_decides_whether_a_limit_was_broken(costs: list[int], limit: int) -> None:
    seen = scenario(*(spent(cost=cost) for cost in costs), *REFUSALS, limit=limit)
    broken = sum(costs) > limit
    assert isinstance(sequential_limit_holds(sequential(seen), declared()), Fail) is broken
    assert isinstance(concurrent_limit_holds(race(seen), declared()), Fail) is broken


ROUND = scenario(spent(), spent(), *(REFUSED,) * 9, limit=2 * COST, in_flight=2)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (race(ROUND, ROUND), "pass"),
        (race(ROUND, scenario(*SERVED, limit=2 * COST)), "fail"),
        (race(scenario(OVER), ample_in_flight=0, ample_served=0), "fail"),
        (race(scenario(OVER, SILENT, ample_before=False, revived=False)), "fail"),
        (race(ROUND, ample_in_flight=1), "inconclusive"),
        (race(ROUND, ample_in_flight=2), "pass"),
        (race(ROUND, ample_served=10), "inconclusive"),
        (race(), "inconclusive"),
        (race(ROUND, scenario(*SERVED, SILENT, *REFUSALS)), "inconclusive"),
        (race(ROUND, scenario(*SERVED)), "inconclusive"),
        (race(ROUND, scenario(*REFUSALS)), "inconclusive"),
        (race(ROUND, scenario(revived=False)), "inconclusive"),
        (race(ROUND, scenario(revived=None)), "pass"),
        (race(ROUND, scenario(ample_after=False)), "inconclusive"),
        (race(ROUND, volley=1, ample_in_flight=1, ample_served=1), "inconclusive"),
        (race(scenario(spent(cost=0), *REFUSALS, limit=0)), "pass"),
        # In a small round all calls may fit in the limit; a breach is one in any round.
        (race(ROUND, msgspec.structs.replace(scenario(*SERVED), at_once=2)), "pass"),
        (race(ROUND, msgspec.structs.replace(scenario(OVER), at_once=2)), "fail"),
        (race(msgspec.structs.replace(scenario(), at_once=2)), "inconclusive"),
        # Calls on one connection need not race, and may not even be answered.
        (race(ROUND, pipelined=scenario(*SERVED, SILENT)), "pass"),
        (race(ROUND, pipelined=scenario(OVER, SILENT)), "fail"),
    ],
)
def test_calls_at_once_never_exceed_the_limit(seen: SpendRace, verdict: str) -> None:
    assert word(concurrent_limit_holds(seen, declared())) == verdict


def test_the_worst_round_is_told() -> None:
    said = concurrent_limit_holds(race(scenario(OVER), scenario(spent(cost=10 * LIMIT))), declared())
    assert "900 % over" in said.because


def test_where_the_gateways_own_records_made_the_price_the_pass_says_so() -> None:
    said = sequential_limit_holds(sequential(scenario(), price=MEASURED), declared())
    assert isinstance(said, Pass)
    assert said.because.endswith("; priced by the gateway's own usage records")


def test_a_soft_limit_and_prices_that_were_looked_up_are_told_beside_a_pass() -> None:
    looked_up = Price(model="m", source="models endpoint", prompt=1, completion=2)
    said = sequential_limit_holds(sequential(scenario(), price=looked_up), declared(soft_limit="0.5"))
    assert isinstance(said, Pass)
    assert said.because.endswith(
        "; priced by the gateway's models endpoint; the target file declares a soft limit, and tolerates $0.5"
    )


def test_an_overspent_limit_is_told_in_dollars_with_its_reproduction() -> None:
    limit, cost = from_usd("0.5"), from_usd("0.75")
    said = sequential_limit_holds(sequential(scenario(spent(cost=cost), limit=limit)), declared())
    assert isinstance(said, Fail)
    assert said.because == "one call after another: $0.75 spent on a limit of $0.5, 50 % over"
    assert said.expected.startswith("a bill of at most $0.5; where a limit is promised to be soft")
    assert said.observed == "1 calls reached the provider, billed $0.75"
    assert said.reproduction


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (scenario(), "pass"),
        (scenario(*SERVED, spent("402", cost=0)), "fail"),
        (scenario(*SERVED, spent("402", cost=5)), "fail"),
        (scenario(*SERVED), "inconclusive"),
        (scenario(*SERVED, SILENT), "inconclusive"),
        (scenario(*SERVED, spent("timeout")), "inconclusive"),
        (scenario(*REFUSALS), "pass"),
    ],
)
def test_refused_calls_do_not_reach_the_provider(attempt: Scenario, verdict: str) -> None:
    assert word(refusals_reach_no_provider(sequential(attempt))) == verdict


def test_without_an_attempt_nothing_is_said_of_refusals() -> None:
    assert word(refusals_reach_no_provider(sequential())) == "inconclusive"
