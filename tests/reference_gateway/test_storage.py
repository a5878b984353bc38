"""What the store holds and refuses, to the nano-dollar, and that a transaction is whole or nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reference_gateway.ledger.accounts import AccountTerms, Scope
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Endpoint, Held, LedgerDownError, Refused, Why
from tests.reference_gateway.ledger_parts import KEY, MODELS, NOW, RESERVE, in_memory, metered, revision
from tests.reference_gateway.ledger_rows import ACCOUNT, counts, hold, insert


@pytest.fixture
def storage() -> Iterator[SqliteStorage]:
    storage = in_memory(SqliteStorage)
    yield storage
    storage.close()


@pytest.mark.parametrize(
    ("key", "change", "now", "why"),
    [
        ({}, {"key_id": 2}, NOW, Why.KEY_UNUSABLE),
        ({}, {"generation": 2}, NOW, Why.KEY_UNUSABLE),
        ({}, {}, NOW + 10, Why.KEY_UNUSABLE),
        ({"disabled": True}, {}, NOW, Why.KEY_UNUSABLE),
        ({}, {"limited": False}, NOW, Why.LIMIT_IS_NEW),
        ({}, {"limited": False, "completion_bound": 1001}, NOW, Why.LIMIT_IS_NEW),
        ({}, {"completion_bound": 1001}, NOW, Why.LIMIT),
        ({"limit": 0}, {"completion_bound": 1}, NOW, Why.LIMIT),
        ({"scope": Scope(endpoints=frozenset({Endpoint.MODELS}))}, {}, NOW, Why.OUT_OF_SCOPE),
        ({"scope": Scope(models=frozenset({"large"}))}, {}, NOW, Why.OUT_OF_SCOPE),
        ({"scope": Scope(models=frozenset())}, {}, NOW, Why.OUT_OF_SCOPE),
    ],
)
def test_a_hold_that_must_not_be_is_refused(
    storage: SqliteStorage, key: dict[str, Any], change: dict[str, Any], now: int, why: Why
) -> None:
    insert(storage, replace(KEY, **key))

    assert storage.reserve(replace(RESERVE, **change), now) == Refused(why)
    assert counts(storage) == [(0, 0, 0)]
    assert storage.open_holds() == ()


@pytest.mark.parametrize(
    ("account", "change", "why"),
    [
        ({"disabled": True}, {}, Why.KEY_UNUSABLE),
        ({"limit": 99}, {}, Why.ACCOUNT_LIMIT),
        ({"limit": 99}, {"limited": False}, Why.LIMIT_IS_NEW),
    ],
)
def test_a_hold_that_the_account_refuses_leaves_nothing_at_the_key(
    storage: SqliteStorage, account: dict[str, Any], change: dict[str, Any], why: Why
) -> None:
    insert(storage, replace(KEY, limit=None), replace(ACCOUNT, **account))

    assert storage.reserve(replace(RESERVE, **change), NOW) == Refused(why)
    assert counts(storage) == [(0, 0, 0), (0, 0, 0)]
    assert storage.open_holds() == ()


@pytest.mark.parametrize(
    "key",
    [
        {"limit": 100},
        {"limit": None},
        {"scope": Scope(models=frozenset({"small"}), endpoints=frozenset({Endpoint.CHAT}))},
    ],
)
def test_a_hold_that_may_be_takes_room_at_key_and_account(
    storage: SqliteStorage, key: dict[str, Any]
) -> None:
    insert(storage, replace(KEY, **key), ACCOUNT)

    rid = hold(storage)

    assert counts(storage) == [(0, 100, 0), (0, 100, 0)]
    assert storage.open_holds() == (rid,)


@pytest.mark.parametrize("limit", [0, 149, 150])
def test_a_limit_may_be_set_below_what_is_spent_and_held(storage: SqliteStorage, limit: int) -> None:
    insert(storage)
    storage.settle(metered(hold(storage), 50), NOW)
    hold(storage)
    storage.revise_key(1, revision(KEY, limit=limit), NOW)

    assert storage.reserve(replace(RESERVE, completion_bound=1), NOW) == Refused(Why.LIMIT)
    assert counts(storage) == [(50, 100, 50)]


def test_a_raised_limit_has_room_to_the_last_nano_dollar_and_no_further(storage: SqliteStorage) -> None:
    insert(storage, replace(KEY, limit=100))
    hold(storage)
    storage.revise_key(1, revision(KEY, limit=300), NOW)

    assert storage.reserve(replace(RESERVE, completion_bound=201), NOW) == Refused(Why.LIMIT)
    assert isinstance(storage.reserve(replace(RESERVE, completion_bound=200), NOW), Held)


def test_a_scope_keeps_only_names_of_models_on_offer(storage: SqliteStorage) -> None:
    insert(storage, replace(KEY, scope=Scope(models=frozenset({"small", "large"}))))

    storage.use(MODELS[1:])
    key = storage.key(1, NOW)

    assert key is not None
    assert key.scope == Scope(models=frozenset({"large"}))
    with pytest.raises(ValueError, match="not on offer"):
        storage.revise_key(1, revision(KEY, scope=Scope(models=frozenset({"small"}))), NOW)


def test_a_narrower_scope_admits_nothing_that_only_the_wider_one_did(storage: SqliteStorage) -> None:
    insert(storage, replace(KEY, scope=Scope(models=frozenset({"small", "large"}))))
    hold(storage)

    storage.revise_key(1, revision(KEY, scope=Scope(models=frozenset({"large"}))), NOW)

    assert storage.reserve(RESERVE, NOW) == Refused(Why.OUT_OF_SCOPE)
    hold(storage, model=1)


def test_an_account_is_revised_and_listed_newest_first(storage: SqliteStorage) -> None:
    storage.insert_account(ACCOUNT)
    storage.insert_account(replace(ACCOUNT, account_id=10, created_at=NOW + 1))

    storage.revise_account(9, AccountTerms(name="b", disabled=True, limit=5), NOW + 2)

    newest, revised = storage.accounts(0, 5, NOW)
    assert newest.account_id == 10
    assert revised == replace(ACCOUNT, name="b", disabled=True, limit=5, updated_at=NOW + 2)
    assert storage.accounts(1, 5, NOW) == (revised,)


# --- transactions ------------------------------------------------------------------------------------------


def fail_midway(storage: SqliteStorage) -> None:
    with storage.transaction():
        hold(storage)
        raise ZeroDivisionError


def fail_at_the_commit(storage: SqliteStorage) -> None:
    with storage.transaction():
        hold(storage)
        # A constraint that is looked at by COMMIT only, which then leaves the transaction open.
        storage._db.execute("PRAGMA defer_foreign_keys = ON")
        storage._db.execute("UPDATE api_key SET account = 404")


def test_what_fails_inside_a_transaction_undoes_all_of_it(storage: SqliteStorage) -> None:
    with storage.transaction():
        insert(storage)

    with pytest.raises(ZeroDivisionError):
        fail_midway(storage)

    assert counts(storage) == [(0, 0, 0)]
    with storage.transaction():
        hold(storage)
    assert counts(storage) == [(0, 100, 0)]


def test_a_commit_that_fails_undoes_all_and_the_next_one_works(storage: SqliteStorage) -> None:
    with storage.transaction():
        insert(storage)

    with pytest.raises(LedgerDownError):
        fail_at_the_commit(storage)

    assert counts(storage) == [(0, 0, 0)]
    with storage.transaction():
        hold(storage)
    assert counts(storage) == [(0, 100, 0)]
