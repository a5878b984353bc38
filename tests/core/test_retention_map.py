"""The retention map: data by index, and a bound only where one holds."""

import msgspec
import pytest

from conformance.model.campaign import Campaign, CellRun, Restarts
from conformance.model.power import bound
from conformance.model.retained import MapBound, MapCell, RetentionMap
from conformance.model.storage import ScannedSurface, SeenCell, SurfaceScan
from conformance.retention_map import drawn, retention_map
from tests.checks.test_retention import NOT_RUN, path, scan, sighting, surface

CELLS = (
    CellRun(path="success", field="user", sent=60, proven=60),
    CellRun(path="success", field="header", sent=60, proven=0),
    CellRun(path="stream", field="user", sent=30, proven=30),
)
PATHS = (
    path("success"),
    path("stream", 30, 30, keys=1),
    path("over budget", 0, 0, note="no limit can be set"),
)


def kept(where: str, field: str, canaries: int = 2) -> SeenCell:
    return SeenCell(path=where, field=field, canaries=canaries)


def test_axes_and_cells_are_told_once_and_referred_to_by_index() -> None:
    seen = scan(surface(cells=(kept("success", "header", 7),)), surface(locator="db"))

    found = drawn(seen, PATHS, CELLS)

    assert [(p.name, p.counted, p.keys, p.note) for p in found.paths] == [
        ("success", 60, 3, ""),
        ("stream", 30, 1, ""),
        ("over budget", 0, 3, "no limit can be set"),
    ]
    assert (found.fields, found.surrounding) == (("header", "user"), (0,))
    assert [s.locator for s in found.surfaces] == ["log", "db"]
    assert found.cells == (
        MapCell(path=1, field=1, sent=30, proven=30, seen=(0, 0)),
        MapCell(path=0, field=0, sent=60, proven=0, seen=(7, 0)),
        MapCell(path=0, field=1, sent=60, proven=60, seen=(0, 0)),
    )


def test_what_was_seen_and_never_sent_by_the_campaign_has_a_place_too() -> None:
    found = drawn(scan(surface(cells=(kept("answer", "answer"),))), PATHS, CELLS)

    assert (found.paths[3].name, found.paths[3].kind) == ("answer", "")
    assert MapCell(path=3, field=0, sent=0, proven=0, seen=(2,)) in found.cells


def test_every_path_has_a_bound_on_every_surface_that_is_decided() -> None:
    found = drawn(
        scan(surface(), surface(locator="db", sensitivity=0.5, planted=6, planted_found=3)), PATHS, CELLS
    )

    assert [(b.path, b.surface, b.at_most) for b in found.bounds] == [
        (0, 0, bound(60, 1.0)),
        (0, 1, bound(60, 0.5)),
        (1, 0, bound(30, 1.0)),
        (1, 1, bound(30, 0.5)),
        (2, 0, None),
        (2, 1, None),
    ]


@pytest.mark.parametrize(
    "seen",
    [
        surface(control=None),
        surface(gaps=1),
        surface(behind="the last canary was not found"),
        surface(sighting(None)),
        surface(cells=(kept("success", "user"),)),
        surface(sensitivity=0.0),
    ],
    ids=["no control", "a gap", "behind", "a marker alone", "content", "blind"],
)
def test_there_is_no_bound_where_none_holds(seen: ScannedSurface) -> None:
    (first, *_) = drawn(scan(seen), PATHS, CELLS).bounds

    assert first.at_most is None


def test_what_surrounds_content_leaves_the_bound_on_content_alone() -> None:
    found = drawn(scan(surface(cells=(kept("success", "header"),))), PATHS, CELLS)

    assert found.bounds[0] == MapBound(path=0, surface=0, seen=0, at_most=bound(60, 1.0))


def test_restarts_are_paths_like_the_others() -> None:
    campaign = Campaign(sample=60, paths=PATHS, cells=CELLS, keys=3, answers=0)
    in_flight = CellRun(path="restart", field="user", sent=6, proven=5)
    restarts = Restarts(paths=(path("restart", 5, 6),), cells=(in_flight,), restarts=2)

    found = retention_map({"SurfaceScan": scan(surface()), "Campaign": campaign, "Restarts": restarts})

    assert found is not None
    assert [p.name for p in found.paths] == ["success", "stream", "over budget", "restart"]
    assert found.bounds[-1].at_most == bound(5, 1.0)


def test_without_a_scan_there_is_no_map_and_without_a_campaign_an_empty_one() -> None:
    alone = retention_map({"SurfaceScan": scan(surface()), "Campaign": NOT_RUN})

    assert retention_map({"SurfaceScan": NOT_RUN}) is None
    assert alone is not None
    assert (alone.paths, alone.cells, alone.bounds) == ((), (), ())


def test_the_map_is_compact_and_reads_back() -> None:
    seen: SurfaceScan = scan(surface(cells=(kept("success", "header", 7),)))
    found = drawn(seen, PATHS, CELLS)

    written = msgspec.json.encode(found)

    assert b"[0,0,60,0,[7]]" in written
    assert msgspec.json.decode(written, type=RetentionMap) == found
