"""Pictures: what each cell says, and in which order surfaces and controls come."""

import msgspec
import pytest

from conformance.model.exhibit import TransportWord
from conformance.model.retained import MapCell
from reports.exhibits import Cell, mapped, sheets, transport
from tests.reports.sample import sample_results
from tests.reports.whole import retention, transport_rows, whole_results


def cell(*, sent: int, proven: int, seen: int, surface: int = 0) -> Cell | None:
    """The one cell of a map with one field on one path, as it is drawn for a surface."""
    whole = retention()
    found = tuple(seen if place == surface else 0 for place in range(3))
    one = msgspec.structs.replace(
        whole,
        paths=whole.paths[:1],
        fields=whole.fields[:1],
        surrounding=(),
        cells=(MapCell(path=0, field=0, sent=sent, proven=proven, seen=found),),
    )
    [sheet] = [s for s in sheets(one) if s.surface == whole.surfaces[surface]]
    [(_, [drawn])] = sheet.rows
    return drawn


def test_what_was_found_is_found_on_any_surface() -> None:
    assert cell(sent=60, proven=60, seen=3) == Cell(kind="found", symbol="✗", word="found", count=3)
    assert cell(sent=60, proven=0, seen=1, surface=2) == Cell(kind="found", symbol="✗", word="found", count=1)


def test_nothing_found_counts_what_is_proven_to_have_gone_there() -> None:
    assert cell(sent=60, proven=58, seen=0) == Cell(kind="clear", symbol="✓", word="none found of", count=58)


def test_nothing_found_on_an_undecided_surface_is_no_tick() -> None:
    drawn = cell(sent=60, proven=60, seen=0, surface=2)

    assert drawn == Cell(kind="doubt", symbol="?", word="none found, undecided, of", count=60)


def test_a_field_that_is_not_proven_to_have_gone_there_is_no_tick() -> None:
    drawn = cell(sent=60, proven=0, seen=0)

    assert drawn == Cell(kind="stripped", symbol="—", word="none found, of sent", count=60)


def test_a_field_that_was_not_sent_on_a_path_is_blank() -> None:
    [first, *_] = sheets(retention())
    [completion] = [cells for field, cells in first.rows if field.name == "completion"]

    assert completion[3] is None


def test_surfaces_with_finds_come_first_then_undecided_ones() -> None:
    kinds = [sheet.surface.kind for sheet in sheets(retention())]

    assert kinds == ["files", "journald", "postgresql"]


def test_an_unknown_bound_is_called_unknown() -> None:
    bounds = {sheet.surface.kind: set(sheet.bounds) for sheet in sheets(retention())}

    assert bounds == {"files": {"1 %"}, "postgresql": {"1 %"}, "journald": {"unknown"}}


def test_without_a_map_there_is_no_sheet() -> None:
    assert sheets(None) == ()


@pytest.mark.parametrize(
    ("version", "word", "kind"),
    [
        ("TLS 1.2", "agreed", "found"),
        ("TLS 1.2", "refused", "clear"),
        ("TLS 1.2", "unclear", "doubt"),
        ("TLS 1.2", "not tried", "stripped"),
        ("TLS 1.3", "agreed", "clear"),
        ("TLS 1.3", "refused", "found"),
        ("TLS 1.3", "unclear", "doubt"),
    ],
)
def test_only_tls13_is_wanted(version: str, word: TransportWord, kind: str) -> None:
    row = msgspec.structs.replace(transport_rows()[0], versions={version: word})
    results = msgspec.structs.replace(sample_results(), transport=(row,))

    [[drawn]] = [shown.cells for shown in transport(results)]

    assert (drawn.kind, drawn.word) == (kind, word)


def test_controls_are_listed_with_every_claim_that_bears_on_them_in_natural_order() -> None:
    [iso] = [entry for entry in mapped(whole_results()) if entry.of.id == "iso27001"]
    controls = dict(iso.rows)

    assert [(claim.id, relation) for claim, relation in controls["A.8.24"]] == [
        ("T1", "supports"),
        ("K2", "partial"),
    ]
    assert [id_ for id_ in controls if id_ in {"A.8.3", "A.8.10", "A.8.24"}] == ["A.8.3", "A.8.10", "A.8.24"]


def test_results_without_a_map_have_no_controls() -> None:
    assert mapped(sample_results()) == ()
