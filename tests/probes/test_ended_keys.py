"""Keys that end at a date, and keys that were never given: what is pure of making them."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.door import Answer
from conformance.probes.keys.ended import never_given
from conformance.probes.keys.expiry import Clock, moment, variables

SECRETS = st.text(string.ascii_letters + string.digits, min_size=30, max_size=40)


def dated(date: str) -> Answer:
    """An answer of that date."""
    return Answer(status=200, headers=(("Date", date),), body=b"", ms=1)


@given(st.integers(-80_000, 80_000), st.floats(0, 0.999))
def test_a_clock_is_somewhere_in_the_second_that_it_tells(offset: int, part: float) -> None:
    now = 1_700_000_000.0
    date = datetime.fromtimestamp(int(now) + offset, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    clock = Clock.of([(dated(date), now + part, now + part + 0.1)])

    assert clock.least <= offset <= clock.most + 1
    assert clock.most - clock.least == pytest.approx(1.1)


@given(st.floats(-1000, 1000), st.lists(st.floats(0, 60), min_size=20, max_size=40))
def test_many_dates_tell_a_clock_better_than_one(offset: float, moments: list[float]) -> None:
    now = 1_700_000_000.0
    answers = [(dated(_written(now + at + offset)), now + at - 0.05, now + at + 0.05) for at in moments]
    clock, first = Clock.of(answers), Clock.of(answers[:1])

    assert clock.least - 1e-6 <= offset <= clock.most + 1e-6
    assert clock.most - clock.least <= first.most - first.least


def test_dates_that_contradict_each_other_tell_nothing() -> None:
    now = 1_700_000_000.0

    assert Clock.of([(dated(_written(now)), now, now), (dated(_written(now + 9)), now, now)]).unknown


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_without_a_date_the_clock_is_unknown() -> None:
    assert Clock.of([(dated(""), 0.0, 0.0)]).unknown
    assert Clock.of([(dated("yesterday"), 0.0, 0.0)]).unknown
    assert Clock.of([(dated("Fri, 31 Dec 9999 23:59:59 GMT"), 0.0, 0.0)]).unknown
    assert Clock.of([]).unknown


@given(st.integers(0, 4_000_000_000))
def test_a_date_is_read_as_it_is_written(date: int) -> None:
    written = variables(date, date - 1.5)

    assert moment(str(written["ends_at"])) == date
    assert moment(str(written["ends_unix"])) == date
    assert written["ends_in"] == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-26T23:00:00Z", 1795734000),
        ("2026-11-27T01:00:00+02:00", 1795734000),
        ("2026-11-26 23:00:00", 1795734000),
        ("2026-11-26T23:00:00.250000+00:00", 1795734000.25),
        ("1795734000", 1795734000),
        ("1795734000250", 1795734000.25),
        ("never", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_moment_is_understood_however_it_is_told(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds


@given(SECRETS, SECRETS)
def test_a_key_that_was_never_given_has_the_form_of_those_that_were(one: str, other: str) -> None:
    first, second = f"gw_live_{one}", f"gw_live_{other}"
    made = never_given(first, second)

    assert made.startswith("gw_live_")
    assert len(made) == len(first)
    assert [letter.isdigit() for letter in made] == [letter.isdigit() for letter in first]
