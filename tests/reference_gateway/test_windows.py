"""Limits start anew at midnight UTC, and only then; what was held before stays with the window that held it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger import spend
from reference_gateway.ledger.accounts import Account, AccountTerms, ApiKey, Issued, NewKey
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.spend import FOREVER, Period
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Held, Outcome, Refused, Settle, Why
from tests.reference_gateway.ledger_model import end_of
from tests.reference_gateway.ledger_parts import Desk, done, in_memory, metered
from tests.reference_gateway.unhurried import UNHURRIED

Budget = ApiKey | Account

MOMENTS = st.integers(0, 4 * 10**12)
RESETTING = st.sampled_from([Period.DAILY, Period.WEEKLY, Period.MONTHLY])


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


WINDOWS = [
    (Period.DAILY, "2026-03-04T23:59:59.999", "2026-03-04", "2026-03-05"),
    (Period.DAILY, "2026-03-04T00:00:00", "2026-03-04", "2026-03-05"),
    (Period.DAILY, "2028-02-28T12:00:00", "2028-02-28", "2028-02-29"),
    (Period.DAILY, "2026-12-31T12:00:00", "2026-12-31", "2027-01-01"),
    (Period.WEEKLY, "2026-03-01T12:00:00", "2026-02-23", "2026-03-02"),
    (Period.WEEKLY, "2026-03-02T00:00:00", "2026-03-02", "2026-03-09"),
    (Period.WEEKLY, "2027-01-01T00:00:00", "2026-12-28", "2027-01-04"),
    (Period.MONTHLY, "2024-02-29T23:59:59", "2024-02-01", "2024-03-01"),
    (Period.MONTHLY, "2026-02-28T23:59:59.999", "2026-02-01", "2026-03-01"),
    (Period.MONTHLY, "2100-02-28T23:59:59.999", "2100-02-01", "2100-03-01"),
    (Period.MONTHLY, "2026-04-30T00:00:00", "2026-04-01", "2026-05-01"),
    (Period.MONTHLY, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
]


@pytest.mark.parametrize(("period", "now", "start", "end"), WINDOWS)
def test_windows_begin_and_end_at_midnight_utc(period: Period, now: str, start: str, end: str) -> None:
    assert spend.window(period, at(now)) == (at(start), at(end))


def test_what_never_starts_anew_has_one_window() -> None:
    assert spend.window(Period.NEVER, at("2026-03-04")) == (0, FOREVER)


@UNHURRIED
@given(period=st.sampled_from(Period), now=MOMENTS)
def test_a_moment_lies_in_its_window_and_windows_touch(period: Period, now: int) -> None:
    start, end = spend.window(period, now)

    assert start <= now < end
    assert spend.window(period, start) == spend.window(period, min(end, 4 * 10**12) - 1) == (start, end)


@UNHURRIED
@given(period=RESETTING, now=MOMENTS)
def test_a_window_ends_where_counting_days_says(period: Period, now: int) -> None:
    _, end = spend.window(period, now)

    assert end == end_of(period, now)
    assert spend.window(period, end)[0] == end


@pytest.fixture(params=["America/New_York", "Pacific/Kiritimati", "Europe/London"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("day", ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"])
def test_summer_time_where_the_machine_stands_moves_no_window(day: str) -> None:
    noon = at(f"{day}T12:00:00")

    assert spend.window(Period.DAILY, noon) == (at(day), at(day) + 86_400_000)


@pytest.fixture
def desk() -> Iterator[Desk]:
    storage = in_memory(SqliteStorage)
    yield Desk(storage)
    storage.close()


@pytest.fixture
def worker() -> Connection:
    return Connection(bytes(16))


LAST = "T23:59:59.999"


@pytest.mark.parametrize("shared", [False, True], ids=["of a key", "of an account"])
@pytest.mark.parametrize(
    ("period", "spent_on", "last_day", "next_day"),
    [
        (Period.DAILY, "2026-03-04", "2026-03-04", "2026-03-05"),
        (Period.WEEKLY, "2026-03-02", "2026-03-08", "2026-03-09"),
        (Period.WEEKLY, "2026-12-28", "2027-01-03", "2027-01-04"),
        (Period.MONTHLY, "2026-01-31", "2026-01-31", "2026-02-01"),
        (Period.MONTHLY, "2026-02-01", "2026-02-28", "2026-03-01"),
        (Period.MONTHLY, "2028-02-01", "2028-02-29", "2028-03-01"),
        (Period.MONTHLY, "2026-12-01", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_limit_starts_anew_with_its_window_and_not_a_millisecond_before(
    desk: Desk,
    worker: Connection,
    shared: bool,
    period: Period,
    spent_on: str,
    last_day: str,
    next_day: str,
) -> None:
    desk.now = at(spent_on)
    account = done(desk.book.create_account(AccountTerms(name="a", limit=100, period=period), "x"))
    own, above = NewKey(name="k", limit=100, period=period), NewKey(name="k", account=account.account_id)
    issued = done(desk.book.create(above if shared else own, "x"))
    desk.ask(worker, metered(desk.held(worker, issued).rid, 100))

    desk.now = at(last_day + LAST)
    before = desk.tried(worker, issued, completion_bound=1)
    desk.now = at(next_day)
    after = desk.tried(worker, issued, completion_bound=100)

    assert before == Refused(Why.ACCOUNT_LIMIT if shared else Why.LIMIT)
    assert isinstance(after, Held)


def limited(desk: Desk, shared: bool, limit: int, period: Period) -> tuple[Issued, Callable[[], Budget]]:
    """A key with a limit, its own or its account's, and how to look at whichever has it."""
    if not shared:
        issued = desk.new_key(limit=limit, period=period)
        return issued, lambda: desk.record(issued)
    account = done(desk.book.create_account(AccountTerms(name="a", limit=limit, period=period), "x"))

    def record() -> Account:
        found = done(desk.book.account(account.account_id))
        assert found is not None
        return found

    return desk.new_key(limit=None, account=account.account_id), record


