"""The ledger on SQLite: one file, one writer, every commit on the disk before it is answered."""

import fcntl
import os
import sqlite3
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

from reference_gateway.ledger.storage.accounts import Accounts
from reference_gateway.ledger.storage.audit import AuditLog
from reference_gateway.ledger.storage.holds import Holds

_SCHEMA: Final = 2
_PATIENCE_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 0.02
# Name, what is set, what must then be read back.
_PRAGMAS: Final = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("temp_store", "MEMORY", 2),
    ("secure_delete", "ON", 1),
    ("foreign_keys", "ON", 1),
)


class LedgerFileError(Exception):
    """The ledger file cannot be opened; the message says why, for the operator."""


class SqliteStorage(Holds, Accounts, AuditLog):
    """See `store.Storage` for what each method promises."""


def open_sqlite(path: Path) -> SqliteStorage:
    """Opens or makes the ledger file, for one process at a time. Raises LedgerFileError."""
    if not path.name:
        raise LedgerFileError("a folder, not a file")
    lock = _lock(path)
    try:
        return SqliteStorage(_connect(path), lock)
    except sqlite3.Error as error:
        os.close(lock)
        raise LedgerFileError(f"not a usable SQLite file ({type(error).__name__})") from None
    except OSError as error:
        os.close(lock)
        raise LedgerFileError(f"cannot be opened ({error.strerror})") from None
    except LedgerFileError:
        os.close(lock)
        raise


def _lock(path: Path) -> int:
    # A second process would take this one's open holds for orphans.
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerFileError(f"its folder cannot be written ({error.strerror})") from None
    # The ledger of a supervisor that was killed ends a moment after it: who restarts at once waits for that.
    until = time.monotonic() + _PATIENCE_SECONDS
    while not _taken(lock):
        if time.monotonic() > until:
            os.close(lock)
            raise LedgerFileError("another process is using it")
        time.sleep(_AGAIN_SECONDS)
    return lock


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        prepared(connection)
        read_back(connection)
    except (sqlite3.Error, LedgerFileError):
        connection.close()
        raise
    return connection


def prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Sets durability and schema on a connection in autocommit mode. Raises LedgerFileError."""
    connection.row_factory = sqlite3.Row
    for name, value, _ in _PRAGMAS:
        connection.execute(f"PRAGMA {name} = {value}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and version != _SCHEMA:
        raise LedgerFileError(f"its tables are of version {version}, this gateway's of version {_SCHEMA}")
    if not tables:
        schema = files("reference_gateway.ledger.storage").joinpath("schema.sql").read_text()
        connection.executescript(f"BEGIN;\n{schema}\nPRAGMA user_version = {_SCHEMA};\nCOMMIT;")
    return connection


def read_back(connection: sqlite3.Connection) -> None:
    """Reads the settings back: SQLite ignores what it cannot do. Raises LedgerFileError."""
    for name, value, expected in _PRAGMAS:
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != expected:
            raise LedgerFileError(f"PRAGMA {name} = {value} had no effect, it is {found}")
