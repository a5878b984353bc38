"""The ledger's file: what its columns can hold, who can read it, who can open it, what stays in it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reference_gateway.ledger.storage import sqlite
from reference_gateway.ledger.storage.sqlite import LedgerFileError, open_sqlite, prepared, read_back
from reference_gateway.ledger.wire import Held
from tests.reference_gateway.ledger_parts import KEY, MODELS, NOW, RESERVE

SALT, DIGEST = b"s" * 16, b"d" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


WORDS = {
    ("account", "name", "TEXT"),
    ("api_key", "name", "TEXT"),
    ("api_key", "salt", "BLOB"),
    ("api_key", "digest", "BLOB"),
    ("audit_log", "actor", "TEXT"),
    ("audit_log", "link", "BLOB"),
}


def test_what_is_no_integer_is_what_administrators_write(path: Path) -> None:
    open_sqlite(path).close()
    database = sqlite3.connect(path)
    columns = database.execute(
        "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
    ).fetchall()
    loose = database.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict"
    ).fetchall()
    database.close()

    assert {column for column in columns if column[2] != "INTEGER"} == WORDS
    assert len(columns) > 50
    assert loose == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_key SET spent = 'a sentence'",
        "UPDATE api_key SET spent = x'00'",
        "UPDATE api_key SET reserved = -1",
        "UPDATE api_key SET total = 0.5",
        "INSERT INTO usage_record VALUES (1, 1, 70, 8, 1, 0, 0, 0, 0, 0, 0, 0)",
        "INSERT INTO usage_record VALUES (1, 1, 70, 1, 6, 0, 0, 0, 0, 0, 0, 0)",
        "INSERT INTO usage_record VALUES (1, 1, 'words', 1, 1, 0, 0, 0, 0, 0, 0, 0)",
        "INSERT INTO operator_account VALUES (2, 0)",
    ],
)
def test_the_database_itself_refuses_words_and_numbers_out_of_range(path: Path, statement: str) -> None:
    storage = open_sqlite(path)
    storage.insert_key(KEY, SALT, DIGEST)

    with pytest.raises(sqlite3.IntegrityError):
        storage._db.execute(statement)
    storage.close()


def test_every_commit_is_on_the_disk_and_what_is_deleted_is_overwritten(path: Path) -> None:
    storage = open_sqlite(path)
    names = ("journal_mode", "synchronous", "temp_store", "secure_delete", "foreign_keys")
    found = {name: storage._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    storage.close()

    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL: each commit is flushed
        "temp_store": 2,  # memory: no temporary file
        "secure_delete": 1,
        "foreign_keys": 1,
    }


def test_a_setting_that_has_no_effect_is_noticed() -> None:
    connection = prepared(sqlite3.connect(":memory:", isolation_level=None))  # has no write-ahead log

    with pytest.raises(LedgerFileError, match="journal_mode = WAL had no effect, it is memory"):
        read_back(connection)
    connection.close()


def test_a_file_is_not_opened_where_a_setting_has_no_effect(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PRAGMAS", (("page_size", "3", 3),))  # which SQLite passes over

    with pytest.raises(LedgerFileError, match="page_size = 3 had no effect"):
        open_sqlite(path)


@pytest.fixture
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless_umask")
def test_the_files_are_nobody_elses_to_read(path: Path) -> None:
    storage = open_sqlite(path)
    with storage.transaction():
        storage.insert_key(KEY, SALT, DIGEST)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    storage.close()

    assert modes == dict.fromkeys(
        (path.name, path.name + "-wal", path.name + "-shm", path.name + ".lock"), 0o600
    )


def test_the_name_of_a_deleted_key_is_not_in_the_file_any_more(path: Path) -> None:
    storage = open_sqlite(path)
    with storage.transaction():
        storage.insert_key(replace(KEY, name="an-unmistakable-name" * 5), SALT, DIGEST)
    storage.close()
    before = path.read_bytes()

    storage = open_sqlite(path)
    with storage.transaction():
        storage.delete_key(1, NOW)
    storage.close()

    after = path.read_bytes()
    assert (b"an-unmistakable-name" in before, DIGEST in before) == (True, True)
    assert (b"an-unmistakable-name" in after, DIGEST in after) == (False, False)


def test_a_second_process_is_kept_out_until_the_first_lets_go(path: Path) -> None:
    program = (
        "import pathlib, sys; from reference_gateway.ledger.storage.sqlite import *\n"
        "try: open_sqlite(pathlib.Path(sys.argv[1])).close()\n"
        "except LedgerFileError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", program, str(path)]

    storage = open_sqlite(path)
    meanwhile = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    storage.close()
    afterwards = subprocess.run(command, timeout=60, check=False)

    assert meanwhile.stderr == "another process is using it\n"
    assert afterwards.returncode == 0


def written_by_another_version(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE account (key_id INTEGER)")
    database.execute("PRAGMA user_version = 1")
    database.close()


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (written_by_another_version, "its tables are of version 1, this gateway's of version 2"),
        (no_database, "not a usable SQLite file (DatabaseError)"),
        (Path.mkdir, "cannot be opened (Is a directory)"),
    ],
)
def test_a_file_that_cannot_be_used_is_the_operators_to_mend_and_is_let_go(
    path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(path)

    complaints = []
    for _ in range(2):
        with pytest.raises(LedgerFileError) as complaint:
            open_sqlite(path)
        complaints.append(str(complaint.value))

    assert complaints == [message, message]  # not "another process is using it"


def test_a_folder_that_is_not_there_is_said_to_be_unwritable(tmp_path: Path) -> None:
    with pytest.raises(LedgerFileError, match="its folder cannot be written"):
        open_sqlite(tmp_path / "nowhere" / "ledger.sqlite3")


def test_a_place_without_a_name_is_the_operators_to_mend() -> None:
    with pytest.raises(LedgerFileError, match="a folder, not a file"):
        open_sqlite(Path("/"))


def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    storage = open_sqlite(path)
    storage.use(MODELS)
    with storage.transaction():
        storage.insert_key(KEY, SALT, DIGEST)
        held = storage.reserve(RESERVE, NOW)
    storage.close()

    again = open_sqlite(path)
    holds, key = again.open_holds(), again.key(KEY.key_id, NOW)
    again.close()

    assert isinstance(held, Held)
    assert holds == (held.rid,)
    assert key == replace(KEY, reserved=100)
