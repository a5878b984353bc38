"""Records: the fields that lie together about one key, cut out of rows, JSON documents and text."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from conformance.scan.engines.choice import choose
from conformance.scan.engines.interface import FloodedError

_MOST_FIELDS = 64
_AROUND = 1 << 11  # bytes on both sides of an identifier in text without structure
_PARTS = re.compile(rb"[^\x00-\x20\"',;(){}\[\]<>]{1,512}")
_MOST_WINDOWS = 20
_OPENS, _SOMETHING = re.compile(rb"\s*[{\[]"), re.compile(rb"\S")
_MOST_MENTIONS = 1 << 12  # in one piece: more are looked into all the same
_LEAST_BYTES = 8  # numbers in a list that may be the bytes of a value
_KEY_FILE = 1 << 9  # bytes of a file that may be nothing but a key
_SHORT_TEXT = 1 << 14  # bytes of a text that may be settings


@dataclass(frozen=True, slots=True)
class Record:
    """Fields that belong together, and where they were."""

    item: str
    fields: tuple[bytes, ...]

    def names(self, identifiers: Iterable[bytes]) -> bool:
        """Whether any field holds one of the identifiers."""
        return any(identifier in field for identifier in identifiers for field in self.fields)


def record_of_row(item: str, row: Mapping[str, bytes]) -> Record:
    """A database row as a record: its values, and what JSON in them holds."""
    fields: list[bytes] = []
    for value in row.values():
        fields.append(value)
        if value[:1] in (b"{", b"["):
            fields += _scalars(_parsed(value))
    return Record(item, tuple(fields[:_MOST_FIELDS]))


class Mentions:
    """Whether bytes may hold a record that names one of some identifiers: asked of much that names none, in one pass for all."""

    def __init__(self, identifiers: Iterable[bytes]) -> None:
        """Identifiers that are empty name nothing."""
        known = sorted({identifier for identifier in identifiers if identifier})
        self._matcher = choose(known).matcher if known else None

    def may_lie_in(self, data: bytes) -> bool:
        """Whether one of them lies there as it is, or behind escapes in what may be a JSON document."""
        if self._matcher is None:
            return False
        try:
            return bool(self._matcher.scan(data, _MOST_MENTIONS)) or _is_escaped(data)
        except FloodedError:
            return True


def _is_escaped(data: bytes) -> bool:
    return b"\\" in data and _OPENS.match(data) is not None and not _is_lines(data)


def records_of_text(item: str, data: bytes, identifiers: Iterable[bytes]) -> Iterator[Record]:
    """Records that name an identifier in a JSON document, in JSON lines, or in any other bytes."""
    known = tuple(identifiers)
    document = _parsed(data)
    if document is not None:
        yield from (record for record in _objects(item, document) if record.names(known))
        return
    for identifier in known:
        for count, match in enumerate(re.finditer(re.escape(identifier), data)):
            if count == _MOST_WINDOWS:
                break
            yield from _around(item, data, match.start(), identifier)


def settings_of_text(item: str, data: bytes) -> Record:
    """What lies beside the records of a document: the values at its top and in its flat tables, or the words of a short text."""
    document = _parsed(data)
    if isinstance(document, dict):
        return Record(item, tuple(islice(_settings(document), _MOST_FIELDS)))
    words = _PARTS.findall(data) if document is None and len(data) <= _SHORT_TEXT else []
    whole = [data] if len(data) <= _KEY_FILE else []
    return Record(item, tuple((*whole, *words)[:_MOST_FIELDS]))


def _settings(table: dict[str, Any]) -> Iterator[bytes]:
    """The values of a table, then those of the tables in it, and in those; lists hold what there are many of."""
    for name, value in table.items():
        if not isinstance(value, dict | list):
            yield from (str(name).encode(), *_scalars(value))
    for value in table.values():
        if isinstance(value, dict):
            yield from _settings(value)


def _around(item: str, data: bytes, position: int, identifier: bytes) -> Iterator[Record]:
    """The line of an identifier, as JSON where it is, then the bytes around it."""
    start, end = data.rfind(b"\n", 0, position) + 1, data.find(b"\n", position)
    line = data[start : end if end >= 0 else len(data)]
    document = _parsed(line)
    if document is not None:
        yield from (record for record in _objects(item, document) if record.names((identifier,)))
    else:
        near = data[max(0, position - _AROUND) : position + _AROUND]
        yield Record(item, tuple(_PARTS.findall(line)[:_MOST_FIELDS]))
        closest = sorted(_PARTS.finditer(near), key=lambda m: abs(m.start() - min(position, _AROUND)))
        yield Record(item, tuple(match[0] for match in closest[:_MOST_FIELDS]))


def _parsed(data: bytes) -> Any:
    if not _OPENS.match(data) or _is_lines(data):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _is_lines(data: bytes) -> bool:
    """Whether the first line is a document and something follows: then the whole is none, which need not be read to know it."""
    end = data.find(b"\n") + 1
    if not end or not _SOMETHING.search(data, end):
        return False
    try:
        json.loads(data[:end])
    except (ValueError, RecursionError):
        return False
    return True


def _objects(item: str, document: Any) -> Iterator[Record]:
    """Every object of a document that is small enough to be about one key, with all that it holds."""
    if isinstance(document, dict):
        fields = tuple(_scalars(document))
        if len(fields) <= _MOST_FIELDS:
            yield Record(item, fields)
        for name, value in document.items():
            inner = tuple(_scalars(value))
            if isinstance(value, dict | list) and len(inner) < _MOST_FIELDS < len(fields):
                yield Record(item, (name.encode(), *inner))  # an object that its name identifies
            yield from _objects(item, value)
    elif isinstance(document, list):
        for value in document:
            yield from _objects(item, value)


def _scalars(document: Any) -> Iterator[bytes]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield str(name).encode()
            yield from _scalars(value)
    elif isinstance(document, list):
        if len(document) >= _LEAST_BYTES and all(type(one) is int and 0 <= one < 256 for one in document):
            yield bytes(document)
            return
        for value in document:
            yield from _scalars(value)
    elif document is not None:
        yield str(document).encode("utf-8", "replace")