@pytest.mark.parametrize("shared", [False, True], ids=["of a key", "of an account"])
def test_a_hold_takes_room_until_it_ends_and_then_counts_in_its_own_window(
    desk: Desk, worker: Connection, shared: bool
) -> None:
    desk.now = at("2026-03-31" + LAST)
    issued, record = limited(desk, shared, 100, Period.MONTHLY)
    held = desk.held(worker, issued, completion_bound=60)

    desk.now += 1
    while_open = [desk.tried(worker, issued, completion_bound=41), record().reserved]
    desk.ask(worker, Settle(rid=held.rid, outcome=Outcome.UNKNOWN))
    found = record()

    assert while_open == [Refused(Why.ACCOUNT_LIMIT if shared else Why.LIMIT), 60]
    assert (found.window, found.spent, found.reserved, found.total) == (at("2026-04-01"), 0, 0, 60)
    assert isinstance(desk.tried(worker, issued, completion_bound=100), Held)


@pytest.mark.parametrize("shared", [False, True], ids=["of a key", "of an account"])
def test_the_first_hold_of_a_new_window_counts_in_it_though_the_old_one_had_room(
    desk: Desk, worker: Connection, shared: bool
) -> None:
    desk.now = at("2026-03-04")
    issued, record = limited(desk, shared, 100, Period.DAILY)
    desk.ask(worker, metered(desk.held(worker, issued, completion_bound=10).rid, 10))

    desk.now = at("2026-03-05")
    desk.ask(worker, metered(desk.held(worker, issued, completion_bound=50).rid, 50))

    refused = desk.tried(worker, issued, completion_bound=51)

    assert refused == Refused(Why.ACCOUNT_LIMIT if shared else Why.LIMIT)
    assert (record().spent, record().reserved) == (50, 0)


