"""The least share of audits that catch a race, after so many did."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kills import kill_matrix
from conformance.model.races import at_least


@pytest.mark.parametrize(
    ("caught", "audits", "share"),
    [
        (20, 20, 0.860),  # 0.05 ** (1 / 20)
        (19, 20, 0.783),
        (10, 20, 0.301),
        (1, 20, 0.002),  # 1 - 0.95 ** (1 / 20)
        (0, 20, 0.0),
        (1, 1, 0.05),
    ],
)
def test_the_bound_is_that_of_the_binomial(caught: int, audits: int, share: float) -> None:
    assert at_least(caught, audits) == pytest.approx(share, abs=0.0011)


@given(audits=st.integers(1, 60), data=st.data())
def test_a_rarer_catch_than_the_bound_would_show_so_many_at_most_once_in_twenty(
    audits: int, data: st.DataObject
) -> None:
    caught = data.draw(st.integers(1, audits))
    share = at_least(caught, audits)

    as_many = sum(
        math.comb(audits, n) * share**n * (1 - share) ** (audits - n) for n in range(caught, audits + 1)
    )
    assert as_many <= 0.05


def test_the_bounds_that_ship_are_those_of_their_counts() -> None:
    races = kill_matrix().races

    assert races is not None
    assert [race.window_ms for race in races.windows] == [1, 5, 20, 50]
    for race in races.windows:
        assert race.audits >= 20
        assert race.at_least == at_least(race.caught, race.audits)
