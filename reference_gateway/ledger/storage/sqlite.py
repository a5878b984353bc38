"""The ledger on SQLite: one connection, one writer, every commit on the disk before it is answered."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from reference_gateway.ledger import spend
from reference_gateway.ledger.accounts import Account, Revision
from reference_gateway.ledger.keys import Verifier
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle, Settled, Why

_ACCOUNT: Final = (
    "key_id, name, disabled, generation, lim, period, win, spent, reserved, total,"
    " created_at, updated_at, expires_at"
)
_HOLD: Final = """
    UPDATE account SET reserved = reserved + :amount
    WHERE key_id = :key_id AND (lim IS NULL OR spent + reserved + :amount <= lim)
    RETURNING win
"""
_NOTE_HOLD: Final = """
    INSERT INTO reservation (key_id, amount, win, model, prompt_price, completion_price, created_at)
    VALUES (:key_id, :amount, :win, :model, :prompt_price, :completion_price, :now) RETURNING rid
"""
# The DELETE is the claim: whoever gets the row settles, and nobody gets it twice.
_CLAIM: Final = "DELETE FROM reservation WHERE rid = ? RETURNING *"
_CHARGE: Final = """
    UPDATE account SET reserved = reserved - :amount, total = total + :charge,
        spent = spent + CASE WHEN win = :win THEN :charge ELSE 0 END
    WHERE key_id = :key_id
"""
_NOTE_USAGE: Final = """
    INSERT INTO usage_record VALUES
    (:rid, :key_id, :model, :outcome, :prompt_tokens, :completion_tokens, :charge, :began_at, :now)
