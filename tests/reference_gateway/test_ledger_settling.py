"""How holds end in the store: once, at the cost that they came to, and never above what was held under a limit."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reference_gateway.ledger.accounts import AccountTerms
from reference_gateway.ledger.spend import Settled
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Outcome, Refused, Settle, Why
from tests.reference_gateway.ledger_parts import KEY, MODELS, NOW, RESERVE, in_memory, metered, revision
from tests.reference_gateway.ledger_rows import ACCOUNT, counts, hold, insert


@pytest.fixture
def storage() -> Iterator[SqliteStorage]:
    storage = in_memory(SqliteStorage)
    yield storage
    storage.close()


@pytest.mark.parametrize(
    ("outcome", "charged"),
    [
        (Outcome.METERED, 60),
        (Outcome.NOTHING_SENT, 0),
        (Outcome.REFUSED, 0),
        (Outcome.UNKNOWN, 100),
        (Outcome.ORPHANED, 100),
    ],
)
def test_a_hold_ends_once_as_what_it_came_to(storage: SqliteStorage, outcome: Outcome, charged: int) -> None:
    insert(storage, account=ACCOUNT)
    end = replace(metered(hold(storage), 60), outcome=outcome)

    settled = [storage.settle(end, NOW), storage.settle(end, NOW)]

    assert settled == [Settled(charged, 0, overrun=False, model=70), None]
    assert counts(storage) == [(charged, 0, charged), (charged, 0, charged)]


def test_usage_is_kept_where_it_was_metered_and_nowhere_else(storage: SqliteStorage) -> None:
    insert(storage)
    usage = {"prompt_tokens": 7, "completion_tokens": 6, "cached_tokens": 4, "written_tokens": 3}
    first, second = hold(storage, prompt_bound=9), hold(storage)

    storage.settle(Settle(rid=first, outcome=Outcome.METERED, **usage), NOW + 1)
    storage.settle(Settle(rid=second, outcome=Outcome.REFUSED, **usage), NOW + 2)

    rows = [tuple(row) for row in storage._db.execute("SELECT * FROM usage_record ORDER BY rid")]
    assert rows == [
        (first, 1, 70, 1, 1, 7, 6, 4, 3, 13, NOW, NOW + 1),
        (second, 1, 70, 1, 3, 0, 0, 0, 0, 0, NOW, NOW + 2),
    ]


def excess(storage: SqliteStorage) -> int:
    (amount,) = storage._db.execute("SELECT excess FROM operator_account").fetchone()
    return int(amount)


@pytest.mark.parametrize("limits", [(1000, None), (None, 1000), (1000, 1000)])
def test_a_bill_beyond_the_hold_falls_to_the_operator(
    storage: SqliteStorage, limits: tuple[int | None, int | None]
) -> None:
    insert(storage, replace(KEY, limit=limits[0]), replace(ACCOUNT, limit=limits[1]))

    settled = storage.settle(metered(hold(storage), 5000), NOW)

    assert settled == Settled(100, 4900, overrun=True, model=70)
    assert counts(storage) == [(100, 0, 100), (100, 0, 100)]
    assert excess(storage) == 4900


def test_a_longer_prompt_than_was_asked_for_is_an_overrun_even_within_the_hold(
    storage: SqliteStorage,
) -> None:
    insert(storage)
    rid = hold(storage, prompt_bound=5)

    settled = storage.settle(Settle(rid=rid, outcome=Outcome.METERED, prompt_tokens=6), NOW)

    assert settled == Settled(6, 0, overrun=True, model=70)


def test_without_a_limit_a_bill_is_charged_whole_and_nothing_is_an_overrun(storage: SqliteStorage) -> None:
    insert(storage, replace(KEY, limit=None), replace(ACCOUNT, limit=None))

    settled = storage.settle(metered(hold(storage), 5000), NOW)

    assert settled == Settled(5000, 0, overrun=False, model=70)
    assert counts(storage) == [(5000, 0, 5000), (5000, 0, 5000)]


@pytest.mark.parametrize("limits", [(500, None), (None, 500)], ids=["of the key", "of the account"])
def test_a_limit_that_came_while_a_hold_was_open_caps_its_bill_too(
    storage: SqliteStorage, limits: tuple[int | None, int | None]
) -> None:
    insert(storage, replace(KEY, limit=None), replace(ACCOUNT, limit=None))
    rid = hold(storage)
    storage.revise_key(1, revision(KEY, limit=limits[0]), NOW)
    storage.revise_account(9, AccountTerms(name="a", limit=limits[1]), NOW)

    settled = storage.settle(metered(rid, 5000), NOW)

    assert settled == Settled(100, 4900, overrun=False, model=70)


def test_a_limit_that_went_while_a_hold_was_open_still_caps_its_bill(storage: SqliteStorage) -> None:
    insert(storage)
    rid = hold(storage)
    storage.revise_key(1, revision(KEY, limit=None), NOW)

    assert storage.settle(metered(rid, 5000), NOW) == Settled(100, 4900, overrun=True, model=70)


def test_what_a_deleted_key_holds_is_charged_to_its_account_all_the_same(storage: SqliteStorage) -> None:
    insert(storage, account=ACCOUNT)
    rid = hold(storage)

    deleted = [storage.delete_key(1, NOW), storage.delete_key(1, NOW)]
    settled = storage.settle(Settle(rid=rid, outcome=Outcome.UNKNOWN), NOW)

    assert deleted == [True, False]
    assert settled == Settled(100, 0, overrun=False, model=70)
    assert (storage.key(1, NOW), storage.verifier(1), storage.keys(0, 9, NOW)) == (None, None, ())
    assert counts(storage) == [(100, 0, 100)]  # the account's; the key shows no more
    (key,) = storage._db.execute("SELECT spent, reserved, total, name FROM api_key")
    assert tuple(key) == (100, 0, 100, "")


def test_a_rotated_key_settles_what_its_old_secret_held(storage: SqliteStorage) -> None:
    insert(storage)
    rid = hold(storage)

    storage.rotate(1, b"t" * 16, b"e" * 32, NOW)

    assert storage.reserve(RESERVE, NOW) == Refused(Why.KEY_UNUSABLE)
    assert storage.settle(metered(rid, 60), NOW) == Settled(60, 0, overrun=False, model=70)
    hold(storage, generation=2)


def test_usage_of_a_model_that_is_on_offer_no_longer_costs_the_hold(storage: SqliteStorage) -> None:
    insert(storage)
    rid = hold(storage)
    storage.use(MODELS[1:])

    assert storage.settle(metered(rid, 5), NOW) == Settled(100, 0, overrun=False, model=70)
