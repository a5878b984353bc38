"""A storage whose disk can be full, and whose process can be killed around a commit."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from reference_gateway.ledger.storage.sqlite import SqliteStorage


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the ledger runs after it, and what was not committed is gone."""


class Moment(Enum):
    """When a process is killed."""

    BEFORE_THE_COMMIT = auto()
    AFTER_THE_COMMIT = auto()  # and before anybody has an answer


class Faulty(SqliteStorage):
    """A full disk takes no write; all else works. `dies` is for the next transaction."""

    full = False
    dies: Moment | None = None
    commits = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        dies, self.dies = self.dies, None
        with super().transaction():
            before = self._db.total_changes
            yield
            if self.full and self._db.total_changes > before:
                raise sqlite3.OperationalError
            if dies is Moment.BEFORE_THE_COMMIT:
                raise Killed
        self.commits += 1
        if dies is Moment.AFTER_THE_COMMIT:
            raise Killed
