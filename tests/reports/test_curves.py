"""Curves as geometry: bills above the limit stand above its line, and nothing leaves the picture."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.exhibit import SpendCall, SpendPicture, SpendRound
from reports.curves import WIDTH, chart, percent_of_limit, timeline
from tests.reports.whole import spend

_ROUNDS = st.builds(
    SpendRound,
    name=st.just("a round"),
    limit=st.integers(1, 10**15),
    bill=st.integers(0, 10**15),
    calls=st.integers(1, 64),
    reached=st.integers(0, 64),
    at_once=st.integers(1, 64),
    controlled=st.booleans(),
)
_CALLS = st.builds(
    SpendCall,
    left_ms=st.integers(0, 10_000),
    answered_ms=st.integers(10_000, 90_000),
    told=st.just("200"),
    reached=st.integers(0, 2),
    cost=st.integers(0, 10**9),
)


def picture(*rounds: SpendRound, tolerated: int = 0) -> SpendPicture:
    return SpendPicture(rounds=rounds, worst="a round", calls=(), tolerated=tolerated)


@given(st.lists(_ROUNDS, min_size=1, max_size=8))
def test_a_bill_is_above_the_line_just_when_it_is_above_the_limit(rounds: list[SpendRound]) -> None:
    drawn = chart(picture(*rounds))

    for one, dot in zip(rounds, drawn.dots, strict=True):
        assert dot.over == (one.bill > one.limit)
        assert dot.y <= drawn.limit_y or one.bill <= one.limit
        assert dot.y >= drawn.limit_y or one.bill >= one.limit


@given(st.lists(_ROUNDS, min_size=1, max_size=8))
def test_every_dot_stands_inside_the_axes(rounds: list[SpendRound]) -> None:
    drawn = chart(picture(*rounds))

    assert all(drawn.left < dot.x < drawn.right and 0 < dot.y <= drawn.floor for dot in drawn.dots)
    assert {tick.label for tick in drawn.across} == {str(one.at_once) for one in rounds}


def test_the_line_joins_the_worst_round_of_each_size() -> None:
    worse = msgspec.structs.replace(spend().rounds[0], bill=2_500_000_000)

    drawn = chart(picture(*spend().rounds, worse))

    assert len(drawn.line.split()) == 4
    assert drawn.line.split()[0].endswith(f",{min(dot.y for dot in drawn.dots if dot.x == drawn.dots[0].x)}")


def test_what_the_target_declares_that_it_tolerates_is_not_beyond() -> None:
    one = msgspec.structs.replace(spend().rounds[0], bill=2_100_000_000)

    assert not chart(picture(one, tolerated=100_000_000)).dots[0].over
    assert chart(picture(one, tolerated=99_999_999)).dots[0].over


def test_a_share_is_in_percent() -> None:
    assert percent_of_limit(spend().rounds[-1]) == 230.0


@given(st.lists(_CALLS, max_size=90))
def test_bars_stay_in_the_picture_and_the_rest_is_counted(calls: list[SpendCall]) -> None:
    drawn = timeline(calls)

    assert len(drawn.bars) + drawn.left_out == len(calls)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.y < drawn.floor for bar in drawn.bars)
    assert [bar.reached for bar in drawn.bars] == [call.reached > 0 for call in calls[:64]]
