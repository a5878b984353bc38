"""One SQLite connection and its transactions."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reference_gateway.ledger.spend import PricedModel
from reference_gateway.ledger.wire import LedgerDownError


class Database:
    """What the parts of the storage share. Not thread-safe: the ledger is one thread."""

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None) -> None:
        self._db = connection
        self._lock = lock
        self._models: tuple[PricedModel, ...] = ()
        self._by_number: dict[int, PricedModel] = {}

    def use(self, models: Sequence[PricedModel]) -> None:
        """See `Storage`."""
        self._models = tuple(models)
        self._by_number = {model.number: model for model in models}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Storage`. A COMMIT that fails is rolled back too, or it would block all that come later."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        except sqlite3.Error:
            raise LedgerDownError from None

    def close(self) -> None:
        """See `Storage`."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    def _one(self, query: str, values: Any) -> sqlite3.Row | None:
        # fetchall, because a RETURNING statement takes effect whole only when it is read to its end.
        rows = self._all(query, values)
        return rows[0] if rows else None

    def _all(self, query: str, values: Any) -> list[sqlite3.Row]:
        rows: list[sqlite3.Row] = self._db.execute(query, values).fetchall()
        return rows
