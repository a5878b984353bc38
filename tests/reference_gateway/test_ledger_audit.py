"""The audit log: every act of an administrator, chained, without secrets, and never changed."""

import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger.accounts import AccountTerms, Act, AuditEntry, Issued, NewKey
from reference_gateway.ledger.audit import GENESIS, first_broken, link
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import LedgerDownError
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import NOW, Desk, done, in_memory, revision
from tests.reference_gateway.unhurried import UNHURRIED

INTEGERS = st.integers(-(2**63), 2**63 - 1)
LINES = st.tuples(INTEGERS, st.text(max_size=32), st.sampled_from(Act), INTEGERS)


def chained(
    lines: list[tuple[int, str, Act, int]], before: bytes = GENESIS, after: int = 0
) -> list[AuditEntry]:
    entries = []
    for number, (at, actor, act, subject) in enumerate(lines, after + 1):
        before = link(before, number=number, at=at, actor=actor, act=act, subject=subject)
        entries.append(AuditEntry(number=number, at=at, actor=actor, act=act, subject=subject, link=before))
    return entries


CHAINS = st.lists(LINES, min_size=2, max_size=8).map(chained)


@UNHURRIED
@given(chain=CHAINS, cut=st.integers(0, 8))
def test_a_chain_holds_from_its_beginning_and_from_any_line_on(chain: list[AuditEntry], cut: int) -> None:
    at = min(cut, len(chain) - 1)

    assert first_broken(chain) is None
    assert first_broken(chain[at + 1 :], chain[at].link, chain[at].number) is None


@UNHURRIED
@given(
    chain=CHAINS,
    place=st.integers(0, 7),
    field=st.sampled_from(["at", "actor", "act", "subject", "number", "link"]),
    value=st.tuples(
        INTEGERS, st.text(max_size=32), st.sampled_from(Act), st.binary(min_size=32, max_size=32)
    ),
)
def test_a_changed_line_is_where_the_chain_breaks(
    chain: list[AuditEntry], place: int, field: str, value: tuple[int, str, Act, bytes]
) -> None:
    at = place % len(chain)
    number, actor, act, digest = value
    new: dict[str, Any] = {"actor": actor, "act": act, "link": digest}
    changed = replace(chain[at], **{field: new.get(field, number)})

    broken = first_broken([*chain[:at], changed, *chain[at + 1 :]])

    assert broken == (None if changed == chain[at] else at + 1)


@UNHURRIED
@given(chain=CHAINS, place=st.integers(0, 6))
def test_a_line_taken_out_is_where_the_chain_breaks(chain: list[AuditEntry], place: int) -> None:
    at = place % (len(chain) - 1)

    assert first_broken([*chain[:at], *chain[at + 1 :]]) == at + 1


@UNHURRIED
@given(chain=CHAINS, place=st.integers(0, 7), line=LINES)
def test_a_line_slipped_in_is_where_the_chain_breaks(
    chain: list[AuditEntry], place: int, line: tuple[int, str, Act, int]
) -> None:
    at = place % len(chain)
    before = chain[at - 1].link if at else GENESIS
    (forged,) = chained([line], before, at)

    broken = first_broken([*chain[:at], forged, *chain[at:]])

    assert broken == at + 2  # the forger knows how to chain; what follows does not follow from it


@UNHURRIED
@given(chain=CHAINS, place=st.integers(0, 6))
def test_lines_that_changed_places_are_where_the_chain_breaks(chain: list[AuditEntry], place: int) -> None:
    at = place % (len(chain) - 1)

    assert first_broken([*chain[:at], chain[at + 1], chain[at], *chain[at + 2 :]]) == at + 1


@pytest.fixture
def desk() -> Iterator[Desk]:
    storage = in_memory(Faulty)
    yield Desk(storage)
    storage.close()


def log(desk: Desk) -> tuple[AuditEntry, ...]:
    return done(desk.book.audit(0, 100))


