"""Twins of the reference gateway whose accounts, or whose dear models, can spend more than a limit, and that gateway as it is."""

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path

from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import Held, Refused, Reserve, Why
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround
from tests.twins.checks import ACCOUNTS, EVERY_MODEL
from tests.twins.reference_ledger import worst_case, write

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")

_SHIPPED = resources.files("conformance.dialects") / "openrouter.toml"
_TABLE = re.compile(r"^(\[+)(\w)", re.MULTILINE)
# Its keys as it is spoken to by everybody, and beside them accounts, which are its own.
ON_ACCOUNTS = (
    "[dialect.own]\n"
    + _TABLE.sub(r"\1dialect.own.\2", _SHIPPED.read_text(encoding="utf-8"))
    + """
[[dialect.own.create_account.calls]]
method = "POST"
path = "/api/v1/accounts"
body = { name = "{name}", limit = "{limit}" }
capture = { account = "/data/id" }
[[dialect.own.create_in_account.calls]]
method = "POST"
path = "/api/v1/keys"
body = { name = "{name}", account = "{account}" }
capture = { secret = "/key", id = "/data/hash" }
[[dialect.own.set_account_limit.calls]]
method = "PATCH"
path = "/api/v1/accounts/{account}"
body = { limit = "{limit}" }
"""
)
# Twenty times as dear as the model that every host offers.
DEAR = {"dear-model": ("20", "40")}
_KEY = "SELECT account, spent FROM api_key WHERE key_id = ?"
_ACCOUNT = """
    SELECT a.account_id, a.lim, a.spent + a.reserved FROM account a JOIN api_key k ON k.account = a.account_id
    WHERE k.key_id = ?
"""


def _row(path: Path, query: str, key_id: int) -> tuple[int | None, ...] | None:
    with closing(sqlite3.connect(path, timeout=10)) as database:
        found: tuple[int | None, ...] | None = database.execute(query, (key_id,)).fetchone()
        return found


@variant("limits-on-accounts", about=("S1",), dialect=ON_ACCOUNTS)
def limits_on_accounts(parts: Parts) -> Parts:
    """Keys without limits of their own, which share that of their account. No account can be removed."""
    return parts


class _Apart(SqliteStorage):
    """A store in which the account's limit is that of each of its keys."""

    @classmethod
    def open(cls, path: Path) -> "_Apart":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def _hold_account(self, account: int, message: Reserve, amount: int, now: int) -> sqlite3.Row | Why:
        limit = self._one("SELECT lim FROM account WHERE account_id = ?", (account,))
        spent = self._one("SELECT spent + reserved AS s FROM api_key WHERE key_id = ?", (message.key_id,))
        if limit is not None and limit["lim"] is not None and spent is not None and spent["s"] > limit["lim"]:
            return Why.ACCOUNT_LIMIT
        self._db.execute("UPDATE account SET lim = NULL WHERE account_id = ?", (account,))
        try:
            return super()._hold_account(account, message, amount, now)
        finally:
            self._db.execute(
                "UPDATE account SET lim = ? WHERE account_id = ?", (limit and limit["lim"], account)
            )


@twin("account-limit-for-each-key", fails={ACCOUNTS}, dialect=ON_ACCOUNTS)
def account_limit_for_each_key(parts: Parts) -> Parts:
    """Each key of an account may spend all that the account may."""
    return replace(parts, storage=_Apart.open)


@twin("deleted-keys-take-their-spending-along", fails={ACCOUNTS}, dialect=ON_ACCOUNTS)
def deleted_keys_take_their_spending_along(parts: Parts) -> Parts:
    """What an account has spent is what the keys have spent that it has."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        return open_sqlite(path)

    def forget(key_id: int) -> None:
        account, spent = _row(ledger[0], _KEY, key_id) or (None, 0)
        write(ledger[0], "UPDATE account SET spent = spent - ? WHERE account_id = ?", (spent, account))

    class Forgetting(AccountsAround):
        async def delete(self, key_id: int, by: str) -> bool:
            deleted = await super().delete(key_id, by)
            await asyncio.to_thread(forget, key_id)
            return deleted

    return replace(parts, storage=storage, accounts=Forgetting)


@twin("account-check-then-act-20ms", fails={ACCOUNTS}, dialect=ON_ACCOUNTS)
def account_check_then_act_20ms(parts: Parts) -> Parts:
    """The account's limit is looked at twenty milliseconds before its hold; the key's is not."""
    ledger: list[Path] = []

    class Late(SqliteStorage):
        """A store that holds on accounts whatever it is asked for."""

        @classmethod
        def open(cls, path: Path) -> "Late":
            ledger.append(path)
            opened = open_sqlite(path)
            return cls(opened._db, opened._lock)

        def _hold_account(self, account: int, message: Reserve, amount: int, now: int) -> sqlite3.Row | Why:
            row = self._one("SELECT lim FROM account WHERE account_id = ?", (account,))
            self._db.execute("UPDATE account SET lim = NULL WHERE account_id = ?", (account,))
            try:
                return super()._hold_account(account, message, amount, now)
            finally:
                self._db.execute(
                    "UPDATE account SET lim = ? WHERE account_id = ?", (row and row["lim"], account)
                )

    class Checking(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            _, limit, used = _row(ledger[0], _ACCOUNT, message.key_id) or (None, None, 0)
            if limit is not None and (used or 0) + worst_case(message) > limit:
                return Refused(Why.ACCOUNT_LIMIT)
            await asyncio.sleep(0.02)
            return await super().reserve(message)

    return replace(parts, storage=Late.open, ledger=Checking)


@variant("two-models", about=("S1",), models=DEAR)
def two_models(parts: Parts) -> Parts:
    """A second model, at a price of its own."""
    return parts


@twin("dear-model-at-the-usual-price", fails={EVERY_MODEL}, models=DEAR)
def dear_model_at_the_usual_price(parts: Parts) -> Parts:
    """What every model costs is looked up as the first one's."""

    class Cheap(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            return await super().reserve(replace(message, model=0))

    return replace(parts, ledger=Cheap)
