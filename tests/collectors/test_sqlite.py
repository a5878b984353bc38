"""Databases are read row by row and byte by byte, while their owner goes on writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conformance.canary.mint import Mint
from conformance.collectors.reading import Item, Missed, read_surface
from conformance.collectors.sqlite import rows
from conformance.collectors.surfaces import scan_surface
from conformance.model.storage import CanaryId, Sighting
from conformance.scan.engine import Found, canary_engine
from conformance.scan.tally import Tally
from conformance.target import Surface

MINT = Mint(b"a run key of the test")
ATOM = MINT.atom("success", "user")
SURFACE = Surface(kind="sqlite", locator="gateway.db")


@contextmanager
def _database(folder: Path, *, journal: str = "delete") -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "gateway.db")) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("PRAGMA secure_delete = off")
        database.execute("CREATE TABLE usage (id INTEGER PRIMARY KEY, note TEXT, body BLOB, cost REAL)")
        database.commit()
        yield database


def _sightings(folder: Path) -> list[Sighting]:
    return list(scan_surface(SURFACE, folder, canary_engine(MINT)).first.values())


def _items(folder: Path) -> set[str]:
    look = scan_surface(SURFACE, folder, canary_engine(MINT))
    assert look.tally.coverage().unreadable == 0
    return {item.name for item in read_surface(SURFACE, folder) if isinstance(item, Item)}


def _insert(database: sqlite3.Connection, *notes: str) -> None:
    database.executemany(
        "INSERT INTO usage (note, body, cost) VALUES (?, NULL, 1.5)", [(note,) for note in notes]
    )
    database.commit()


def test_a_sighting_names_table_column_and_row(tmp_path: Path) -> None:
    with _database(tmp_path) as database:
        _insert(database, "nothing", f"a {ATOM} b", "nothing")
    names = [item.name for item in read_surface(SURFACE, tmp_path) if isinstance(item, Item)]
    look = scan_surface(Surface(kind="sqlite", locator="gateway.db"), tmp_path, canary_engine(MINT))
    assert names == ["gateway.db", "gateway.db: usage"]
    assert look.tally.coverage().items == 2
    tables = [place for place, _ in _logical(tmp_path)]
    assert tables == ["gateway.db: usage note row 2"]


def _logical(folder: Path) -> list[tuple[str, CanaryId | None]]:
    """What the tables alone show, without the raw file."""
    found: list[Found] = []
    places: list[str] = []
    for item in read_surface(SURFACE, folder):
        if isinstance(item, Item) and ": " in item.name:
            begun = len(found)
            canary_engine(MINT).scan(item.open(), found.append, Tally())
            places += [f"{item.name} {item.place(f.offset)}" for f in found[begun:]]
    return [(place, f.canary) for place, f in zip(places, found, strict=True)]


def test_the_write_ahead_log_of_a_database_held_open_is_read(tmp_path: Path) -> None:
    with _database(tmp_path, journal="wal") as database:
        _insert(database, f"a {ATOM} b")
        assert {"gateway.db", "gateway.db-wal", "gateway.db: usage"} == _items(tmp_path)
        assert [canary for _, canary in _logical(tmp_path)] == [MINT.read(ATOM)]


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_writer_is_never_held_up(tmp_path: Path, journal: str) -> None:
    with _database(tmp_path, journal=journal) as database:
        _insert(database, *("nothing" for _ in range(450)))
        database.execute("PRAGMA busy_timeout = 0")
        for number, _ in enumerate(rows(tmp_path / "gateway.db")):
            if number in (0, 210, 449):
                _insert(database, "more")


def test_a_deleted_row_is_found_in_the_raw_file(tmp_path: Path) -> None:
    with _database(tmp_path) as database:
        _insert(database, f"a {ATOM} b", "stays")
        database.execute("DELETE FROM usage WHERE id = 1")
        database.commit()
    assert _logical(tmp_path) == []
    assert [s.item for s in _sightings(tmp_path)] == ["gateway.db"]


def test_a_log_left_without_shared_memory_is_read_and_nothing_is_written_beside_it(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    with _database(live, journal="wal") as database:
        _insert(database, f"a {ATOM} b")
        for suffix in ("", "-wal"):
            (tmp_path / f"gateway.db{suffix}").write_bytes((live / f"gateway.db{suffix}").read_bytes())
    before = sorted(path.name for path in tmp_path.iterdir())
    assert [canary for _, canary in _logical(tmp_path)] == [MINT.read(ATOM)]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_tables_without_row_ids_and_with_odd_names_are_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as database:
        database.execute('CREATE TABLE "odd ""name" (rowid TEXT, oid TEXT)')
        database.execute("CREATE TABLE plain (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")
        database.executemany('INSERT INTO "odd ""name" VALUES (?, ?)', [("x", str(n)) for n in range(500)])
        database.executemany("INSERT INTO plain VALUES (?, ?)", [(str(n), "v") for n in range(500)])
        database.commit()
    found = [(table, row) for table, _, row in rows(tmp_path / "gateway.db")]
    assert {row["oid"] for table, row in found if table == 'odd "name'} == {b"%d" % n for n in range(500)}
    assert {row["k"] for table, row in found if table == "plain"} == {b"%d" % n for n in range(500)}


def test_a_file_that_is_no_database_is_scanned_raw_and_its_tables_are_a_gap(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"encrypted, or so it seems " * 50 + ATOM.encode())
    look = scan_surface(SURFACE, tmp_path, canary_engine(MINT))
    assert [s.item for s in look.first.values()] == ["gateway.db"]
    assert [gap.item for gap in look.tally.coverage().deciding_gaps()] == ["gateway.db (tables)"]


def test_a_missing_database_is_a_gap(tmp_path: Path) -> None:
    (missed,) = [found for found in read_surface(SURFACE, tmp_path) if isinstance(found, Missed)]
    assert missed.deciding
