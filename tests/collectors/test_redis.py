"""Redis: keys and values of every type, in every database, and what the server remembers; with reading commands alone."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.canary.mint import Mint
from conformance.collectors.reading import accounted, measure, read_surface
from conformance.collectors.streams import Item
from conformance.collectors.surfaces import scan_surface
from conformance.scan.engine import canary_engine
from conformance.target import Secret, Surface
from tests.collectors.reads import everything, read
from tests.collectors.redis_server import PASSWORD, RedisServer, redis_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def base(tmp_path: Path, server: RedisServer) -> Iterator[Path]:
    (tmp_path / "password").write_text(PASSWORD)
    yield tmp_path
    with server.client() as client:
        client.flushall()


def surface(server: RedisServer, **more: object) -> Surface:
    fields = {"kind": "redis", "locator": server.url, "credential": Secret(file="password")}
    return Surface(**(fields | more))  # type: ignore[arg-type]


def test_keys_and_values_of_every_type_are_read(server: RedisServer, base: Path) -> None:
    with server.client() as client:
        client.set("in-a-key-name", "in-a-string")
        client.rpush("list", *(f"element {n}" for n in range(120)), "in-a-list")
        client.sadd("set", *(f"member {n}" for n in range(700)), "in-a-set")
        client.zadd("zset", {"in-a-sorted-set": 1.5})
        client.hset("hash", mapping={"in-a-field": "in-a-hash"})
        for number in range(120):
            client.xadd("stream", {"n": str(number)})
        client.xadd("stream", {"in-a-stream-field": "in-a-stream"})
        client.xgroup_create("stream", "in-a-group", id="0")
        client.xreadgroup("in-a-group", "in-a-consumer", {"stream": ">"}, count=1)
    contents = everything(surface(server), base)
    for sought in (
        b"in-a-key-name", b"in-a-string", b"in-a-list", b"in-a-set", b"in-a-sorted-set", b"in-a-field", b"in-a-hash",
        b"in-a-stream-field", b"in-a-stream", b"in-a-group", b"in-a-consumer",
    ):  # fmt: skip
        assert sought in contents


def test_every_database_is_read_and_a_sighting_is_placed_without_the_name_of_its_key(
    server: RedisServer, base: Path
) -> None:
    with server.client(3) as client:
        client.set("a prompt", "sought")
    items = (item for item in read_surface(surface(server), base) if isinstance(item, Item))
    item = next(items)
    read_whole = b"".join(item.open())
    assert item.name == "db3: keys from number 1"
    assert item.place(read_whole.index(b"sought")) == "key 1 (string)"


def test_a_large_string_is_read_in_pieces_and_whole(server: RedisServer, base: Path) -> None:
    value = bytes(range(256)) * (3 << 12)
    with server.client() as client:
        client.set("large", value)
    item = next(item for item in read_surface(surface(server), base) if isinstance(item, Item))
    chunks = list(item.open())
    assert max(map(len, chunks)) <= 1 << 20
    assert value in b"".join(chunks)


def test_more_keys_than_one_batch_are_all_read(server: RedisServer, base: Path) -> None:
    names = {f"key-{number:05}" for number in range(1700)}
    with server.client() as client:
        client.mset(dict.fromkeys(names, "x"))
    contents, _ = read(surface(server), base)
    batches = [data for name, data in contents.items() if name.startswith("db0: keys")]
    assert len(batches) > 1
    assert {part.decode() for part in b"".join(batches).split(b"\n\0") if part.startswith(b"key-")} == names
    assert measure(surface(server), base).items == 1 + 1700


def test_slow_commands_clients_and_channels_are_read(server: RedisServer, base: Path) -> None:
    with server.client() as client:
        client.set("deleted", "told-in-a-command")
        client.delete("deleted")
        client.client_setname("told-in-a-client-name")
        listener = client.pubsub()
        listener.subscribe("told-in-a-channel")
        listener.get_message(timeout=5.0)
        contents, missed = read(surface(server), base)
        listener.close()
    assert b"told-in-a-command" in contents["slow commands"]
    assert b"told-in-a-client-name" in contents["clients"]
    assert b"told-in-a-channel" in contents["channels"]
    assert missed == {}


def test_nothing_is_written(server: RedisServer, base: Path) -> None:
    with server.client() as client:
        client.set("a", "b")
        client.config_resetstat()
        everything(surface(server), base)
        asked = {str(name).removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert asked <= {
        "auth", "hello", "select", "ping", "info", "scan", "type", "getrange", "slowlog|get", "client|list",
        "client|setinfo", "pubsub|channels", "function|list", "config|resetstat",
    }  # fmt: skip


def test_a_user_who_may_only_read_is_enough_and_what_he_may_not_ask_decides_nothing(
    server: RedisServer, base: Path
) -> None:
    (base / "reader").write_text("reader's own")
    with server.client() as client:
        client.set("a", "sought")
        client.acl_setuser(
            "reader", enabled=True, passwords=["+reader's own"], keys=["*"], categories=["+@read", "+@connection"],
            commands=["+info", "+select"],
        )  # fmt: skip
    url = server.url.replace("//", "//reader@")
    found = list(read_surface(surface(server, locator=url, credential=Secret(file="reader")), base))
    reasons = {item.name: (item.reason, item.deciding) for item in found if not isinstance(item, Item)}
    assert reasons["slow commands"] == ("it could not be read: NoPermissionError", False)
    assert isinstance(found[0], Item)
    assert b"sought" in b"".join(found[0].open())


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_server_that_does_not_let_us_in_is_a_gap_that_names_no_password(
    server: RedisServer, base: Path, password: str
) -> None:
    (base / "password").write_text(password)
    contents, missed = read(surface(server), base)
    assert contents == {}
    assert list(missed) == [server.url]
    assert PASSWORD not in str(missed)


def test_a_server_that_is_not_there_is_a_gap(base: Path) -> None:
    contents, missed = read(Surface(kind="redis", locator="redis://127.0.0.1:1"), base)
    assert contents == {}
    assert missed == {"redis://127.0.0.1:1": "it could not be read: ConnectionError"}


def test_keys_that_are_excluded_are_named_as_a_gap(server: RedisServer, base: Path) -> None:
    with server.client() as client:
        client.mset({"keep": "wanted", "session:1": "unwanted"})
    contents, missed = read(surface(server, exclude=("session:*",)), base)
    assert b"unwanted" not in contents["db0: keys from number 1"]
    assert missed == {"db0": "some of its keys are excluded by the target file"}


def test_files_of_the_store_are_read_with_what_was_deleted(server: RedisServer, base: Path) -> None:
    with server.client() as client:
        client.set("gone", "deleted-since")
        client.delete("gone")
    declared = surface(server, files=(str(server.folder / "appendonlydir"),))
    contents, _ = read(declared, base)
    assert any(b"deleted-since" in data for name, data in contents.items() if "appendonly.aof" in name)
    assert accounted(declared, base).holds(server.folder / "appendonlydir" / "appendonly.aof.manifest")
    assert accounted(declared, base).peers == (("127.0.0.1", server.port),)


def test_canaries_are_found_in_names_and_values_and_no_name_is_repeated(
    server: RedisServer, base: Path
) -> None:
    mint = Mint(b"a run key of the test")
    atoms = {field: mint.atom("success", field) for field in ("system", "user")}
    with server.client() as client:
        client.set(f"cache:{atoms['user']}", gzip.compress(3 * mint.text(atoms["system"]).encode()))
    look = scan_surface(surface(server), base, canary_engine(mint))
    found = {s.canary.field for s in look.first.values() if s.canary}
    assert found == {"system", "user"}
    assert not any(atom in repr(look.first) for atom in atoms.values())
