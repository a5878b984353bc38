"""PostgreSQL: every table of every database, statistics and large objects included, as they can be selected.

Each thing is read in a read-only transaction of its own, so that no snapshot is held for long. The package psycopg is
optional. Raw files are read as `files` of the surface: they hold deleted rows and the write-ahead log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import parse_qs, urlsplit

from conformance.collectors.files import holds, read_paths
from conformance.collectors.postgres_rows import LargeObjects, Rows, reading, trouble_of
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface
from conformance.target_file import OperatorError, secret

if TYPE_CHECKING:
    from psycopg import Connection

_SECONDS = 15  # for connecting
_DEFAULT_PORT = 5432
_SOCKETS = ("/var/run/postgresql", "/run/postgresql", "/tmp")  # noqa: S108 - where libpq looks, by build
_DATABASES = "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname"
_SIZE = (
    "SELECT sum(CASE WHEN pg_catalog.has_database_privilege(datname, 'CONNECT')"
    " THEN pg_catalog.pg_database_size(datname) ELSE 0 END),"
    " sum(tup_inserted + tup_updated + tup_deleted) FROM pg_catalog.pg_stat_database WHERE datname IS NOT NULL"
)
# Ordinary and foreign tables and materialised views; partitioned tables keep their rows in ordinary ones. Of views, those
# that show what the server remembers of values and statements.
_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind::text, c.relpersistence::text, pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  ARRAY(
    SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'f')
   OR c.relname IN ('pg_stats', 'pg_stats_ext', 'pg_stat_activity', 'pg_stat_statements') AND c.relkind = 'v'
ORDER BY n.nspname = 'pg_catalog', n.nspname, c.relname
"""
_OWN = ("pg_catalog", "information_schema")
_LARGE = ("pg_catalog", "pg_largeobject")


def _accounts(surface: Surface, base: Path) -> Accounted:
    return Accounted(
        holds=lambda path: any(holds(path, locator, base) for locator in surface.files),
        peers=tuple(_peers(surface.locator)),
    )


def _peers(url: str) -> Iterator[tuple[str, int]]:
    """Where a server listens, as its URL says it (libpq, "Connection URIs")."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    port = parts.port or int(asked.get("port", [str(_DEFAULT_PORT)])[0])
    host = parts.hostname or asked.get("host", [""])[0]
    if host and not host.startswith("/"):
        yield host, port
    else:
        yield from ((f"{folder}/.s.PGSQL.{port}", 0) for folder in ((host,) if host else _SOCKETS))


def _measure(surface: Surface, base: Path) -> SurfaceSize:
    """Bytes of all databases; in place of items the server itself, and rows that were ever written."""
    try:
        with _connected(surface, base) as server:
            (told,) = _rows(server, _SIZE)
    except (OperatorError, UnreadableError):
        return SurfaceSize(bytes=0, items=0)
    return SurfaceSize(bytes=int(told[0] or 0), items=1 + int(told[1] or 0))


@surface_kind("postgres", accounts=_accounts, measure=_measure)
def read_postgres(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """All databases of the server, then its files."""
    try:
        with _connected(surface, base) as server:
            names = [name for (name,) in _rows(server, _DATABASES)]
    except (OperatorError, UnreadableError) as error:
        yield Missed(name=surface.locator, reason=str(error))
        names = []
    for name in names:
        try:
            with _connected(surface, base, name) as database:
                yield from _database(database, name, surface.exclude)
        except (OperatorError, UnreadableError) as error:
            yield Missed(name=name, reason=str(error))
    if surface.files:
        yield from read_paths(surface.files, base, surface.exclude, skip)


@contextmanager
def _connected(surface: Surface, base: Path, database: str = "") -> Iterator["Connection[Any]"]:
    """A connection, to the database of the URL where no other is named. Raises OperatorError and UnreadableError."""
    try:
        import psycopg
    except ImportError:
        raise OperatorError("it takes the package psycopg, which is not installed") from None
    more: dict[str, Any] = {"dbname": database} if database else {}
    if surface.credential is not None:
        more["password"] = secret(surface.credential, base)
    if surface.ca_file:
        more["sslrootcert"] = str(base / surface.ca_file)
    try:
        opened = psycopg.connect(
            surface.locator, connect_timeout=_SECONDS, application_name="gateproof", autocommit=True, **more
        )
    except psycopg.Error as error:
        raise UnreadableError(f"it does not let us in: {trouble_of(error)}") from None
    with opened:
        opened.read_only = True
        yield opened


def _rows(database: "Connection[Any]", query: LiteralString) -> list[tuple[Any, ...]]:
    with reading(database) as cursor:
        found: list[tuple[Any, ...]] = cursor.execute(query).fetchall()
        return found


def _database(database: "Connection[Any]", name: str, exclude: tuple[str, ...]) -> Iterator[Item | Missed]:
    for schema, relation, kind, persistence, allowed, columns in _rows(database, _RELATIONS):
        shown = f"{name}.{schema}.{relation}"
        if any(fnmatch(shown, pattern) or fnmatch(relation, pattern) for pattern in exclude):
            yield Missed(name=shown, reason="excluded by the target file", deciding=False)
        elif kind == "f":
            yield Missed(name=shown, reason="a foreign table; declare what it leads to")
        elif persistence == "t":
            yield Missed(name=shown, reason="a temporary table, which only its own session can read")
        elif (schema, relation) == _LARGE:
            objects = LargeObjects(database)
            yield Item(name=f"{name}: large objects", open=objects.chunks, place=objects.place)
        elif not allowed:
            # Of what the server keeps for itself, what we may not read hides no row of a table that we may.
            yield Missed(name=shown, reason="permission to read it is missing", deciding=schema not in _OWN)
        else:
            rows = Rows(database, (schema, relation), columns)
            yield Item(name=shown, open=rows.chunks, place=rows.place)
