"""Databases in which something is kept, or was: each is made as one file, and declared as what it is."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.twins.keeping.sinks import Keep, Sink

FILE = "store.sqlite3"

Insert = Callable[[sqlite3.Connection, bytes], None]


def database(schema: str, insert: Insert) -> Sink:
    """A database with this schema, to which each is written by `insert`; it stays open."""

    def make(folder: Path) -> Keep:
        store = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None)
        store.executescript(f"PRAGMA synchronous = off; {schema}")
        one_by_one = threading.Lock()

        def keep(data: bytes) -> None:
            with one_by_one:
                insert(store, data)

        return keep

    return make


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _by(statement: str, write: Callable[[bytes], object] = _text) -> Insert:
    def insert(store: sqlite3.Connection, data: bytes) -> None:
        store.execute(statement, (write(data),))

    return insert


def _replaced(store: sqlite3.Connection, data: bytes) -> None:
    store.execute("UPDATE last SET note = ?", (_text(data),))
    store.execute("UPDATE last SET note = ''")


def _and_gone(after: str) -> Insert:
    def insert(store: sqlite3.Connection, data: bytes) -> None:
        store.execute("INSERT INTO request (body) VALUES (?)", (_text(data),))
        store.execute(after)

    return insert


def _table_and_gone(store: sqlite3.Connection, data: bytes) -> None:
    store.execute("CREATE TABLE batch (body TEXT)")
    store.execute("INSERT INTO batch VALUES (?)", (_text(data),))
    store.execute("DROP TABLE batch")


_ONE = "CREATE TABLE request (id INTEGER PRIMARY KEY, body TEXT);"
_INSERT = "INSERT INTO request (body) VALUES (?)"

row = database(_ONE, _by(_INSERT))
compressed = database(
    "CREATE TABLE request (id INTEGER PRIMARY KEY, body BLOB);",
    _by(_INSERT, lambda data: zlib.compress(data, 9)),
)
innocent_column = database(
    "CREATE TABLE usage (id INTEGER PRIMARY KEY, tokens INTEGER, region TEXT);",
    _by("INSERT INTO usage (tokens, region) VALUES (7, ?)"),
)
json_column = database(
    _ONE, _by(_INSERT, lambda data: json.dumps({"request": {"raw": json.dumps(_text(data))}}))
)
utf16 = database(f"PRAGMA encoding = 'UTF-16le'; {_ONE}", _by(_INSERT))
small_pages = database(f"PRAGMA page_size = 512; {_ONE}", _by(_INSERT))
full_text = database(
    "CREATE VIRTUAL TABLE words USING fts5 (body, content = '');", _by("INSERT INTO words (body) VALUES (?)")
)
index_only = database(
    "CREATE TABLE seen (body TEXT PRIMARY KEY) WITHOUT ROWID;", _by("INSERT OR IGNORE INTO seen VALUES (?)")
)
deleted = database(f"PRAGMA secure_delete = off; {_ONE}", _and_gone("DELETE FROM request"))
dropped = database("PRAGMA secure_delete = off;", _table_and_gone)
replaced = database(
    "PRAGMA secure_delete = off; CREATE TABLE last (note TEXT); INSERT INTO last VALUES ('');", _replaced
)
write_ahead_log = database(
    f"PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; {_ONE}", _and_gone("DELETE FROM request")
)
old_pages_in_the_journal = database(
    f"PRAGMA journal_mode = persist; PRAGMA secure_delete = on; {_ONE}", _and_gone("DELETE FROM request")
)
