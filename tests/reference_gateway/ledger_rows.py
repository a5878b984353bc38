"""A storage by itself, with one key and perhaps the account above it."""

from dataclasses import replace
from typing import Any, Final

from reference_gateway.ledger.accounts import Account, ApiKey
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Held
from tests.reference_gateway.ledger_parts import KEY, NOW, RESERVE

SALT: Final = b"s" * 16
DIGEST: Final = b"d" * 32
ACCOUNT: Final = Account(
    account_id=9,
    name="a",
    disabled=False,
    limit=1000,
    period=Period.NEVER,
    window=0,
    spent=0,
    reserved=0,
    total=0,
    created_at=NOW,
    updated_at=NOW,
)


def insert(storage: SqliteStorage, key: ApiKey = KEY, account: Account | None = None) -> None:
    """Makes the key, in the account if there is one."""
    if account is not None:
        storage.insert_account(account)
        key = replace(key, account=account.account_id)
    storage.insert_key(key, SALT, DIGEST)


def hold(storage: SqliteStorage, **change: Any) -> int:
    """The rid of a hold that must be made."""
    held = storage.reserve(replace(RESERVE, **change), NOW)
    assert isinstance(held, Held)
    return held.rid


def counts(storage: SqliteStorage) -> list[tuple[int, int, int]]:
    """(spent, reserved, total) of the key and of its account."""
    key, account = storage.key(1, NOW), storage.account(9, NOW)
    return [(one.spent, one.reserved, one.total) for one in (key, account) if one is not None]
