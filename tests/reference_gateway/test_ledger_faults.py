"""What the ledger does when something fails: a disk, a worker, a provider, the ledger itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_gateway.events import Event, Kind
from reference_gateway.ledger.accounts import Issued
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.spend import Settled
from reference_gateway.ledger.wire import Held, LedgerDownError, Refused, Settle, Why
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import (
    PRICES,
    Desk,
    authorise,
    in_memory,
    metered,
    on_disk,
    per_token,
)

DOWN = Refused(Why.DOWN)
FAULT = Event(event=Kind.LEDGER_FAULT)


@pytest.fixture
def storage() -> Iterator[Faulty]:
    storage = in_memory(Faulty)
    yield storage
    storage.close()


@pytest.fixture
def desk(storage: Faulty) -> Desk:
    return Desk(storage)


@pytest.fixture
def worker() -> Connection:
    return Connection(bytes(16))


def amounts(desk: Desk, issued: Issued) -> tuple[int, int, int]:
    record = desk.record(issued)
    return record.spent, record.reserved, record.total


def test_a_batch_that_a_full_disk_refuses_holds_nothing_and_the_ledger_lives_on(tmp_path: Path) -> None:
    storage, worker = on_disk(tmp_path, Faulty), Connection(bytes(16))
    desk = Desk(storage)
    issued = desk.new_key(limit=10**6)
    wish = desk.shown(worker, issued)
    (pages,) = storage._db.execute("PRAGMA page_count").fetchone()
    storage._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite itself then says that the disk is full

    refused = desk.ask(worker, *[wish] * 500)
    meanwhile = amounts(desk, issued)
    storage._db.execute("PRAGMA max_page_count = 1000000")
    held = desk.ask(worker, *[wish] * 500)
    afterwards = amounts(desk, issued)
    storage.close()

    assert (refused, meanwhile) == ([DOWN] * 500, (0, 0, 0))
    assert desk.events == [FAULT]
    assert all(isinstance(answer, Held) for answer in held)
    assert afterwards == (0, 50_000, 0)


def test_an_end_that_could_not_be_written_keeps_its_hold_and_counts_as_it_was_told(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key(limit=150)
    held = desk.held(worker, issued)
    wish = desk.shown(worker, issued)

    storage.full = True
    desk.ask(worker, metered(held.rid, 30))
    meanwhile, refused = amounts(desk, issued), desk.ask(worker, wish)
    storage.full = False
    answers = desk.ask(worker, wish)

    assert (meanwhile, refused) == ((0, 100, 0), [Refused(Why.LIMIT)])
    assert isinstance(answers[0], Held)
    assert amounts(desk, issued) == (30, 100, 30)
    assert FAULT in desk.events


def test_what_is_owed_is_written_at_the_latest_when_the_book_is_closed(tmp_path: Path) -> None:
    storage, worker = on_disk(tmp_path, Faulty), Connection(bytes(16))
    desk = Desk(storage)
    issued = desk.new_key()
    held = desk.held(worker, issued)
    storage.full = True
    desk.ask(worker, metered(held.rid, 30))
    storage.full = False
    desk.book.close()

    again = Desk(on_disk(tmp_path, Faulty))
    found = amounts(again, issued)
    again.storage.close()

    assert found == (30, 0, 30)
    assert again.events == []


class Stuck(Faulty):
    """Never can settle one of the holds."""

    stuck: int | None = None

    def settle(self, message: Settle, now: int) -> Settled | None:
        if message.rid == self.stuck:
            raise OverflowError
        return super().settle(message, now)


def test_an_end_that_never_can_be_written_does_not_keep_the_others_from_it() -> None:
    storage, worker = in_memory(Stuck), Connection(bytes(16))
    desk = Desk(storage)
    issued = desk.new_key()
    first, second, third = (desk.held(worker, issued).rid for _ in range(3))
    storage.stuck = first

    desk.ask(worker, *(metered(rid, 1) for rid in (first, second, third)))
    for _ in range(3):
        desk.book.answer([])
    found = amounts(desk, issued)
    storage.close()

    assert found == (2, 100, 2)


def test_what_a_lost_worker_held_is_charged_in_full_and_once(desk: Desk, worker: Connection) -> None:
    issued = desk.new_key()
    settled, *_ = (desk.held(worker, issued) for _ in range(3))
    desk.ask(worker, metered(settled.rid, 30))

    desk.book.lost(worker)
    desk.book.lost(worker)

    assert amounts(desk, issued) == (230, 0, 230)
    assert desk.events == [Event(event=Kind.ORPHANS_CHARGED, count=2, nanodollars=200)]
    assert desk.ask(worker, authorise(issued)) == []  # nothing more is heard from there


def test_what_a_lost_worker_held_is_charged_when_the_disk_has_room_again(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key()
    desk.held(worker, issued)

    storage.full = True
    desk.book.lost(worker)
    meanwhile = amounts(desk, issued)
    storage.full = False
    desk.book.answer([])

    assert (meanwhile, amounts(desk, issued)) == ((0, 100, 0), (100, 0, 100))


def test_a_restart_charges_what_was_open_at_the_price_that_it_was_held_at(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key(limit=1000)
    desk.held(worker, issued)
    desk.held(worker, issued, model=1)

    dearer = Desk(storage, prices=[(number, name, per_token(7)) for number, name, _ in PRICES])
    new = Connection(bytes(16))
    rid = dearer.held(new, issued, completion_bound=100).rid
    held = amounts(dearer, issued)
    dearer.ask(new, metered(rid, 10))

    assert dearer.events == [Event(event=Kind.ORPHANS_CHARGED, count=2, nanodollars=200)]
    assert held == (200, 700, 200)
    assert amounts(dearer, issued) == (270, 0, 270)
    assert Desk(storage).events == []


def test_a_start_that_cannot_charge_what_is_open_is_no_start(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    desk.held(worker, desk.new_key())
    storage.full = True

    with pytest.raises(LedgerDownError):
        Desk(storage)


def test_an_overrun_counts_as_one_when_it_could_not_be_written_at_first(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key()
    rid = desk.held(worker, issued).rid

    storage.full = True
    desk.ask(worker, metered(rid, 101))
    storage.full = False

    assert desk.tried(worker, issued) == Refused(Why.MODEL_SUSPENDED)
    assert amounts(desk, issued) == (100, 0, 100)


def test_a_model_that_cannot_be_held_to_its_bounds_is_served_no_more_until_a_restart(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key()

    desk.ask(worker, metered(desk.held(worker, issued).rid, 101))
    overran, other = desk.tried(worker, issued), desk.tried(worker, issued, model=1)
    again = Desk(storage).tried(Connection(bytes(16)), issued)

    assert desk.events == [Event(event=Kind.PROVIDER_OVERRUN, nanodollars=1)]
    assert overran == Refused(Why.MODEL_SUSPENDED)
    assert (isinstance(other, Held), isinstance(again, Held)) == (True, True)
