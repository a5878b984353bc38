"""The meter: declared limits are hard."""

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.money import from_usd
from conformance.model.scale import Fault
from conformance.probes.meter import LimitReached, Meter
from conformance.target import Limits


class Clock:
    """A clock that moves when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def _departures(limits: Limits, pauses: Sequence[float], money: int = 0) -> tuple[list[float], Meter]:
    """When each request leaves, in seconds after the start, with pauses before them; those refused leave never."""
    clock = Clock()
    meter = Meter(limits, clock, clock.sleep)

    async def ask() -> list[float]:
        left = []
        for pause in pauses:
            clock.now += pause
            try:
                await meter.admit(money=money)
            except LimitReached:
                continue
            left.append(clock.now - 1000.0)
        return left

    return asyncio.run(ask()), meter


PAUSES = st.lists(st.floats(0, 3), max_size=60)
RATES = st.floats(0.25, 50)


@given(PAUSES, RATES)
def test_no_second_ever_sees_more_than_the_declared_rate(pauses: list[float], rate: float) -> None:
    left, _ = _departures(Limits(rate=rate), pauses)
    for begin in left:
        assert sum(begin <= at < begin + 1 - 1e-6 for at in left) <= math.ceil(rate)


@given(st.integers(1, 60), RATES)
def test_without_a_break_the_average_never_exceeds_the_rate(count: int, rate: float) -> None:
    left, _ = _departures(Limits(rate=rate), [0.0] * count)
    assert left[-1] == pytest.approx((count - 1) / rate)


def test_whoever_comes_late_need_not_wait() -> None:
    left, _ = _departures(Limits(rate=2.0), [0.0, 5.0, 0.0])
    assert left == pytest.approx([0.0, 5.0, 5.5])


def test_unused_room_is_lost() -> None:
    left, _ = _departures(Limits(rate=2.0), [100.0, 0.0, 0.0])
    assert left == pytest.approx([100.0, 100.5, 101.0])


@given(PAUSES, st.integers(1, 30))
def test_never_more_requests_than_declared(pauses: list[float], most: int) -> None:
    left, meter = _departures(Limits(requests=most), pauses)
    assert meter.requests == len(left) <= most


@given(st.integers(0, 40), st.integers(1, 10**12), st.integers(0, 5 * 10**12))
def test_never_more_money_than_declared(count: int, each: int, most: int) -> None:
    limits = Limits(money=f"{most}e-12", rate=1e6)
    left, meter = _departures(limits, [0.0] * count, money=each)
    assert meter.money == len(left) * each <= most
    assert len(left) == min(count, most // each)


@given(PAUSES, st.floats(0.1, 20), RATES)
def test_nothing_leaves_after_the_declared_time(pauses: list[float], seconds: float, rate: float) -> None:
    left, _ = _departures(Limits(seconds=seconds, rate=rate), pauses)
    assert all(at <= seconds + 1e-6 for at in left)


def test_who_would_have_to_wait_beyond_the_declared_time_is_refused_now() -> None:
    left, meter = _departures(Limits(seconds=1.0, rate=1.0), [0.0, 0.0, 0.0])
    assert left == pytest.approx([0.0, 1.0])
    assert meter.requests == 2


def test_what_was_refused_is_not_counted() -> None:
    _, meter = _departures(Limits(money="1", rate=1e6), [0.0] * 3, money=from_usd("0.7"))
    assert (meter.requests, meter.money) == (1, from_usd("0.7"))


@pytest.mark.parametrize(
    ("limits", "key"),
    [
        (Limits(requests=1), "requests"),
        (Limits(money="0"), "money"),
        (Limits(seconds=0.001, rate=1.0), "seconds"),
    ],
)
def test_whoever_meets_a_limit_is_told_which_and_that_it_is_the_operators(limits: Limits, key: str) -> None:
    clock = Clock()
    meter = Meter(limits, clock, clock.sleep)

    async def ask() -> None:
        await meter.admit()
        await meter.admit(money=1)

    with pytest.raises(LimitReached) as caught:
        asyncio.run(ask())
    assert caught.value.unobserved.fault is Fault.OPERATOR
    assert f"`limits.{key}`" in caught.value.unobserved.decide


def test_many_at_once_are_spaced_like_one_after_another() -> None:
    clock = Clock()
    meter = Meter(Limits(rate=10.0), clock, clock.sleep)

    async def ask() -> None:
        await asyncio.gather(*(meter.admit() for _ in range(20)))

    asyncio.run(ask())
    assert clock.now - 1000.0 >= 1.9


def test_several_requests_may_be_admitted_together() -> None:
    clock = Clock()
    meter = Meter(Limits(rate=10.0, requests=25), clock, clock.sleep)

    async def ask() -> None:
        await meter.admit(requests=20)
        await meter.admit()
        await meter.admit(requests=5)

    with pytest.raises(LimitReached):
        asyncio.run(ask())
    assert meter.requests == 21
    assert clock.now - 1000.0 == pytest.approx(2.0)
