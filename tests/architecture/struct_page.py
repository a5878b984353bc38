"""Reference tables in Markdown, made from msgspec structs: names, types, defaults and descriptions as the code has them."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import NODEFAULT
from msgspec import inspect as types

Struct = type[msgspec.Struct]


@dataclass(slots=True)
class Table:
    """One struct, and every place in the file where it can stand, as TOML heads it: `[gateway.auth]`, `[[inference]]`."""

    struct: Struct
    places: list[str] = field(default_factory=list)

    def title(self) -> str:
        """The path where there is one only, else the struct's name."""
        return self.places[0].strip("[]") if len(self.places) == 1 else self.struct.__name__.lower()

    def anchor(self) -> str:
        """The fragment under which a renderer of Markdown offers the heading."""
        kept = (c for c in self.title().lower() if c.isalnum() or c in " -_")
        return "".join(kept).replace(" ", "-")


def tables(root: Struct, place: str, *, without: frozenset[Struct] = frozenset()) -> list[Table]:
    """A root struct at `place` and the structs that it holds, in the order of fields, each once; `without` are not entered."""
    found: dict[Struct, Table] = {}
    _walk(root, place, without, found)
    return list(found.values())


def _walk(struct: Struct, place: str, without: frozenset[Struct], found: dict[Struct, Table]) -> None:
    known = struct in found
    found.setdefault(struct, Table(struct)).places.append(place)
    if known:
        return
    above = f"{place.strip('[]')}." if place.startswith("[") else ""
    for entry in _fields(struct):
        inner, form = _inner(entry.type)
        if inner is not None and inner not in without:
            _walk(inner, form.format(above + entry.name), without, found)


def _fields(struct: Struct) -> tuple[types.Field, ...]:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    return info.fields


def _inner(kind: types.Type) -> tuple[Struct | None, str]:
    """The struct inside a type, if there is one, and how TOML heads it."""
    match kind:
        case types.Metadata():
            return _inner(kind.type)
        case types.StructType():
            return kind.cls, "[{}]"
        case types.VarTupleType():
            return _inner(kind.item_type)[0], "[[{}]]"
        case types.DictType():
            return _inner(kind.value_type)[0], "[{}.NAME]"
        case types.UnionType():
            return next((found for t in kind.types if (found := _inner(t))[0]), (None, ""))
        case _:
            return None, ""


def section(table: Table, every: list[Table]) -> str:
    """One struct as a heading, its own description, and a row for each key."""
    anchors = {t.struct: f"[{t.title()}](#{t.anchor()})" for t in every}
    rows = [_row(entry, anchors) for entry in _fields(table.struct)]
    lines = [
        f"### {table.title()}",
        "",
        *_standing(table),
        " ".join(inspect.cleandoc(table.struct.__doc__ or "").split()),
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _standing(table: Table) -> Iterator[str]:
    if table.places[0].startswith("["):
        yield ", ".join(f"`{place}`" for place in table.places)
        yield ""


def _row(entry: types.Field, anchors: dict[Struct, str]) -> str:
    meaning = _description(entry.type)
    cells = (f"`{entry.name}`", words(entry.type, anchors), default(entry), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _description(kind: types.Type) -> str:
    extra = kind.extra_json_schema if isinstance(kind, types.Metadata) else None
    return str((extra or {}).get("description", ""))


def words(kind: types.Type, anchors: dict[Struct, str]) -> str:
    """A type as a reader of TOML calls it."""
    match kind:
        case types.Metadata():
            return words(kind.type, anchors)
        case types.StructType():
            return f"table, see {anchors[kind.cls]}"
        case types.VarTupleType():
            least = f", at least {kind.min_length}" if kind.min_length else ""
            return f"list of {_plural(words(kind.item_type, anchors))}{least}"
        case types.DictType():
            return f"table: name → {words(kind.value_type, anchors)}"
        case types.UnionType():
            return " or ".join(words(t, anchors) for t in kind.types if not isinstance(t, types.NoneType))
        case _:
            return _scalar(kind)


def _plural(said: str) -> str:
    noun, comma, rest = said.partition(",")
    return f"{noun}s{comma}{rest}"


def _scalar(kind: types.Type) -> str:
    match kind:
        case types.LiteralType():
            return ", ".join(f"`{json.dumps(value)}`" for value in kind.values)
        case types.StrType():
            return "string" + _bounds(longest=kind.max_length)
        case types.IntType():
            return "whole number" + _bounds(kind.gt, kind.ge, kind.le)
        case types.FloatType():
            return "number" + _bounds(kind.gt, kind.ge, kind.le)
        case _:
            return {types.BoolType: "true or false", types.AnyType: "any value"}[type(kind)]


def _bounds(
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    longest: int | None = None,
) -> str:
    said = (
        f"above {above:g}" if above is not None else "",
        f"at least {least:g}" if least is not None else "",
        f"at most {most:g}" if most is not None else "",
        f"at most {longest} characters" if longest is not None else "",
    )
    return "".join(f", {bound}" for bound in said if bound)


def default(entry: types.Field) -> str:
    """What holds where the key is left out."""
    if entry.required:
        return "**required**"
    if entry.default_factory is not NODEFAULT:
        return f"`{toml(entry.default_factory())}`"
    return "none" if entry.default is None else f"`{toml(entry.default)}`"


def toml(value: Any) -> str:
    """A value as TOML writes it on one line; of a struct, what differs from its own defaults."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return f"{value!r}"
        case tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return _inline(value)
        case msgspec.Struct():
            told = {f.name: getattr(value, f.name) for f in _fields(type(value))}
            usual = {f.name: f.default for f in _fields(type(value))}
            return _inline({name: said for name, said in told.items() if said != usual[name]})
        case _:
            raise TypeError(f"no TOML for {value!r}")


def _inline(values: dict[str, Any]) -> str:
    inside = ", ".join(f"{name} = {toml(value)}" for name, value in values.items())
    return f"{{ {inside} }}" if inside else "{}"
