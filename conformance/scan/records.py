"""Records: the fields that lie together about one key, cut out of rows, JSON documents and text."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_FIELDS = 64
_AROUND = 1 << 11  # bytes on both sides of an identifier in text without structure
_PARTS = re.compile(rb"[^\x00-\x20\"',;(){}\[\]<>]{1,512}")
_MOST_WINDOWS = 20
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
        tables = (value for value in document.values() if isinstance(value, dict) and _is_flat(value))
        top = {name: value for name, value in document.items() if not isinstance(value, dict | list)}
        return Record(item, tuple(v for table in (top, *tables) for v in _scalars(table))[:_MOST_FIELDS])
    words = _PARTS.findall(data) if document is None and len(data) <= _SHORT_TEXT else []
    return Record(item, tuple(words[:_MOST_FIELDS]))


def _is_flat(table: dict[str, Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in table.values())


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
    if data.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


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
        for value in document:
            yield from _scalars(value)
    elif document is not None:
        yield str(document).encode("utf-8", "replace")
