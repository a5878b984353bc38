"""PostgreSQL: all databases, with statistics, large objects and remembered statements; nothing is written."""

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from conformance.canary.mint import Mint
from conformance.collectors.reading import accounted, measure, read_surface
from conformance.collectors.streams import Item, UnreadableError
from conformance.collectors.surfaces import scan_surface
from conformance.scan.engine import canary_engine
from conformance.target import Secret, Surface
from tests.collectors.postgres_server import PASSWORD, PostgresServer, postgres_server
from tests.collectors.reads import read

MINT = Mint(b"a run key of the test")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A database of the test's own, called `gateway`."""
    with server.connect() as admin:
        admin.execute("CREATE DATABASE gateway")
        with server.connect("gateway") as connection:
            yield connection
        admin.execute("DROP DATABASE gateway WITH (FORCE)")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text(PASSWORD)
    return tmp_path


def surface(server: PostgresServer, **more: object) -> Surface:
    fields = {"kind": "postgres", "locator": server.url, "credential": Secret(file="password")}
    return Surface(**(fields | more))  # type: ignore[arg-type]


def item(server: PostgresServer, base: Path, name: str) -> tuple[bytes, Item]:
    """The bytes of one item, and the item."""
    for found in read_surface(surface(server), base):
        if isinstance(found, Item) and found.name == name:
            return b"".join(found.open()), found
    raise LookupError(name)