def test_every_act_leaves_its_line_and_the_lines_make_a_chain(desk: Desk) -> None:
    book = desk.book
    account = done(book.create_account(AccountTerms(name="a"), "root")).account_id
    done(book.revise_account(account, lambda _: AccountTerms(name="b"), "root"))
    issued = done(book.create(NewKey(name="k", account=account), "first"))
    key_id = issued.record.key_id
    desk.now += 5
    done(book.revise(key_id, lambda key: revision(key, disabled=True), "second"))
    done(book.rotate(key_id, "second"))
    done(book.delete(key_id, "third"))
    done(book.note(Act.REFUSED_CREDENTIAL, ""))
    done(book.note(Act.REFUSED_ROLE, "fourth"))

    lines = log(desk)

    assert [(line.number, line.at - NOW, line.actor, line.act, line.subject) for line in lines] == [
        (1, 0, "root", Act.ACCOUNT_CREATED, account),
        (2, 0, "root", Act.ACCOUNT_CHANGED, account),
        (3, 0, "first", Act.KEY_CREATED, key_id),
        (4, 5, "second", Act.KEY_CHANGED, key_id),
        (5, 5, "second", Act.KEY_ROTATED, key_id),
        (6, 5, "third", Act.KEY_DELETED, key_id),
        (7, 5, "", Act.REFUSED_CREDENTIAL, 0),
        (8, 5, "fourth", Act.REFUSED_ROLE, 0),
    ]
    assert first_broken(lines) is None
    assert done(book.audit(3, 2)) == lines[3:5]
    assert first_broken(lines[3:5], lines[2].link, 3) is None


def test_what_was_not_done_leaves_no_line(desk: Desk) -> None:
    book = desk.book

    nothing = [
        done(book.rotate(404, "x")),
        done(book.revise(404, revision, "x")),
        done(book.delete(404, "x")),
        done(book.revise_account(404, lambda _: AccountTerms(name="b"), "x")),
    ]

    assert nothing == [None, None, False, None]
    assert log(desk) == ()


ACTS: list[Callable[[Desk, Issued], Coroutine[Any, Any, object]]] = [
    lambda desk, _: desk.book.create(NewKey(name="k"), "x"),
    lambda desk, issued: desk.book.rotate(issued.record.key_id, "x"),
    lambda desk, issued: desk.book.revise(issued.record.key_id, lambda key: revision(key, limit=1), "x"),
    lambda desk, issued: desk.book.delete(issued.record.key_id, "x"),
    lambda desk, _: desk.book.create_account(AccountTerms(name="a"), "x"),
    lambda desk, _: desk.book.note(Act.REFUSED_ROLE, "x"),
]


@pytest.mark.parametrize("act", ACTS)
def test_an_act_that_cannot_be_written_is_not_done_and_leaves_no_line(
    desk: Desk, act: Callable[[Desk, Issued], Coroutine[Any, Any, object]]
) -> None:
    issued = desk.new_key()
    before = log(desk), done(desk.book.page(0, 9)), done(desk.book.account_page(0, 9))
    assert isinstance(desk.storage, Faulty)

    desk.storage.full = True
    with pytest.raises(LedgerDownError):
        done(act(desk, issued))

    assert (log(desk), done(desk.book.page(0, 9)), done(desk.book.account_page(0, 9))) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'somebody'",
        "UPDATE audit_log SET number = 7 WHERE number = 2",
        "UPDATE OR REPLACE audit_log SET number = 1 WHERE number = 2",
        "DELETE FROM audit_log WHERE number = 2",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log SELECT number, at, 'somebody', act, subject, link FROM audit_log",
        "REPLACE INTO audit_log SELECT 2, at, 'somebody', act, subject, link FROM audit_log WHERE number = 1",
        "INSERT OR IGNORE INTO audit_log SELECT 9, at, actor, act, subject, link FROM audit_log",
        "INSERT INTO audit_log SELECT 0, at, actor, act, subject, link FROM audit_log WHERE number = 1",
        "INSERT INTO audit_log SELECT 1, 0, '', 1, 1, link FROM audit_log WHERE 1 ON CONFLICT DO UPDATE SET at = 0",
        "INSERT INTO audit_log SELECT NULL, at, actor, act, subject, link FROM audit_log WHERE number = 1",
    ],
)
def test_no_statement_changes_removes_or_replaces_a_line(desk: Desk, statement: str) -> None:
    desk.new_key()
    desk.new_key()
    before = log(desk)

    with pytest.raises(sqlite3.IntegrityError, match="the audit log is append-only"):
        desk.storage._db.execute(statement)

    assert log(desk) == before
    assert len(before) == 2


def test_a_log_survives_the_process_and_goes_on(desk: Desk) -> None:
    desk.new_key()
    assert isinstance(desk.storage, SqliteStorage)

    again = Desk(desk.storage)
    again.new_key()

    assert [line.number for line in log(again)] == [1, 2]
    assert first_broken(log(again)) is None
