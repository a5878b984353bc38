"""The values of Redis by type, in pieces."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

BETWEEN = b"\n\0"  # behind each text: nothing may seem to go on in the next

_PIECE = 1 << 20  # bytes of a string
_PAGE = 50  # elements: each may be large


def read_value(database: "Redis", key: bytes, kind: str) -> Iterator[bytes]:
    """What a key holds. Raises the errors of the package redis. A key that has gone holds nothing."""
    yield from _READ.get(kind, _serialised)(database, key)


def _string(database: "Redis", key: bytes) -> Iterator[bytes]:
    start = 0
    while piece := database.getrange(key, start, start + _PIECE - 1):
        yield _bytes(piece)
        start += _PIECE
    yield BETWEEN


def _list(database: "Redis", key: bytes) -> Iterator[bytes]:
    start = 0
    while page := database.lrange(key, start, start + _PAGE - 1):
        yield _joined(page)
        start += _PAGE


def _set(database: "Redis", key: bytes) -> Iterator[bytes]:
    yield from map(_joined, _pages(lambda cursor: database.sscan(key, cursor, count=_PAGE)))


def _sorted_set(database: "Redis", key: bytes) -> Iterator[bytes]:
    for page in _pages(lambda cursor: database.zscan(key, cursor, count=_PAGE)):
        yield _joined(part for member, score in page for part in (member, repr(score).encode()))


def _hash(database: "Redis", key: bytes) -> Iterator[bytes]:
    for page in _pages(lambda cursor: database.hscan(key, cursor, count=_PAGE)):
        yield _joined(part for pair in page.items() for part in pair)


def _stream(database: "Redis", key: bytes) -> Iterator[bytes]:
    """Entries, then the names of groups and consumers."""
    after = b"-"
    listed: Any = (
        database.xrange
    )  # the package's own types allow for decoded answers, which we do not ask for
    while entries := listed(key, after, "+", count=_PAGE):
        yield _joined(part for number, fields in entries for part in (number, *_parts(fields)))
        after = b"(" + entries[-1][0]
    for group in database.xinfo_groups(key):
        yield _joined([group["name"]])
        yield _joined(consumer["name"] for consumer in database.xinfo_consumers(key, group["name"]))


def _parts(fields: dict[bytes, bytes] | None) -> Iterator[bytes]:
    for pair in (fields or {}).items():
        yield from pair


def _serialised(database: "Redis", key: bytes) -> Iterator[bytes]:
    """Types of modules, as they would be moved to another server."""
    yield _bytes(database.dump(key) or b"") + BETWEEN


def _pages(scan: Callable[[int], Any]) -> Iterator[Any]:
    cursor = 0
    while True:
        cursor, page = scan(cursor)
        yield page
        if cursor == 0:
            return


def _joined(texts: Any) -> bytes:
    return b"".join(_bytes(text) + BETWEEN for text in texts)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


_READ: dict[str, Callable[["Redis", bytes], Iterator[bytes]]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "zset": _sorted_set,
    "hash": _hash,
    "stream": _stream,
    "none": lambda _database, _key: iter(()),
}
