import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import money
from tests.reference_gateway.unhurried import UNHURRIED


@UNHURRIED
@given(nano=st.integers(0, money.MAX_NANO))
def test_an_amount_survives_the_way_out_and_in(nano: int) -> None:
    assert money.usd_to_nano(str(money.nano_to_usd(nano))) == nano


@pytest.mark.parametrize(
    ("text", "nano"),
    [("0", 0), ("-0", 0), ("1", 10**9), ("1e2", 10**11), ("0.000000001", 1), ("1.50", 15 * 10**8)],
)
def test_exact_dollars_become_nano_dollars(text: str, nano: int) -> None:
    assert money.usd_to_nano(text) == nano


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "NaN",
        "Infinity",
        '"1"',
        "true",
        "0.0000000001",
        "1.0000000000000000000000000000000000001",
        "9223372037",
        "1e999999999",
        "1e-999999999",
        "",
        "01",
        "१",
    ],
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(money.NotMoneyError):
        money.usd_to_nano(text)


@pytest.mark.parametrize(("text", "pico"), [("1.00", 10**6), ("0.0375", 37_500), ("0.000001", 1), ("0", 0)])
def test_a_price_per_million_is_exact(text: str, pico: int) -> None:
    assert money.usd_per_million_to_pico(text) == pico


@pytest.mark.parametrize(
    ("pico", "text"), [(10**6, "0.000001"), (37_500, "0.0000000375"), (0, "0"), (1, "0.000000000001")]
)
def test_a_price_per_token_is_shown_without_an_exponent(pico: int, text: str) -> None:
    assert money.pico_to_usd_text(pico) == text
