"""What is left in a ledger, told apart: what administrators wrote, and what requests can leave behind."""

import sqlite3
from collections.abc import Container
from typing import Any, Final

from reference_gateway.events import Event, Kind
from reference_gateway.ledger.accounts import AccountTerms, Issued
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import (
    MAX_COMPLETION,
    MAX_PROMPT,
    ROUTES,
    STATUSES,
    Endpoint,
    Outcome,
    paced,
)
from tests.reference_gateway.ledger_parts import MODELS, NOW, Desk, done, in_memory

Rows = dict[str, list[dict[str, Any]]]

# Written by administrators' acts only.
WORDS: Final = {
    ("account", "name"),
    ("api_key", "name"),
    ("api_key", "salt"),
    ("api_key", "digest"),
    ("audit_log", "actor"),
    ("audit_log", "link"),
}
MUCH: Final = 10**12  # nano-dollars; more than any request here can cost
_MOST: Final = 100 * (
    MAX_PROMPT + MAX_COMPLETION
)  # nano-dollars: a hundred requests at a nano-dollar a token
_AMOUNT: Final = range(_MOST + 1)
_NUMBERS: Final = frozenset(model.number for model in MODELS)
_TIME: Final = {NOW}  # the ledger's clock stands still here
# What requests write, and what it can be.
CLOSED: Final[dict[tuple[str, str], Container[int | None]]] = {
    **{(table, name): _AMOUNT for table in ("account", "api_key") for name in ("spent", "reserved", "total")},
    ("operator_account", "excess"): _AMOUNT,
    ("reservation", "rid"): range(1, 101),
    ("reservation", "amount"): _AMOUNT,
    ("reservation", "key_win"): {0},
    ("reservation", "account_win"): {0, None},
    ("reservation", "limited"): {0, 1},
    ("reservation", "model"): _NUMBERS,
    ("reservation", "endpoint"): {int(endpoint) for endpoint in Endpoint},
    ("reservation", "prompt_bound"): range(MAX_PROMPT + 1),
    ("reservation", "created_at"): _TIME,
    ("usage_record", "rid"): range(1, 101),
    ("usage_record", "model"): _NUMBERS,
    ("usage_record", "endpoint"): {int(endpoint) for endpoint in Endpoint},
    ("usage_record", "outcome"): {int(outcome) for outcome in Outcome},
    ("usage_record", "prompt_tokens"): range(MAX_PROMPT + 1),
    ("usage_record", "completion_tokens"): range(MAX_COMPLETION + 1),
    ("usage_record", "cached_tokens"): range(MAX_PROMPT + 1),
    ("usage_record", "written_tokens"): range(MAX_PROMPT + 1),
    ("usage_record", "charged"): _AMOUNT,
    ("usage_record", "began_at"): _TIME,
    ("usage_record", "ended_at"): _TIME,
    ("sqlite_sequence", "seq"): range(101),
}
# Numbers of keys and accounts, which must be among those that administrators made.
NAMES: Final = {
    ("reservation", "key_id"): "api_key.key_id",
    ("reservation", "account"): "account.account_id",
    ("usage_record", "key_id"): "api_key.key_id",
}


def dump(database: sqlite3.Connection) -> Rows:
    """Everything that is in a ledger, its schema too."""
    tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    names = ["sqlite_schema", *(name for (name,) in tables)]
    return {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}  # noqa: S608


def administrators(rows: Rows) -> Rows:
    """The part that no request may change: all but the columns that requests write."""
    kept = {
        table: [{name: value for name, value in row.items() if (table, name) not in CLOSED} for row in lines]
        for table, lines in rows.items()
        if table not in {"reservation", "usage_record"}
    }
    # SQLite keeps count of rids under the name of their table, from the first one on.
    sequences = [row for row in kept["sqlite_sequence"] if row["name"] != "reservation"]
    return kept | {"sqlite_sequence": sequences}


def outside(rows: Rows) -> list[tuple[str, str, object]]:
    """What requests left that is no integer of its closed range."""
    known: dict[str, Container[int | None]] = {
        "api_key.key_id": {row["key_id"] for row in rows["api_key"]},
        "account.account_id": {None, *(row["account_id"] for row in rows["account"])},
    }
    ranges = CLOSED | {column: known[names] for column, names in NAMES.items()}
    return [
        (table, name, value)
        for table, lines in rows.items()
        for row in lines
        for name, value in row.items()
        if (table, name) in ranges and not (isinstance(value, int | None) and value in ranges[table, name])
    ]


def wordy(events: list[Event]) -> list[Event]:
    """Events that a worker caused and that say more than closed sets and amounts can."""
    return [event for event in events if not _closed(event)]


def _closed(event: Event) -> bool:
    """Ids of requests are the ledger's own; see the tests of `request_id`."""
    return (
        event.event in {Kind.REQUEST, Kind.ORPHANS_CHARGED, Kind.PROVIDER_OVERRUN}
        and (event.port, event.admin_port, event.process) == (None, None, None)
        and event.route in {None, *ROUTES}
        and event.status in {None, *STATUSES}
        and event.milliseconds in {None, paced(event.milliseconds or 0)}
        and (event.count is None or event.count in range(1, 101))
        and (event.nanodollars is None or event.nanodollars in _AMOUNT)
    )


class Office:
    """A ledger with three keys: one with a limit, one without, one below an account with a limit."""

    def __init__(self, rotations: int = 0) -> None:
        self.storage = in_memory(SqliteStorage)
        self.desk = Desk(self.storage)
        account = done(self.desk.book.create_account(AccountTerms(name="a", limit=MUCH), "x"))
        terms = {"limit": MUCH}, {"limit": None}, {"limit": None, "account": account.account_id}
        self.keys = [self._made(rotations, **each) for each in terms]

    def rows(self) -> Rows:
        """Everything that is in it."""
        return dump(self.storage._db)

    def _made(self, rotations: int, **terms: Any) -> Issued:
        issued: Issued | None = self.desk.new_key(**terms)
        for _ in range(rotations):
            issued = done(self.desk.book.rotate(issued.record.key_id, "x")) if issued else None
        assert issued is not None
        return issued
