"""Money is exact, or it is refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.money import (
    PICO_PER_USD,
    exact,
    from_units,
    from_usd,
    in_usd,
    price_per_token,
    to_units,
)

PICO = st.integers(min_value=0, max_value=10**18)
SCALES = st.sampled_from((1, 100, 1000, 500_000, 10**6))


@given(PICO, SCALES)
def test_an_amount_survives_the_way_into_a_gateways_unit_and_back(pico: int, per_usd: int) -> None:
    assert from_units(to_units(pico, per_usd), per_usd) == pico


@given(PICO, SCALES)
def test_the_gateways_unit_is_exact(pico: int, per_usd: int) -> None:
    assert Fraction(to_units(pico, per_usd)) == Fraction(pico * per_usd, PICO_PER_USD)


@given(PICO)
def test_a_printed_amount_can_be_read_again(pico: int) -> None:
    assert from_usd(in_usd(pico).removeprefix("$")) == pico


@pytest.mark.parametrize(
    ("text", "pico"),
    [
        ("0", 0),
        ("0.05", 5 * 10**10),
        ("1e-12", 1),
        ("0.1", 10**11),
        ("5.00", 5 * 10**12),
        ("1e3", 10**15),
    ],
)
def test_dollars_become_picodollars(text: str, pico: int) -> None:
    assert from_usd(text) == pico


@pytest.mark.parametrize(
    "text",
    [
        "", "five", "-1", "-0.01", "NaN", "sNaN", "Infinity", "-Infinity",
        "1e-13",  # less than a picodollar
        "1e999999999", "1e-999999999",  # short to write, endless to count
    ],
)  # fmt: skip
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|picodollars"):
        from_usd(text)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "1e999999999", "1e-999999999"])
def test_a_gateway_that_tells_absurd_numbers_is_refused_at_once(amount: str) -> None:
    with pytest.raises(ValueError, match="not an amount of money"):
        from_units(Decimal(amount), 1)


def test_a_tenth_of_a_cent_is_not_a_float() -> None:
    assert to_units(10**9, 100) == Decimal("0.1")
    assert from_units(Decimal("0.1") + Decimal("0.2"), 1) == from_usd("0.3")


def test_what_a_gateway_tells_below_a_picodollar_is_rounded_down() -> None:
    assert from_units(Decimal("0.0000000000019"), 1) == 1


def test_a_price_per_million_is_whole_picodollars_per_token() -> None:
    assert price_per_token("0.15") == 150_000


def test_a_price_that_is_no_whole_picodollar_is_refused_and_never_rounded() -> None:
    with pytest.raises(ValueError, match="not a whole number of picodollars"):
        price_per_token("0.0000005")


def test_a_fraction_of_a_picodollar_is_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        exact(Fraction(1, 3))


@pytest.mark.parametrize(
    ("pico", "text"),
    [(0, "$0"), (1, "$0.000000000001"), (10**12, "$1"), (239 * 10**6, "$0.000239"), (10**13, "$10")],
)
def test_amounts_are_printed_without_trailing_zeros(pico: int, text: str) -> None:
    assert in_usd(pico) == text
