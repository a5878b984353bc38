"""What tokens cost, what they can cost at most, and what an ended request is charged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger import spend
from reference_gateway.ledger.wire import MAX_COMPLETION, MAX_PROMPT, Outcome, Reserve, Settle
from reference_gateway.money import MAX_PRICE_PICO
from reference_gateway.price import Price, Rate, Tier
from tests.reference_gateway.ledger_parts import PENNY, RESERVE
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.wire_messages import RESERVES, usages


def rate(prompt: int, completion: int, cached: int, written: int) -> Rate:
    return Rate(prompt=prompt, completion=completion, cached=cached, written=written)


@pytest.mark.parametrize(
    ("tokens", "prices", "nano"),
    [
        ((1, 0), (1, 0), 1),
        ((1000, 0), (1, 0), 1),
        ((1001, 0), (1, 0), 2),
        ((1, 1), (500, 500), 1),
        ((0, 0), (9, 9), 0),
    ],
)
def test_a_cost_is_summed_exactly_and_rounded_up_once(
    tokens: tuple[int, int], prices: tuple[int, int], nano: int
) -> None:
    assert Price(rate=rate(*prices, 0, 0)).cost(*tokens) == nano


def test_cached_and_written_tokens_are_prompt_tokens_with_a_price_of_their_own() -> None:
    price = Price(rate=rate(prompt=10_000, completion=0, cached=1000, written=12_000))

    assert price.cost(prompt=10, completion=0, cached=3, written=2) == (5 * 10 + 3 * 1 + 2 * 12)


def test_a_request_may_have_a_price_of_its_own() -> None:
    price = Price(rate=rate(1000, 1000, 1000, 1000), request=7)

    assert (price.cost(1, 2), price.worst(1, 2), price.worst(0, 0)) == (10, 10, 7)


LONG = Price(
    rate=rate(1000, 2000, 1000, 1000),
    tiers=(
        Tier(above=10, rate=rate(5000, 500, 5000, 5000)),
        Tier(above=20, rate=rate(1000, 9000, 100, 1000)),
    ),
)


@pytest.mark.parametrize(
    ("prompt", "nano"), [(0, 2), (10, 10 + 2), (11, 56), (20, 101), (21, 21 + 9)], ids=str
)
def test_the_tier_of_the_whole_prompt_prices_the_whole_request(prompt: int, nano: int) -> None:
    assert LONG.cost(prompt, 1) == nano


def test_the_worst_case_is_that_of_the_dearest_tier_within_reach() -> None:
    assert [LONG.worst(bound, 1) for bound in (10, 20, 21)] == [12, 101, 106]


RATES = st.builds(
    Rate, **dict.fromkeys(("prompt", "completion", "cached", "written"), st.integers(0, MAX_PRICE_PICO))
)
PRICES = st.builds(
    lambda base, tiers, request: Price(
        rate=base,
        tiers=tuple(Tier(above=above, rate=tiers[above]) for above in sorted(tiers)),
        request=request,
    ),
    RATES,
    st.dictionaries(st.integers(1, MAX_PROMPT), RATES, max_size=3),
    st.integers(0, 10**9),
)


@UNHURRIED
@given(price=PRICES, usage=usages(), more_prompt=st.integers(0, 1000), more_completion=st.integers(0, 1000))
def test_nothing_within_the_bounds_costs_more_than_the_worst_case(
    price: Price, usage: dict[str, int], more_prompt: int, more_completion: int
) -> None:
    prompt, completion, cached, written = usage.values()

    worst = price.worst(prompt + more_prompt, completion + more_completion)

    assert 0 <= price.cost(prompt, completion, cached, written) <= worst


@UNHURRIED
@given(price=PRICES, message=RESERVES)
def test_no_hold_outgrows_the_ledgers_integers(price: Price, message: Reserve) -> None:
    worst = spend.worst_case(message, price)

    assert worst == price.worst(message.prompt_bound, message.completion_bound)
    assert worst <= (MAX_PROMPT + MAX_COMPLETION) * MAX_PRICE_PICO // 1000 + price.request < 2**46


@pytest.mark.parametrize(
    ("outcome", "price", "bill"),
    [
        (Outcome.METERED, PENNY, 12),
        (Outcome.METERED, None, 100),
        (Outcome.NOTHING_SENT, PENNY, 0),
        (Outcome.REFUSED, PENNY, 0),
        (Outcome.UNKNOWN, PENNY, 100),
        (Outcome.ORPHANED, PENNY, 100),
    ],
)
def test_only_what_is_proven_costs_less_than_the_hold(
    outcome: Outcome, price: Price | None, bill: int
) -> None:
    message = Settle(rid=1, outcome=outcome, prompt_tokens=5, completion_tokens=7)

    assert spend.bill(message, held=100, price=price) == bill


def test_the_worst_case_of_a_hold_is_in_money() -> None:
    assert spend.worst_case(RESERVE, PENNY) == RESERVE.completion_bound
