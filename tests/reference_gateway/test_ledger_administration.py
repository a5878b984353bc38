"""What administrators do: heard after the workers, told to all of them, done whole or not at all."""

from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest

from reference_gateway.ledger.accounts import AccountTerms, NewKey, NoSuchAccountError
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Held, News, Refused, Revoked, Why
from tests.reference_gateway.ledger_parts import NOW, Desk, authorise, done, in_memory, metered, revision


@pytest.fixture
def desk() -> Iterator[Desk]:
    storage = in_memory(SqliteStorage)
    yield Desk(storage)
    storage.close()


@pytest.fixture
def worker() -> Connection:
    return Connection(bytes(16))


class Wire:
    """Workers who say something as soon as anybody listens, and remember what they are told."""

    def __init__(self) -> None:
        self.told: list[News] = []
        self.says: list[Any] = []

    def catch_up(self) -> None:
        for act in self.says:
            act()
        self.says.clear()

    def tell(self, news: News) -> None:
        self.told.append(news)


@pytest.fixture
def wire(desk: Desk) -> Wire:
    wire = Wire()
    desk.book.attach(wire)
    return wire


def test_what_workers_said_before_is_counted_before_an_administrator_is_answered(
    desk: Desk, worker: Connection, wire: Wire
) -> None:
    issued = desk.new_key()
    held = desk.held(worker, issued)

    wire.says.append(lambda: desk.ask(worker, metered(held.rid, 30)))

    assert (desk.record(issued).spent, desk.record(issued).reserved) == (30, 0)


def test_a_limit_that_is_set_meets_what_was_asked_before_it(
    desk: Desk, worker: Connection, wire: Wire
) -> None:
    issued = desk.new_key(limit=1000)
    wish = desk.shown(worker, issued)
    answers = []

    wire.says.append(lambda: answers.extend(desk.ask(worker, wish)))
    record = desk.change(issued, limit=50)

    assert isinstance(answers[0], Held)
    assert (record.limit, record.reserved) == (50, 100)


def ended(act: Coroutine[Any, Any, object], wire: Wire) -> list[News]:
    wire.told.clear()
    done(act)
    return list(wire.told)


def test_every_worker_is_told_when_a_key_or_its_secret_ends_and_of_nothing_else(
    desk: Desk, wire: Wire
) -> None:
    book = desk.book
    account = done(book.create_account(AccountTerms(name="a"), "x")).account_id
    key_id = desk.new_key(account=account).record.key_id
    gone = [Revoked(key_id)]

    def revise(**terms: Any) -> list[News]:
        return ended(book.revise(key_id, lambda key: revision(key, **terms), "x"), wire)

    def revise_account(**terms: Any) -> list[News]:
        return ended(book.revise_account(account, lambda _: AccountTerms(name="a", **terms), "x"), wire)

    assert revise(name="other", limit=5, period=Period.DAILY) == []
    assert revise(disabled=True) == gone
    assert revise(disabled=False, expires_at=NOW + 1) == []
    assert revise(expires_at=NOW) == gone
    assert revise(expires_at=None) == []
    assert revise_account(limit=5) == []
    assert revise_account(disabled=True) == gone
    assert revise_account() == []
    assert ended(book.rotate(key_id, "x"), wire) == gone
    assert ended(book.delete(key_id, "x"), wire) == gone
    assert ended(book.delete(key_id, "x"), wire) == []
    assert ended(book.rotate(key_id, "x"), wire) == []


def test_a_rotated_key_works_with_its_new_secret_and_counts_on(desk: Desk, worker: Connection) -> None:
    issued = desk.new_key()
    desk.held(worker, issued)
    stale = desk.shown(worker, issued)

    rotated = done(desk.book.rotate(issued.record.key_id, "x"))

    assert rotated is not None
    assert desk.ask(worker, authorise(issued), stale) == [Refused(Why.KEY_UNUSABLE)] * 2
    desk.held(worker, rotated)
    assert desk.record(rotated).reserved == 200
    assert issued.key not in repr(issued)


@pytest.mark.parametrize("limited", ["key", "account"])
def test_a_standing_from_before_a_limit_reserves_nothing_under_it(
    desk: Desk, worker: Connection, limited: str
) -> None:
    account = done(desk.book.create_account(AccountTerms(name="a"), "x")).account_id
    issued = desk.new_key(limit=None, account=account)
    stale = desk.shown(worker, issued)
    terms = AccountTerms(name="a", limit=500 if limited == "account" else None)

    desk.change(issued, limit=500 if limited == "key" else None)
    done(desk.book.revise_account(account, lambda _: terms, "x"))

    assert not stale.limited
    assert desk.ask(worker, stale) == [Refused(Why.LIMIT_IS_NEW)]
    desk.held(worker, issued)


def test_a_key_in_an_account_that_is_not_there_is_not_made(desk: Desk) -> None:
    with pytest.raises(NoSuchAccountError):
        done(desk.book.create(NewKey(name="k", account=404), "x"))

    assert done(desk.book.page(0, 9)) == ()
    assert done(desk.book.audit(0, 9)) == ()


def test_keys_are_listed_newest_first(desk: Desk) -> None:
    first = desk.new_key()
    desk.now += 1
    second = desk.new_key()

    assert done(desk.book.page(0, 9)) == (second.record, first.record)
    assert done(desk.book.page(1, 9)) == (first.record,)
    assert done(desk.book.get(404)) is None


def test_a_change_that_is_refused_changes_nothing(desk: Desk) -> None:
    issued = desk.new_key()
    nowhere = replace(issued.record.scope, models=frozenset({"not on offer"}))

    with pytest.raises(ValueError, match="not on offer"):
        desk.change(issued, name="other", scope=nowhere)

    assert desk.record(issued) == issued.record
    assert len(done(desk.book.audit(0, 9))) == 1
