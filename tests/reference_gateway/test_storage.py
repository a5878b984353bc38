import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reference_gateway import credential
from reference_gateway.events import Event, Kind
from reference_gateway.ledger.accounts import Account, NewKey, Revision
from reference_gateway.ledger.book import Book
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.storage.sqlite import LedgerFileError, SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import (
    Authorise,
    Held,
    LedgerDownError,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Settled,
    Why,
)

NOW = 1_800_000_000_000
ACCOUNT = Account(
    key_id=1,
    name="k",
    disabled=False,
    generation=1,
    limit=1000,
    period=Period.NEVER,
    window=0,
    spent=0,
    reserved=0,
    total=0,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + 10,
)
RESERVE = Reserve(
    key_id=1,
    generation=1,
    limited=True,
    model=1,
    prompt_bound=0,
    completion_bound=100,
    prompt_price=0,
    completion_price=1000,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = open_sqlite(tmp_path / "ledger.sqlite3")
    with storage.transaction():
        storage.insert(ACCOUNT, b"s" * 16, b"d" * 32)
    yield storage
    storage.close()


@pytest.mark.parametrize(
    ("change", "now", "why"),
    [
        ({"key_id": 2}, NOW, Why.KEY_UNUSABLE),
        ({"generation": 2}, NOW, Why.KEY_UNUSABLE),
        ({}, NOW + 10, Why.KEY_UNUSABLE),
        ({"limited": False}, NOW, Why.LIMIT_IS_NEW),
        ({"completion_bound": 1001}, NOW, Why.LIMIT),
    ],
)
def test_a_hold_that_must_not_be_is_refused(
    storage: SqliteStorage, change: dict[str, Any], now: int, why: Why
) -> None:
    assert storage.reserve(replace(RESERVE, **change), now) == Refused(why)


def test_a_bill_beyond_the_hold_falls_to_the_operator(storage: SqliteStorage) -> None:
    held = storage.reserve(RESERVE, NOW)
    assert isinstance(held, Held)

    settled = storage.settle(Settle(rid=held.rid, outcome=Outcome.METERED, completion_tokens=5000), NOW)

    account = storage.account(1, NOW)
    assert settled == Settled(100, 4900)
    assert account is not None
    assert (account.spent, account.reserved) == (100, 0)


def test_a_new_period_forgets_nothing_spent_or_held(storage: SqliteStorage) -> None:
    spent, open_hold = storage.reserve(RESERVE, NOW), storage.reserve(RESERVE, NOW)
    assert isinstance(spent, Held)
    assert isinstance(open_hold, Held)
    storage.settle(Settle(rid=spent.rid, outcome=Outcome.UNKNOWN), NOW)

    revision = Revision(name="k", disabled=False, limit=1000, period=Period.MONTHLY, expires_at=None)
    storage.revise(1, revision, NOW)
    storage.settle(Settle(rid=open_hold.rid, outcome=Outcome.UNKNOWN), NOW)

    account = storage.account(1, NOW)
    assert account is not None
    assert (account.spent, account.total) == (200, 200)


def test_the_name_of_a_key_is_the_only_text(storage: SqliteStorage, tmp_path: Path) -> None:
    assert storage.verifiers()
    database = sqlite3.connect(tmp_path / "ledger.sqlite3")
    columns = database.execute(
        "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type != 'INTEGER'"
    ).fetchall()
    database.close()

    assert set(columns) == {
        ("account", "name", "TEXT"),
        ("account", "salt", "BLOB"),
        ("account", "digest", "BLOB"),
    }


def test_every_commit_is_on_the_disk(storage: SqliteStorage) -> None:
    pragmas = [
        storage._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]

    assert pragmas == ["wal", 2]


def test_what_is_no_database_is_the_operators_to_solve(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"not a database" * 100)

    with pytest.raises(LedgerFileError, match="not a usable SQLite file"):
        open_sqlite(tmp_path / "ledger.sqlite3")


class Counting(SqliteStorage):
    """Counts transactions, and fails a reservation for model 13."""

    transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.transactions += 1
        with super().transaction():
            yield

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        if message.model == 13:
            raise sqlite3.OperationalError
        return super().reserve(message, now)


async def _crowd(book: Book, message: Reserve, count: int) -> list[Held | Refused]:
    return list(await asyncio.gather(*(book.reserve(message) for _ in range(count))))


def test_many_at_once_share_a_commit_and_none_is_admitted_twice(tmp_path: Path) -> None:
    plain = open_sqlite(tmp_path / "ledger.sqlite3")
    storage = Counting(plain._db)

    async def scene() -> list[Held | Refused]:
        book = Book(storage, lambda _event: None, clock=lambda: NOW)
        book.start()
        issued = await book.create(NewKey(name="k", limit=1000))
        storage.transactions = 0
        answers = await _crowd(book, replace(RESERVE, key_id=issued.account.key_id), 200)
        await book.stop()
        return answers

    answers = asyncio.run(scene())
    plain.close()

    assert len({answer.rid for answer in answers if isinstance(answer, Held)}) == 10
    assert answers.count(Refused(Why.LIMIT)) == 190
    assert storage.transactions < 100


def test_a_write_that_fails_is_refused_and_the_ledger_lives_on(tmp_path: Path) -> None:
    plain = open_sqlite(tmp_path / "ledger.sqlite3")
    events: list[Event] = []

    async def scene() -> Held | Refused:
        book = Book(Counting(plain._db), events.append, clock=lambda: NOW)
        book.start()
        issued = await book.create(NewKey(name="k", limit=1000))
        message = replace(RESERVE, key_id=issued.account.key_id)
        with pytest.raises(LedgerDownError):
            await book.reserve(replace(message, model=13))
        answer = await book.reserve(message)
        await book.stop()
        return answer

    answer = asyncio.run(scene())
    plain.close()

    assert isinstance(answer, Held)
    assert [event.event for event in events] == [Kind.LEDGER_FAULT]


def test_a_key_authorises_itself_only_and_not_beyond_its_time(tmp_path: Path) -> None:
    now = [NOW]

    async def scene() -> list[bool]:
        book = Book(open_sqlite(tmp_path / "ledger.sqlite3"), lambda _event: None, clock=lambda: now[0])
        book.start()
        issued = await book.create(NewKey(name="k", expires_at=NOW + 1))
        key_id, key = issued.account.key_id, issued.key.encode()
        other = credential.mint(key_id).encode()
        tried = [Authorise(key_id, key), Authorise(key_id, other), Authorise(key_id + 1, key)]
        answers = [await book.authorise(message) is not None for message in tried]
        now[0] += 1
        answers.append(await book.authorise(tried[0]) is not None)
        await book.stop()
        return answers

    assert asyncio.run(scene()) == [True, False, False, False]
