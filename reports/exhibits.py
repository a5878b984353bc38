"""Tables of facts, laid out as they are drawn: the retention map, the transport table, controls. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.model.exhibit import TransportRow, TransportWord
from conformance.model.mapped import Framework, Relation
from conformance.model.power import percent
from conformance.model.results import ClaimResult, Results
from conformance.model.retained import MapCell, MapSurface, RetentionMap

_TRANSPORT: dict[TransportWord, tuple[str, str]] = {
    "agreed": ("found", "●"),
    "refused": ("clear", "✓"),
    "no service": ("stripped", "—"),
    "unclear": ("doubt", "?"),
    "not tried": ("stripped", " "),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a picture: a kind that decides its colour, and a symbol and a word that say the same."""

    kind: str
    symbol: str
    word: str
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A row of the retention map."""

    name: str
    surrounding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The retention map of one surface: fields down, paths across, and the power of the search below."""

    surface: MapSurface
    rows: tuple[tuple[Field, tuple[Cell | None, ...]], ...]
    bounds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCells:
    """A row of the transport table, with a cell per version."""

    of: TransportRow
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A framework, and its controls with the claims that bear on each."""

    of: Framework
    rows: tuple[tuple[str, tuple[tuple[ClaimResult, Relation], ...]], ...]


def sheets(retention: RetentionMap | None) -> tuple[Sheet, ...]:
    """One sheet per surface: those on which something was found first, then those that are not decided."""
    if retention is None:
        return ()
    found = [sum(cell.seen[place] for cell in retention.cells) for place in range(len(retention.surfaces))]
    order = sorted(
        range(len(retention.surfaces)), key=lambda place: (-found[place], retention.surfaces[place].decided)
    )
    return tuple(_sheet(retention, place) for place in order)


def transport(results: Results) -> tuple[TransportCells, ...]:
    """The rows of the transport table. Agreeing to anything but TLS 1.3 stands out."""
    return tuple(
        TransportCells(
            of=row, cells=tuple(_transport_cell(version, word) for version, word in row.versions.items())
        )
        for row in results.transport
    )


def mapped(results: Results) -> tuple[Mapped, ...]:
    """Every framework that a claim of the results bears on, by control."""
    return tuple(
        Mapped(of=framework, rows=tuple(rows.items()))
        for framework in results.frameworks
        if (rows := _bearing(results, framework.id))
    )


def _sheet(retention: RetentionMap, place: int) -> Sheet:
    surface = retention.surfaces[place]
    cells = {(cell.field, cell.path): cell for cell in retention.cells}
    bounds = {bound.path: bound for bound in retention.bounds if bound.surface == place}
    return Sheet(
        surface=surface,
        rows=tuple(
            (
                Field(name=name, surrounding=field in retention.surrounding),
                tuple(
                    _cell(cells.get((field, path)), surface, place) for path in range(len(retention.paths))
                ),
            )
            for field, name in enumerate(retention.fields)
        ),
        bounds=tuple(
            "unknown"
            if (bound := bounds.get(path)) is None or bound.at_most is None
            else percent(bound.at_most)
            for path in range(len(retention.paths))
        ),
    )


def _cell(cell: MapCell | None, surface: MapSurface, place: int) -> Cell | None:
    if cell is None:
        return None
    if cell.seen[place]:
        return Cell(kind="found", symbol="✗", word="found", count=cell.seen[place])
    if not surface.decided:
        return Cell(kind="doubt", symbol="?", word="none found, undecided, of", count=cell.sent)
    if not cell.proven:
        return Cell(kind="stripped", symbol="—", word="none found, of sent", count=cell.sent)
    return Cell(kind="clear", symbol="✓", word="none found of", count=cell.proven)


def _transport_cell(version: str, word: TransportWord) -> Cell:
    kind, symbol = _TRANSPORT[word]
    if version == "TLS 1.3":  # the one version that is promised
        kind, symbol = {"agreed": ("clear", "✓"), "refused": ("found", "✗")}.get(word, (kind, symbol))
    return Cell(kind=kind, symbol=symbol, word=word)


def _bearing(results: Results, framework: str) -> Mapping[str, tuple[tuple[ClaimResult, Relation], ...]]:
    """The claims that bear on each control of a framework, controls in the order of their ids."""
    found: dict[str, tuple[tuple[ClaimResult, Relation], ...]] = {}
    for claim in results.claims:
        for group in claim.controls:
            if group.framework == framework:
                for id_ in group.ids:
                    found[id_] = (*found.get(id_, ()), (claim, group.relation))
    return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


def _natural(id_: str) -> tuple[tuple[int, str], ...]:
    """A key by which `A.5.9` comes before `A.5.10`."""
    parts: list[tuple[int, str]] = []
    digits = ""
    for character in f"{id_} ":
        if character.isdigit():
            digits += character
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((0, character))
    return tuple(parts)