def test_an_account_and_its_keys_keep_windows_of_their_own(desk: Desk, worker: Connection) -> None:
    desk.now = at("2026-03-31T12:00:00")
    account = done(desk.book.create_account(AccountTerms(name="a", limit=100, period=Period.MONTHLY), "x"))
    issued = desk.new_key(account=account.account_id, limit=70, period=Period.WEEKLY)
    held = desk.held(worker, issued, completion_bound=60)

    desk.now = at("2026-04-01")  # a Wednesday
    desk.ask(worker, metered(held.rid, 50))
    shared = done(desk.book.account(account.account_id))

    assert desk.record(issued).spent == 50
    assert shared is not None
    assert (shared.spent, shared.reserved, shared.total) == (0, 0, 50)


def test_a_record_shows_the_window_that_has_begun_though_nothing_was_asked_of_the_key(
    desk: Desk, worker: Connection
) -> None:
    desk.now = at("2026-03-04")
    issued = desk.new_key(period=Period.DAILY)
    desk.ask(worker, metered(desk.held(worker, issued).rid, 100))

    desk.now = at("2026-03-07T05:00:00")

    record = desk.record(issued)
    assert (record.window, record.spent, record.total) == (at("2026-03-07"), 0, 100)


def test_a_clock_that_is_set_back_resets_nothing_and_neither_does_its_return(
    desk: Desk, worker: Connection
) -> None:
    desk.now = at("2026-03-05")
    issued = desk.new_key(limit=100, period=Period.DAILY)
    seen = []
    for now in ("2026-03-05T00:00:01", "2026-03-04T23:00:00", "2026-03-01", "2026-03-05T10:00:00"):
        desk.now = at(now)
        desk.ask(worker, metered(desk.held(worker, issued, completion_bound=10).rid, 10))
        record = desk.record(issued)
        seen.append((record.spent, record.window))

    assert seen == [(spent, at("2026-03-05")) for spent in (10, 20, 30, 40)]


def test_a_period_that_is_changed_while_the_clock_is_set_back_ends_no_earlier_for_it(
    desk: Desk, worker: Connection
) -> None:
    desk.now = at("2026-03-09")  # a Monday
    issued = desk.new_key(limit=100, period=Period.DAILY)
    desk.ask(worker, metered(desk.held(worker, issued).rid, 100))

    desk.now -= 1
    desk.change(issued, period=Period.WEEKLY)
    desk.now += 1

    assert desk.tried(worker, issued, completion_bound=1) == Refused(Why.LIMIT)
    assert desk.record(issued).spent == 100


def test_a_new_period_carries_nothing_over_from_a_window_that_had_ended(
    desk: Desk, worker: Connection
) -> None:
    desk.now = at("2026-03-04")
    issued = desk.new_key(limit=100, period=Period.DAILY)
    desk.ask(worker, metered(desk.held(worker, issued).rid, 100))

    desk.now = at("2026-03-06")
    record = desk.change(issued, period=Period.MONTHLY)

    assert (record.window, record.spent, record.total) == (at("2026-03-01"), 0, 100)


@pytest.mark.parametrize("periods", [(Period.DAILY, Period.NEVER), (Period.NEVER, Period.MONTHLY)])
def test_a_new_period_forgets_nothing_spent_or_held(
    desk: Desk, worker: Connection, periods: tuple[Period, Period]
) -> None:
    before, after = periods
    issued = desk.new_key(period=before)
    desk.ask(worker, metered(desk.held(worker, issued).rid, 100))
    held = desk.held(worker, issued)

    desk.change(issued, period=after)
    desk.ask(worker, Settle(rid=held.rid, outcome=Outcome.UNKNOWN))

    record = desk.record(issued)
    assert (record.spent, record.reserved, record.total) == (200, 0, 200)


def test_a_hold_of_an_earlier_window_counts_in_the_one_that_a_new_period_prolongs(
    desk: Desk, worker: Connection
) -> None:
    desk.now = at("2026-03-04")
    issued = desk.new_key(period=Period.DAILY)
    held = desk.held(worker, issued)

    desk.now = at("2026-03-05")
    desk.held(worker, issued)
    desk.change(issued, period=Period.MONTHLY)
    desk.ask(worker, metered(held.rid, 100))

    assert desk.record(issued).spent == 100
