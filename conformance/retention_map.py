"""Drawing the retention map from what was sent and what was seen. Pure; no verdict depends on it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from conformance.judge import Gathered
from conformance.model.campaign import METADATA_FIELDS, Campaign, CellRun, PathRun, Restarts
from conformance.model.power import CONFIDENCE, bound
from conformance.model.retained import MapBound, MapCell, MapPath, MapSurface, RetentionMap
from conformance.model.storage import ScannedSurface, SurfaceScan

_Cell = tuple[str, str]  # path and field


def retention_map(gathered: Gathered) -> RetentionMap | None:
    """The map of a run; None where no surface was searched."""
    scan = gathered.get(SurfaceScan.__name__)
    if not isinstance(scan, SurfaceScan):
        return None
    runs = [found for kind in (Campaign, Restarts) if isinstance(found := gathered.get(kind.__name__), kind)]
    return drawn(
        scan,
        [path for run in runs for path in run.paths],
        [cell for run in runs for cell in run.cells],
    )


def drawn(scan: SurfaceScan, paths: Sequence[PathRun], cells: Iterable[CellRun]) -> RetentionMap:
    """The map of what was sent along these paths and seen in a scan."""
    sent, proven = _sums(cells)
    seen = [{(cell.path, cell.field): cell.canaries for cell in surface.cells} for surface in scan.surfaces]
    every = sorted(sent.keys() | {cell for on_surface in seen for cell in on_surface})
    known = {path.path: path for path in paths}
    names = _places([*known, *(path for path, _ in every)])
    fields = _places(sorted({field for _, field in every}))
    return RetentionMap(
        scanned=scan.scanned,
        confidence=CONFIDENCE,
        paths=tuple(_path(name, known.get(name)) for name in names),
        fields=tuple(fields),
        surrounding=tuple(place for name, place in fields.items() if name in METADATA_FIELDS),
        surfaces=tuple(_surface(surface) for surface in scan.surfaces),
        cells=tuple(
            MapCell(
                path=names[cell[0]],
                field=fields[cell[1]],
                sent=sent[cell],
                proven=proven[cell],
                seen=tuple(on_surface.get(cell, 0) for on_surface in seen),
            )
            for cell in every
        ),
        bounds=tuple(
            MapBound(path=names[path.path], surface=place, seen=kept, at_most=_at_most(path, surface, kept))
            for path in known.values()
            for place, surface in enumerate(scan.surfaces)
            for kept in [_content(path.path, surface)]
        ),
    )


def _sums(cells: Iterable[CellRun]) -> tuple[Counter[_Cell], Counter[_Cell]]:
    """What was sent, and proven, by path and field."""
    sent: Counter[_Cell] = Counter()
    proven: Counter[_Cell] = Counter()
    for cell in cells:
        sent[cell.path, cell.field] += cell.sent
        proven[cell.path, cell.field] += cell.proven
    return sent, proven


def _places(names: Iterable[str]) -> dict[str, int]:
    """The index of each name, in the order in which they come first."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _path(name: str, run: PathRun | None) -> MapPath:
    if run is None:
        return MapPath(name=name)
    return MapPath(
        name=name,
        endpoint=run.endpoint,
        kind=run.kind,
        sent=run.sent,
        counted=run.counted,
        keys=run.keys,
        connections=run.connections,
        seconds=run.seconds,
        note=run.note,
    )


def _surface(surface: ScannedSurface) -> MapSurface:
    return MapSurface(
        locator=surface.locator,
        kind=surface.kind,
        role=surface.role,
        decided=not surface.doubt(),
        doubt=surface.doubt(),
        sensitivity=surface.sensitivity,
        planted=surface.planted,
        planted_found=surface.planted_found,
        markers=_markers(surface),
    )


def _content(path: str, surface: ScannedSurface) -> int:
    """How many canaries of content on a path were seen on a surface."""
    return sum(
        cell.canaries for cell in surface.cells if cell.path == path and cell.field not in METADATA_FIELDS
    )


def _at_most(path: PathRun, surface: ScannedSurface, kept: int) -> float | None:
    if kept or _markers(surface) or surface.doubt():
        return None
    return bound(path.counted, surface.sensitivity)


def _markers(surface: ScannedSurface) -> int:
    """Markers alone belong to a path that nobody knows."""
    return sum(sighting.canary is None for sighting in surface.sightings)
