"""The book: one transaction for all that came together, and nothing lost or given away when something fails."""

from collections.abc import Iterator

import pytest

from reference_gateway.events import Event, Kind, Route
from reference_gateway.ledger.accounts import Issued
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import (
    AskBalance,
    Balance,
    Endpoint,
    Finished,
    Held,
    Outcome,
    Refused,
    Settle,
    Standing,
    Why,
    request_id,
)
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import NOW, Desk, authorise, in_memory, metered

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


def test_all_that_came_together_shares_a_commit_and_no_room_is_given_twice(
    desk: Desk, storage: Faulty
) -> None:
    issued = desk.new_key(limit=1000)
    workers = [Connection(bytes(16)) for _ in range(4)]
    asked = [desk.shown(one, issued) for one in workers]
    before = storage.commits

    batch = [(workers[place % 4], place, asked[place % 4]) for place in range(200)]
    answers = [answer for _, _, answer in desk.book.answer(batch)]

    assert storage.commits == before + 1
    assert len({answer.rid for answer in answers if isinstance(answer, Held)}) == 10
    assert answers.count(Refused(Why.LIMIT)) == 190
    assert amounts(desk, issued) == (0, 1000, 0)


def test_what_is_answered_from_memory_costs_no_commit(
    desk: Desk, storage: Faulty, worker: Connection
) -> None:
    issued = desk.new_key()
    before = storage.commits

    (standing,) = desk.ask(
        worker, authorise(issued), Finished(number=0, route=Route.CHAT, status=200, milliseconds=1)
    )

    assert isinstance(standing, Standing)
    assert storage.commits == before


def test_an_end_that_comes_with_new_wishes_makes_room_for_those_behind_it(
    desk: Desk, worker: Connection
) -> None:
    issued = desk.new_key(limit=100)
    held = desk.held(worker, issued)
    wish = desk.shown(worker, issued)

    before, after = desk.ask(worker, wish, metered(held.rid, 0), wish)

    assert before == Refused(Why.LIMIT)
    assert isinstance(after, Held)


def test_a_breach_ends_the_hearing_of_one_worker_and_of_no_other(desk: Desk, worker: Connection) -> None:
    issued, other = desk.new_key(), Connection(bytes(16))
    wish, others_wish = desk.shown(worker, issued), desk.shown(other, issued)

    replies = desk.book.answer(
        [
            (worker, 1, wish),
            (worker, 2, Settle(rid=404, outcome=Outcome.UNKNOWN)),
            (worker, 3, wish),
            (other, 4, others_wish),
        ]
    )
    desk.book.lost(worker)

    assert sorted(seq for _, seq, _ in replies) == [1, 4]
    assert (worker.broken, other.broken) == (True, False)
    assert amounts(desk, issued) == (100, 100, 100)  # what was held before the breach is charged


def test_the_end_of_a_request_is_an_event_under_an_id_that_the_worker_did_not_choose(
    desk: Desk, worker: Connection
) -> None:
    desk.ask(worker, Finished(number=5, route=Route.CHAT, status=402, milliseconds=1900))

    assert desk.events == [
        Event(
            event=Kind.REQUEST,
            request=request_id(bytes(16), 5),
            route=Route.CHAT,
            status=402,
            milliseconds=1900,
        )
    ]


def test_a_holder_is_told_what_was_spent(desk: Desk, worker: Connection) -> None:
    issued = desk.new_key(limit=1000, period=Period.DAILY, expires_at=NOW + 10)
    desk.ask(worker, metered(desk.held(worker, issued).rid, 70))
    desk.held(worker, issued)
    shown = authorise(issued, Endpoint.OWN_KEY)

    (balance,) = desk.ask(worker, AskBalance(shown.key_id, shown.tail))

    assert balance == Balance(
        key_id=issued.record.key_id,
        period=int(Period.DAILY),
        limit=1000,
        spent=70,
        reserved=100,
        total=70,
        expires_at=NOW + 10,
    )