"""


class LedgerFileError(Exception):
    """The ledger file cannot be opened; the message says why, for the operator."""


class SqliteStorage:
    """Statements over one connection. Not thread-safe: the book gives it one thread.

    Every method runs inside `transaction()`. A hold belongs to the window it was admitted in; windows
    roll when next used, so there is no reset job to miss. A clock that steps back rolls nothing.
    """

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None) -> None:
        self._db = connection
        self._lock = lock

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Durable at its end, or nothing happened."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Releases the file."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    # holds

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        """Holds the worst case if the key is usable and its limit has room, all at once."""
        verifier = self.verifier(message.key_id)
        if verifier is None or not verifier.live(now) or verifier.generation != message.generation:
            return Refused(Why.KEY_UNUSABLE)
        if verifier.limited and not message.limited:
            return Refused(Why.LIMIT_IS_NEW)
        self._roll(message.key_id, now)
        amount = spend.worst_case(message)
        row = self._one(_HOLD, {"amount": amount, "key_id": message.key_id})
        if row is None:
            return Refused(Why.LIMIT)
        rid = self._one(
            _NOTE_HOLD,
            {
                "key_id": message.key_id,
                "amount": amount,
                "win": row["win"],
                "model": message.model,
                "prompt_price": message.prompt_price,
                "completion_price": message.completion_price,
                "now": now,
            },
        )
        assert rid is not None  # noqa: S101 - INSERT … RETURNING gives a row or raises
        return Held(rid["rid"])

    def settle(self, message: Settle, now: int) -> Settled | None:
        """Ends a hold and charges it; None when it was ended before."""
        hold = self._one(_CLAIM, (message.rid,))
        if hold is None:
            return None
        amount = hold["amount"]
        bill = spend.actual(message, amount, hold["prompt_price"], hold["completion_price"])
        limited = self._one("SELECT lim FROM account WHERE key_id = ?", (hold["key_id"],))
        capped = limited is not None and limited["lim"] is not None
        charge = min(bill, amount) if capped else bill
        key = {"key_id": hold["key_id"]}
        self._db.execute(_CHARGE, {**key, "amount": amount, "charge": charge, "win": hold["win"]})
        self._db.execute("UPDATE operator_account SET excess = excess + ?", (bill - charge,))
        metered = message.outcome is Outcome.METERED
        self._db.execute(
            _NOTE_USAGE,
            {
                **key,
                "rid": message.rid,
                "model": hold["model"],
                "outcome": int(message.outcome),
                "prompt_tokens": message.prompt_tokens if metered else 0,
                "completion_tokens": message.completion_tokens if metered else 0,
                "charge": charge,
                "began_at": hold["created_at"],
                "now": now,
            },
        )
        return Settled(charge, bill - charge)

    def charge_orphans(self, now: int) -> tuple[int, int]:
        """Charges every open hold in full: (how many, nano-dollars). For the start, when none is ours."""
        rids = [row["rid"] for row in self._db.execute("SELECT rid FROM reservation").fetchall()]
        settled = [self.settle(Settle(rid=rid, outcome=Outcome.ORPHANED), now) for rid in rids]
        return len(rids), sum(one.charged for one in settled if one is not None)

    def _roll(self, key_id: int, now: int) -> None:
        row = self._one("SELECT period, win FROM account WHERE key_id = ?", (key_id,))
        if row is None:
            return
        start = spend.window_start(Period(row["period"]), now)
        if start > row["win"]:
            self._db.execute("UPDATE account SET spent = 0, win = ? WHERE key_id = ?", (start, key_id))

    # accounts

    def insert(self, account: Account, salt: bytes, digest: bytes) -> None:
        """Adds a key."""
        self._db.execute(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                account.key_id,
                account.name,
                salt,
                digest,
                account.generation,
                account.disabled,
                account.limit,
                int(account.period),
                account.window,
                account.spent,
                account.reserved,
                account.total,
                account.created_at,
                account.updated_at,
                account.expires_at,
            ),
        )

    def account(self, key_id: int, now: int) -> Account | None:
        """The account, its window rolled to `now`; None when unknown or deleted."""
        self._roll(key_id, now)
        row = self._one(f"SELECT {_ACCOUNT} FROM account WHERE key_id = ? AND NOT deleted", (key_id,))  # noqa: S608
        return _account_of(row) if row is not None else None

    def page(self, offset: int, size: int, now: int) -> tuple[Account, ...]:
        """Accounts, newest first."""
        query = (
            "SELECT key_id FROM account WHERE NOT deleted"
            " ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?"
        )
        ids = [row["key_id"] for row in self._db.execute(query, (size, offset)).fetchall()]
        found = (self.account(key_id, now) for key_id in ids)
        return tuple(account for account in found if account is not None)

    def revise(self, key_id: int, to: Revision, now: int) -> None:
        """Sets what an administrator may change. A new period forgets nothing spent or held so far."""
        self._db.execute(
            "UPDATE account SET name = ?, disabled = ?, lim = ?, expires_at = ?, updated_at = ?"
            " WHERE key_id = ?",
            (to.name, to.disabled, to.limit, to.expires_at, now, key_id),
        )
        window = spend.window_start(to.period, now)
        changed = self._db.execute(
            "UPDATE account SET period = ?, win = ? WHERE key_id = ? AND period != ?",
            (int(to.period), window, key_id, int(to.period)),
        )
        if changed.rowcount:
            self._db.execute("UPDATE reservation SET win = ? WHERE key_id = ?", (window, key_id))

    def rotate(self, key_id: int, salt: bytes, digest: bytes, now: int) -> None:
        """Replaces the verifier."""
        self._db.execute(
            "UPDATE account SET salt = ?, digest = ?, generation = generation + 1, updated_at = ?"
            " WHERE key_id = ?",
            (salt, digest, now, key_id),
        )

    def delete(self, key_id: int, now: int) -> bool:
        """Ends a key, erasing name and verifier; the row stays for open holds and past usage."""
        changed = self._db.execute(
            "UPDATE account SET deleted = 1, disabled = 1, name = '', salt = x'', digest = zeroblob(32),"
            " updated_at = ? WHERE key_id = ? AND NOT deleted",
            (now, key_id),
        )
        return changed.rowcount == 1

    def verifier(self, key_id: int) -> Verifier | None:
        """What is kept of one key."""
        row = self._one("SELECT * FROM account WHERE key_id = ?", (key_id,))
        return _verifier_of(row) if row is not None else None

    def verifiers(self) -> tuple[Verifier, ...]:
        """What is kept of every key that was not deleted."""
        rows = self._db.execute("SELECT * FROM account WHERE NOT deleted").fetchall()
        return tuple(_verifier_of(row) for row in rows)

    def _one(self, query: str, values: Any) -> sqlite3.Row | None:
        # fetchall, because a RETURNING statement takes effect whole only when it is read to its end.
        rows: list[sqlite3.Row] = self._db.execute(query, values).fetchall()
        return rows[0] if rows else None


def _account_of(row: sqlite3.Row) -> Account:
    return Account(
        key_id=row["key_id"],
        name=row["name"],
        disabled=bool(row["disabled"]),
        generation=row["generation"],
        limit=row["lim"],
        period=Period(row["period"]),
        window=row["win"],
        spent=row["spent"],
        reserved=row["reserved"],
        total=row["total"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
    )


def _verifier_of(row: sqlite3.Row) -> Verifier:
    return Verifier(
        key_id=row["key_id"],
        salt=row["salt"],
        digest=row["digest"],
        generation=row["generation"],
        limited=row["lim"] is not None,
        usable=not row["disabled"] and not row["deleted"],
        expires_at=row["expires_at"],
    )


def open_sqlite(path: Path) -> SqliteStorage:
    """Opens or makes the ledger file, for one process at a time. Raises LedgerFileError."""
    lock = _lock(path)
    try:
        connection = _connect(path)
    except sqlite3.Error as error:
        os.close(lock)
        raise LedgerFileError(f"not a usable SQLite file ({type(error).__name__})") from None
    return SqliteStorage(connection, lock)


def _lock(path: Path) -> int:
    # A second process would take this one's open holds for orphans.
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerFileError(f"its folder cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise LedgerFileError("another process is using it") from None
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    return prepared(connection)


def prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Sets durability and schema on a connection in autocommit mode."""
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(files("reference_gateway.ledger.storage").joinpath("schema.sql").read_text())
    return connection
