"""On which line of a TOML file a key stands: for messages only, parsing is tomllib's. Pure."""

import re
from collections import Counter
from collections.abc import Iterable

ANY = "*"  # in a path: a key that is not known

_KEY = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=")

Path = tuple[str, ...]


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, of the deepest table or key of a path that stands in the text; None where none does.

    Elements of arrays of tables are counted from 0: `("surfaces", "1", "kind")`.
    """
    lines = _lines(text)
    for depth in range(len(path), 0, -1):
        found = [line for place, line in lines.items() if _meets(place, path[:depth])]
        if found:
            return min(found)
    return None


def _meets(place: Path, path: Path) -> bool:
    return len(place) == len(path) and all(b in (a, ANY) for a, b in zip(place, path, strict=True))


def _lines(text: str) -> dict[Path, int]:
    """The first line of every table and key."""
    lines: dict[Path, int] = {}
    arrays: Counter[Path] = Counter()
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _table(_keys(header.group(2)), arrays, is_array=header.group(1) == "[[")
            for depth in range(1, len(table) + 1):
                lines.setdefault(table[:depth], number)
        elif pair := _PAIR.match(line):
            lines.setdefault((*table, *_keys(pair.group(1))), number)
    return lines


def _table(keys: Iterable[str], arrays: Counter[Path], *, is_array: bool) -> Path:
    """The path of a table, with the place of each element of an array of tables on the way."""
    keys = tuple(keys)
    path: Path = ()
    for depth, key in enumerate(keys, start=1):
        path = (*path, key)
        if is_array and depth == len(keys):
            arrays[path] += 1
        if arrays[path]:
            path = (*path, str(arrays[path] - 1))
    return path


def _keys(dotted: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))
