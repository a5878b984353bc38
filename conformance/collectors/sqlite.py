"""SQLite surfaces: every value of every table, and every byte of the files, deleted rows included."""

import os
import re
import shutil
import sqlite3
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from conformance.collectors.file_bytes import file_item
from conformance.collectors.files import located
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import Item, Missed, UnreadableError
from conformance.target import Surface

_BESIDE = ("", "-wal", "-journal")
_PAGE = 200  # rows per query: a reader that lingers would hold up a writer without write-ahead log
_BETWEEN = b"\n\0"
_OWN = re.compile(r"(-wal|-shm|-journal|-mj[0-9A-F]{8,9})?")  # "Temporary Files Used By SQLite"


def _accounts(surface: Surface, base: Path) -> Accounted:
    """The databases, and the files that SQLite makes beside them."""
    names = located(surface.locator, base) or (base / surface.locator,)

    def holds(path: Path) -> bool:
        return any(
            path.parent == own.parent
            and path.name.startswith(own.name)
            and _OWN.fullmatch(path.name, len(own.name)) is not None
            for own in names
        )

    return Accounted(holds=holds)


@surface_kind("sqlite", accounts=_accounts)
def read_sqlite(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """The files of a database as they lie, then its tables."""
    found = located(surface.locator, base)
    paths = [path for path in found if not any(path.is_relative_to(own) for own in skip)]
    if not paths:
        yield Missed(name=surface.locator, reason="nothing is there")
    for path in paths:
        seen: set[tuple[int, int]] = set()
        for suffix in _BESIDE:
            beside = path.with_name(path.name + suffix)
            item = file_item(beside, beside.name, seen) if beside.exists() else None
            if item is not None:
                yield item
        yield from _tables(path)


def rows(path: Path) -> Iterator[tuple[str, int, dict[str, bytes]]]:
    """Every row of a database as (table, row number, values by column). Raises UnreadableError."""
    with _reader(path) as database:
        for table in _names(database):
            columns = _columns(database, table)
            for number, values in _rows(database, table):
                yield table, number, dict(zip(columns, values, strict=True))


def _tables(path: Path) -> Iterator[Item | Missed]:
    try:
        with _reader(path) as database:
            names = _names(database)
    except UnreadableError as error:
        yield Missed(name=f"{path.name} (tables)", reason=str(error))
        return
    for name in names:
        table = _Table(path, name)
        yield Item(name=f"{path.name}: {name}", open=table.chunks, place=table.place)


class _Table:
    """One table as a row of values, and the way back from an offset to row and column."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._columns: tuple[str, ...] = ()
        self._starts = array("q")  # of each value
        self._numbers = array("q")  # of each row

    def chunks(self) -> Iterator[bytes]:
        """All values, row by row."""
        self._starts, self._numbers, position = array("q"), array("q"), 0
        with _reader(self._path) as database:
            self._columns = _columns(database, self._name)
            for number, values in _rows(database, self._name):
                self._numbers.append(number)
                for value in values:
                    self._starts.append(position)
                    position += len(value) + len(_BETWEEN)
                yield b"".join(value + _BETWEEN for value in values)

    def place(self, offset: int) -> str:
        """Column and row of an offset into what was read."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return ""
        row, column = divmod(index, len(self._columns))
        return f"{self._columns[column]} row {self._numbers[row]}"


@contextmanager
def _reader(path: Path) -> Iterator[sqlite3.Connection]:
    """A reading connection. It takes part in what others have open. Where it would have to write to do so, it
    reads a copy: files that we made beside the database could lock out its owner.
    """
    try:
        if _needs_copy(path):
            with _copied(path) as copy, closing(_opened(copy, "rw")) as database:
                yield database
        else:
            with closing(_opened(path, "ro")) as database:
                yield database
    except (OSError, sqlite3.Error) as error:
        raise UnreadableError(f"not readable as SQLite: {error}") from error


def _needs_copy(path: Path) -> bool:
    """Whether there is a log without shared memory, or a journal that a crash left."""
    with path.open("rb") as file:
        logged = file.read(20)[18:] == b"\x02\x02"
    if logged:
        return not path.with_name(f"{path.name}-shm").exists()
    try:
        with closing(_opened(path, "ro")):
            return False
    except sqlite3.OperationalError:
        return True


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gateproof-") as folder:
        copy = Path(folder) / "copy"
        for suffix in _BESIDE:
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                shutil.copyfile(beside, f"{copy}{suffix}")
        yield copy


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(os.fspath(path))}?mode={mode}", uri=True, timeout=2.0)
    database.text_factory = bytes
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _names(database: sqlite3.Connection) -> list[str]:
    """Tables with storage of their own; what virtual ones hold lies in their shadow tables."""
    found = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name"
    )
    return [name.decode(errors="replace") for (name,) in found]


def _columns(database: sqlite3.Connection, table: str) -> tuple[str, ...]:
    described = database.execute(f"SELECT * FROM {_quoted(table)} LIMIT 0").description  # noqa: S608
    return tuple(column[0] for column in described)


def _rows(database: sqlite3.Connection, table: str) -> Iterator[tuple[int, list[bytes]]]:
    """Rows with their numbers, in short queries: by row id, or by position where a table has none."""
    number = _row_id(database, table)
    query = f"SELECT {number}, * FROM {_quoted(table)} WHERE {number} > ? ORDER BY 1 LIMIT {_PAGE}"  # noqa: S608
    after = -(2**63)
    if not number:
        query, after = f"SELECT 0, * FROM {_quoted(table)} LIMIT {_PAGE} OFFSET ?", 0  # noqa: S608
    while True:
        page = database.execute(query, (after,)).fetchall()
        for place, row in enumerate(page):
            yield row[0] if number else after + place, [_bytes(value) for value in row[1:]]
        if len(page) < _PAGE:
            return
        after = page[-1][0] if number else after + _PAGE


def _row_id(database: sqlite3.Connection, table: str) -> str:
    """The name by which a table's row id can be asked for; empty for a table WITHOUT ROWID."""
    taken = {column.lower() for column in _columns(database, table)}
    for name in ("rowid", "_rowid_", "oid"):
        try:
            database.execute(f"SELECT {name} FROM {_quoted(table)} LIMIT 0")  # noqa: S608
        except sqlite3.OperationalError:
            return ""
        if name not in taken:
            return name
    return ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bytes(value: bytes | float | None) -> bytes:
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode()
