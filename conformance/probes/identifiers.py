"""Identifiers that a target gives its answers: values of response headers that differ every time.

Stores that log requests hold them by necessity, whatever the header is called; finding one shows that a scan sees what the
gateway wrote there.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

_LEAST = 5  # answers, all different, before a header counts as an identifier
_MOST = 400
_TOKEN = re.compile(r"[0-9A-Za-z]{12,64}")
_SHAPE = re.compile(r"[0-9A-Za-z_.:-]{12,100}")
# Seconds, milli-, micro- and nanoseconds since 1970, and ISO 8601: moments differ every time too, and everybody writes them.
_TIME = re.compile(r"1[0-9]{9}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")
_NEVER = frozenset(
    {"date", "etag", "last-modified", "expires", "set-cookie", "content-length", "authorization"}
)


class Identifiers:
    """Collects header values, and tells which headers identify answers."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)

    def note(self, headers: Iterable[tuple[str, str]]) -> None:
        """Remember the headers of one answer."""
        for name, value in headers:
            kept = self._values[name.lower()]
            if (
                len(kept) < _MOST
                and name.lower() not in _NEVER
                and _SHAPE.fullmatch(value)
                and not _TIME.fullmatch(value)
            ):
                kept.append(value)

    def found(self) -> tuple[str, ...]:
        """The identifiers, and the longest letters-and-digits run of each, since stores may leave a prefix out."""
        return _with_runs([value for name in self._names() for value in self._values[name]])

    def of(self, headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The identifiers of one answer by its headers, likewise."""
        names = self._names()
        return _with_runs(
            [value for name, value in headers if name.lower() in names and _SHAPE.fullmatch(value)]
        )

    def _names(self) -> list[str]:
        """The headers that identify answers."""
        return [
            name for name, kept in self._values.items() if len(kept) >= _LEAST and len(set(kept)) == len(kept)
        ]


def _with_runs(values: list[str]) -> tuple[str, ...]:
    runs = [max(tokens, key=len) for value in values if (tokens := _TOKEN.findall(value))]
    return tuple(dict.fromkeys([*values, *runs]))