def test_rows_of_every_database_are_read_and_placed(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE SCHEMA logs")
    database.execute('CREATE TABLE logs."Spend" (id int, note text, body jsonb, raw bytea)')
    database.execute(
        """INSERT INTO logs."Spend" SELECT n, 'nothing', '{}', NULL FROM generate_series(1, 5000) n"""
    )
    database.execute(
        """INSERT INTO logs."Spend" VALUES (7, %s, %s, %s)""",
        ("a\ttab and a sought text", '{"prompt": "in json"}', b"\xde\xad\xbe\xef"),
    )
    data, spend = item(server, base, "gateway.logs.Spend")
    for sought in (b"a sought text", b"in json", b"deadbeef"):
        assert sought in data
    assert spend.place(data.index(b"sought")) == "note row 5001"
    assert spend.place(data.index(b"in json")) == "body row 5001"


def test_values_that_outlive_their_rows_in_statistics_are_read(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TABLE prompts (body text)")
    database.execute("INSERT INTO prompts SELECT 'a kept sample ' || n % 3 FROM generate_series(1, 300) n")
    database.execute("ANALYZE prompts")
    database.execute("DELETE FROM prompts")
    contents, missed = read(surface(server), base)
    assert contents["gateway.public.prompts"] == b""
    assert b"a kept sample" in contents["gateway.pg_catalog.pg_stats"]
    assert b"a kept sample" in contents["gateway.pg_catalog.pg_statistic"]
    assert missed == {}


def test_large_objects_are_read_whole(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    large = bytes(range(256)) * (5 << 11) + b"at the end"
    database.execute("SELECT lo_from_bytea(70001, %s), lo_from_bytea(70002, 'another')", (large,))
    data, objects = item(server, base, "gateway: large objects")
    assert large in data
    assert objects.place(data.index(b"another")) == "object 70002"


def test_what_sessions_asked_last_is_read(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("SELECT 'a prompt in a statement'")
    data, _ = item(server, base, "gateway.pg_catalog.pg_stat_activity")
    assert b"a prompt in a statement" in data


def test_comments_partitions_and_materialised_views_are_read(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TABLE parted (body text) PARTITION BY LIST (body)")
    database.execute("CREATE TABLE part PARTITION OF parted DEFAULT")
    database.execute("INSERT INTO parted VALUES ('in a partition')")
    database.execute("CREATE MATERIALIZED VIEW seen AS SELECT 'materialised' AS body")
    database.execute("COMMENT ON TABLE parted IS 'as a comment'")
    contents, _ = read(surface(server), base)
    assert b"in a partition" in contents["gateway.public.part"]
    assert b"materialised" in contents["gateway.public.seen"]
    assert b"as a comment" in contents["gateway.pg_catalog.pg_description"]


def test_a_reader_with_few_rights_sees_gaps_where_rows_may_hide(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TABLE hidden (body text)")
    database.execute("CREATE TABLE guarded (body text)")
    database.execute("ALTER TABLE guarded ENABLE ROW LEVEL SECURITY")
    database.execute("CREATE ROLE auditor LOGIN PASSWORD 'auditors own'")
    database.execute("GRANT SELECT ON guarded TO auditor")
    (base / "auditor").write_text("auditors own")
    limited = surface(
        server, locator=server.url.replace("postgres@", "auditor@"), credential=Secret(file="auditor")
    )
    found = [missed for missed in read_surface(limited, base) if not isinstance(missed, Item)]
    deciding = {missed.name: missed.reason for missed in found if missed.deciding}
    _, unreadable = read(limited, base)
    database.execute("DROP OWNED BY auditor")
    database.execute("DROP ROLE auditor")
    assert deciding == {"gateway.public.hidden": "permission to read it is missing"}
    assert unreadable["gateway.public.guarded"].startswith("it could not be read: InsufficientPrivilege")


def test_what_cannot_be_read_from_here_is_named(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TEMPORARY TABLE passing (body text)")
    database.execute("CREATE EXTENSION IF NOT EXISTS file_fdw")
    database.execute("CREATE SERVER elsewhere FOREIGN DATA WRAPPER file_fdw")
    database.execute("CREATE FOREIGN TABLE far (line text) SERVER elsewhere OPTIONS (filename '/dev/null')")
    _, missed = read(surface(server), base)
    assert missed["gateway.public.far"] == "a foreign table; declare what it leads to"
    (temporary,) = [reason for name, reason in missed.items() if name.endswith(".passing")]
    assert temporary == "a temporary table, which only its own session can read"


def test_nothing_can_be_written(server: PostgresServer, database: psycopg.Connection, base: Path) -> None:
    database.execute("CREATE TABLE t (a int)")
    database.execute("CREATE TABLE told (text text)")
    database.execute(
        "CREATE FUNCTION tell() RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO public.told VALUES ('written'); RETURN 1; END $$"
    )
    database.execute("CREATE VIEW public.pg_stat_statements AS SELECT tell()")
    _, missed = read(surface(server), base)
    assert missed["gateway.public.pg_stat_statements"] == (
        "it could not be read: ReadOnlySqlTransaction (25006)"
    )
    assert database.execute("SELECT count(*) FROM told").fetchone() == (0,)


def test_a_table_beyond_the_limit_is_left_and_the_server_is_well(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TABLE big AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
    limited = surface(server, most_bytes=1 << 20)
    found = read_surface(limited, base)
    big = next(item for item in found if isinstance(item, Item) and item.name.endswith(".big"))
    with pytest.raises(UnreadableError, match="most_bytes"):
        list(big.open())
    assert database.execute("SELECT 1").fetchone() == (1,)


def test_writing_is_measured(server: PostgresServer, database: psycopg.Connection, base: Path) -> None:
    before = measure(surface(server), base)
    database.execute("CREATE TABLE big AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
    assert measure(surface(server), base).bytes > before.bytes > 0


def test_a_server_that_does_not_let_us_in_is_a_gap_that_names_no_password(
    server: PostgresServer, base: Path
) -> None:
    (base / "password").write_text("not the password")
    contents, missed = read(surface(server), base)
    assert contents == {}
    assert missed == {server.url: "it does not let us in: OperationalError"}


def test_raw_files_of_the_store_are_read_with_deleted_rows(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    database.execute("CREATE TABLE prompts (body text)")
    database.execute("INSERT INTO prompts VALUES ('deleted and still there')")
    database.execute("DELETE FROM prompts")
    wal = server.data / "pg_wal"
    contents, _ = read(surface(server, files=(str(wal),)), base)
    assert any(b"deleted and still there" in data for name, data in contents.items() if "pg_wal" in name)
    assert accounted(surface(server, files=(str(wal),)), base).holds(wal / "000000010000000000000009")


@pytest.mark.parametrize(
    ("url", "peers"),
    [
        ("postgresql://u@db.example/x", (("db.example", 5432),)),
        ("postgresql://u@db.example:6000/x", (("db.example", 6000),)),
        ("postgresql:///x?host=/run/pg&port=6000", (("/run/pg/.s.PGSQL.6000", 0),)),
        ("postgresql:///x?host=db.example", (("db.example", 5432),)),
    ],
)
def test_where_a_server_listens_is_read_off_its_url(url: str, peers: tuple[tuple[str, int], ...]) -> None:
    assert accounted(Surface(kind="postgres", locator=url), Path()).peers == peers


def test_canaries_are_found_in_text_in_packed_bytes_and_in_large_objects(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    atoms = {field: MINT.atom("success", field) for field in ("system", "user", "assistant")}
    database.execute("CREATE TABLE log (id serial, body jsonb, packed bytea)")
    database.execute(
        "INSERT INTO log (body, packed) VALUES (%s, %s)",
        (f'{{"messages": "{atoms["system"]}"}}', gzip.compress(f"a {atoms['user']} b".encode() * 3)),
    )
    database.execute("SELECT lo_from_bytea(0, %s)", (MINT.text(atoms["assistant"]).encode(),))
    look = scan_surface(surface(server, exclude=("pg_[a-km-z]*", "sql_*")), base, canary_engine(MINT))
    found = {s.canary.field: s.item for s in look.first.values() if s.canary}
    assert found["system"] == "gateway.public.log body row 1"
    assert found["user"] == "gateway.public.log packed row 1"
    assert found["assistant"].startswith("gateway: large objects object ")


def test_a_value_neither_hides_in_its_neighbour_nor_is_joined_to_it(
    server: PostgresServer, database: psycopg.Connection, base: Path
) -> None:
    atom = MINT.atom("success", "neighbour")
    encoded = base64.b64encode(f"a {atom} b".encode()).decode()
    database.execute("CREATE TABLE pairs (id text, body text)")
    database.execute("INSERT INTO pairs VALUES ('QUJDR', %s), ('next', 'row')", (encoded,))

    look = scan_surface(surface(server, exclude=("pg_*", "sql_*")), base, canary_engine(MINT))
    data, _ = item(server, base, "gateway.public.pairs")

    assert data == f"QUJDR\n\0{encoded}\n\0next\n\0row\n\0".encode()
    assert {s.item for s in look.first.values()} == {"gateway.public.pairs body row 1"}
