from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger import spend
from reference_gateway.ledger.spend import Period
from tests.reference_gateway.unhurried import UNHURRIED


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


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
    assert spend.cost(*tokens, *prices) == nano


@pytest.mark.parametrize(
    ("period", "now", "start"),
    [
        (Period.NEVER, "2026-03-04T05:06:07", "1970-01-01"),
        (Period.DAILY, "2026-03-04T23:59:59.999", "2026-03-04"),
        (Period.DAILY, "2026-03-04T00:00:00", "2026-03-04"),
        (Period.WEEKLY, "2026-03-01T12:00:00", "2026-02-23"),
        (Period.WEEKLY, "2026-03-02T00:00:00", "2026-03-02"),
        (Period.MONTHLY, "2024-02-29T23:59:59", "2024-02-01"),
        (Period.MONTHLY, "2026-12-31T23:59:59", "2026-12-01"),
    ],
)
def test_windows_begin_at_midnight_utc(period: Period, now: str, start: str) -> None:
    assert spend.window_start(period, at(now)) == at(start)


@UNHURRIED
@given(period=st.sampled_from(Period), now=st.integers(0, 4 * 10**12))
def test_a_window_begins_in_itself(period: Period, now: int) -> None:
    start = spend.window_start(period, now)

    assert start <= now
    assert spend.window_start(period, start) == start
