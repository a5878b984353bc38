"""The rows of accounts: budgets that several keys share."""

import sqlite3
from typing import Final

from reference_gateway.ledger import spend
from reference_gateway.ledger.accounts import Account, AccountTerms
from reference_gateway.ledger.storage.budgets import ACCOUNT, Budgets, present

_PAGE: Final = "SELECT * FROM account ORDER BY created_at DESC, account_id DESC LIMIT ? OFFSET ?"


class Accounts(Budgets):
    """Accounts as administrators see them."""

    def insert_account(self, account: Account) -> None:
        """See `Storage`."""
        window = spend.window(account.period, account.created_at)
        values = (
            account.account_id,
            account.name,
            account.disabled,
            account.limit,
            int(account.period),
            *window,
            account.spent,
            account.reserved,
            account.total,
            account.created_at,
            account.updated_at,
        )
        self._db.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def account(self, account_id: int, now: int) -> Account | None:
        """See `Storage`."""
        row = self._one("SELECT * FROM account WHERE account_id = ?", (account_id,))
        return _record(row, now) if row is not None else None

    def accounts(self, offset: int, size: int, now: int) -> tuple[Account, ...]:
        """See `Storage`."""
        return tuple(_record(row, now) for row in self._all(_PAGE, (size, offset)))

    def revise_account(self, account_id: int, to: AccountTerms, now: int) -> None:
        """See `Storage`."""
        self._db.execute(
            "UPDATE account SET name = ?, disabled = ?, lim = ?, updated_at = ? WHERE account_id = ?",
            (to.name, to.disabled, to.limit, now, account_id),
        )
        self._turn(ACCOUNT, account_id, to.period, now)


def _record(row: sqlite3.Row, now: int) -> Account:
    return Account(account_id=row["account_id"], name=row["name"], **present(row, now))
