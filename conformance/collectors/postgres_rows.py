"""The rows of a PostgreSQL table and the bytes of large objects, streamed. Nothing is held but what comes next."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from conformance.collectors.row_places import RowPlaces
from conformance.collectors.streams import UnreadableError

if TYPE_CHECKING:
    import psycopg

_GATHERED = 1 << 18  # bytes of rows that are handed on together
_PIECE = 1 << 20  # bytes of a large object
_PAGE = 1000
_APART = b"\n\0"
# `row_security = off` makes a hidden row an error instead of an absence.
_SETTINGS = (
    "SET LOCAL row_security = off; SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '600s'"
)


@contextmanager
def reading(database: "psycopg.Connection[Any]") -> Iterator["psycopg.Cursor[Any]"]:
    """A cursor in a read-only transaction. Raises UnreadableError for whatever the server says."""
    import psycopg

    try:
        with database.transaction(), database.cursor() as cursor:
            cursor.execute(_SETTINGS)
            yield cursor
    except psycopg.Error as error:
        raise UnreadableError(f"it could not be read: {trouble_of(error)}") from None


def trouble_of(error: "psycopg.Error") -> str:
    """An error by its class and SQLSTATE: its text may repeat what was stored, or how we connect."""
    return f"{type(error).__name__}{f' ({error.sqlstate})' if error.sqlstate else ''}"


class Rows:
    """One table as COPY writes it, in text and with bytes in hexadecimal, but for what parts values and rows.

    COPY parts values by tabs and rows by lines, which views of a text without its blanks would join: two neighbours could then
    read like one text, and what begins with the second be lost in it.
    """

    def __init__(
        self, database: "psycopg.Connection[Any]", name: tuple[str, str], columns: Sequence[str]
    ) -> None:
        """A table by its schema and name, and the names of its columns in order."""
        self._database = database
        self._name = name
        self._columns = columns
        self._places = RowPlaces(columns)

    def chunks(self) -> Iterator[bytes]:
        """All rows. Raises UnreadableError."""
        from psycopg import sql

        every = sql.SQL("COPY (SELECT * FROM ONLY {}) TO STDOUT").format(sql.Identifier(*self._name))
        self._places = RowPlaces(self._columns)
        waiting, size = [], 0
        with reading(self._database) as cursor, cursor.copy(every) as copy:
            for row in copy:
                values = bytes(row)[:-1].split(b"\t")  # in values, COPY escapes tabs and line ends
                self._places.row(map(len, values), len(_APART))
                line = _APART.join((*values, b""))
                waiting.append(line)
                size += len(line)
                if size >= _GATHERED:
                    yield b"".join(waiting)
                    waiting, size = [], 0
        yield b"".join(waiting)

    def place(self, offset: int) -> str:
        """Column and row of an offset into what was read."""
        return self._places.place(offset)


class LargeObjects:
    """All large objects of a database, in order of their numbers."""

    def __init__(self, database: "psycopg.Connection[Any]") -> None:
        """Nothing is asked yet."""
        self._database = database
        self._starts = array("q")
        self._numbers = array("q")

    def chunks(self) -> Iterator[bytes]:
        """Their bytes. Raises UnreadableError."""
        position, after = 0, -1
        self._starts, self._numbers = array("q"), array("q")
        while page := self._page(after):
            for number in page:
                self._starts.append(position)
                self._numbers.append(number)
                for piece in self._object(number):
                    position += len(piece)
                    yield piece
            after = page[-1]

    def place(self, offset: int) -> str:
        """Which object an offset lies in."""
        index = bisect_right(self._starts, offset) - 1
        return f"object {self._numbers[index]}" if index >= 0 else ""

    def _page(self, after: int) -> list[int]:
        with reading(self._database) as cursor:
            cursor.execute(
                "SELECT oid::int8 FROM pg_catalog.pg_largeobject_metadata WHERE oid::int8 > %s ORDER BY 1 LIMIT %s",
                (after, _PAGE),
            )
            return [number for (number,) in cursor.fetchall()]

    def _object(self, number: int) -> Iterator[bytes]:
        start = 0
        while True:
            with reading(self._database) as cursor:
                cursor.execute("SELECT pg_catalog.lo_get(%s::oid, %s, %s)", (number, start, _PIECE))
                (piece,) = cursor.fetchone() or (b"",)
            yield bytes(piece)
            start += len(piece)
            if len(piece) < _PIECE:
                yield _APART
                return
