"""Redis and what speaks like it: every key of every database with its name and value, and what the server itself remembers.

Only commands that read are sent. The package redis is optional. RDB and append-only files are read as `files` of the surface,
where they can be seen from here: they hold what has expired since.
"""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.collectors.files import holds, read_paths
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.redis_values import BETWEEN, read_value
from conformance.collectors.streams import Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface
from conformance.target_file import OperatorError, secret

if TYPE_CHECKING:
    from redis import Redis

_SECONDS = 15.0
_BATCH = 500  # keys of one item
_DEFAULT_PORT = 6379
# What the server itself remembers of what it was told, and the command that asks for it.
_REMEMBERED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("slow commands", ("SLOWLOG", "GET", "1024")),
    ("clients", ("CLIENT", "LIST")),
    ("channels", ("PUBSUB", "CHANNELS")),
    ("functions", ("FUNCTION", "LIST", "WITHCODE")),
)


def _accounts(surface: Surface, base: Path) -> Accounted:
    parts = urlsplit(surface.locator)
    peer = (parts.path, 0) if parts.scheme == "unix" else (parts.hostname or "", parts.port or _DEFAULT_PORT)
    return Accounted(
        holds=lambda path: any(holds(path, locator, base) for locator in surface.files), peers=(peer,)
    )


def _measure(surface: Surface, base: Path) -> SurfaceSize:
    """The server itself, and its keys."""
    try:
        server = _connected(surface, base, 0)
        with server:
            return SurfaceSize(bytes=0, items=1 + sum(keys for _, keys in _databases(server)))
    except (OperatorError, UnreadableError):
        return SurfaceSize(bytes=0, items=0)


@surface_kind("redis", accounts=_accounts, measure=_measure)
def read_redis(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """The keys of each database in batches, then the server's own memory, then its files."""
    try:
        with _connected(surface, base, 0) as server:
            yield from _whole(server, surface, base)
    except (OperatorError, UnreadableError) as error:
        yield Missed(name=surface.locator, reason=str(error))
    if surface.files:
        yield from read_paths(surface.files, base, surface.exclude, skip)


def _whole(server: "Redis", surface: Surface, base: Path) -> Iterator[Item | Missed]:
    if _asked(partial(server.info, "cluster")).get("cluster_enabled"):
        yield Missed(name=surface.locator, reason="it is one node of a cluster; declare each node")
    for number, _ in _databases(server):
        with _connected(surface, base, number) as database:
            yield from _keys(database, number, surface.exclude)
    yield from _memory(server)


def _connected(surface: Surface, base: Path, database: int) -> "Redis":
    """A connection to one database. Raises OperatorError, or UnreadableError where the server does not let us in."""
    try:
        import redis
    except ImportError:
        raise OperatorError("it takes the package redis, which is not installed") from None
    password = secret(surface.credential, base) if surface.credential is not None else None
    options: dict[str, Any] = {"password": password} if password is not None else {}
    if surface.ca_file:
        options["ssl_ca_certs"] = str(base / surface.ca_file)
    pool = redis.ConnectionPool.from_url(
        surface.locator, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, **options
    )
    pool.connection_kwargs["db"] = database  # whatever the URL says: all of them are read
    server = redis.Redis.from_pool(pool)
    _asked(server.ping)
    return server


def _databases(server: "Redis") -> list[tuple[int, int]]:
    """The databases that hold something, with the number of their keys."""
    keyspace = _asked(partial(server.info, "keyspace"))
    return sorted((int(name.removeprefix("db")), int(told["keys"])) for name, told in keyspace.items())


def _keys(database: "Redis", number: int, exclude: tuple[str, ...]) -> Iterator[Item | Missed]:
    cursor, listed = 0, 0
    while True:
        cursor, keys = _asked(partial(database.scan, cursor, count=_BATCH))
        batch = _Batch(database, [key for key in keys if not _left_out(key, exclude)])
        if len(batch.keys) < len(keys):
            yield Missed(
                name=f"db{number}", reason="some of its keys are excluded by the target file", deciding=False
            )
        if batch.keys:
            yield Item(
                name=f"db{number}: keys from number {listed + 1:,}", open=batch.chunks, place=batch.place
            )
        listed += len(keys)
        if cursor == 0:
            return


def _left_out(key: bytes, exclude: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key.decode(errors="replace"), pattern) for pattern in exclude)


class _Batch:
    """Some keys: their names and values in a row, and the way back from an offset to the key."""

    def __init__(self, database: "Redis", keys: Sequence[bytes]) -> None:
        self.keys = keys
        self._database = database
        self._starts: list[tuple[int, str]] = []  # where each key begins, and its type

    def chunks(self) -> Iterator[bytes]:
        """Each name with its value. Raises UnreadableError."""
        position = 0
        self._starts = []
        for key in self.keys:
            kind = _asked(partial(self._database.type, key)).decode()
            self._starts.append((position, kind))
            value = read_value(self._database, key, kind)
            yield key + BETWEEN
            position += len(key) + len(BETWEEN)
            while (chunk := _asked(partial(next, value, None))) is not None:
                yield chunk
                position += len(chunk)

    def place(self, offset: int) -> str:
        """Which key an offset lies in. Its name is not told: it may hold what was found."""
        at = max((n for n, (start, _) in enumerate(self._starts) if start <= offset), default=0)
        return f"key {at + 1} ({self._starts[at][1]})" if self._starts else ""


def _memory(server: "Redis") -> Iterator[Item | Missed]:
    execute: Any = server.execute_command
    for name, command in _REMEMBERED:
        try:
            told = _asked(partial(execute, *command))
        except UnreadableError as error:
            yield Missed(name=name, reason=str(error), deciding=False)
        else:
            yield Item(name=name, open=partial(_flat, told))


def _flat(told: Any) -> Iterator[bytes]:
    """All texts of an answer, however nested."""
    match told:
        case bytes():
            yield told + BETWEEN
        case str():
            yield told.encode() + BETWEEN
        case dict():
            yield from _flat([*told.keys(), *told.values()])
        case list() | tuple() | set():
            for part in told:
                yield from _flat(part)


def _asked(ask: Callable[..., Any]) -> Any:
    """What the server answers. Its errors are told by their class: their texts may repeat what they were asked."""
    import redis

    try:
        return ask()
    except redis.RedisError as error:
        raise UnreadableError(f"it could not be read: {type(error).__name__}") from None
