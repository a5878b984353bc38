"""Which checks are judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalogue import checks
from conformance.kills import KillMatrix, Trial
from conformance.model.scale import Level, Severity
from conformance.selection import Selection
from tests.core.made import check

ENTRIES = (
    check("spend.limit-holds", claim="S1", level=Level.OPERATOR, severity=Severity.CRITICAL),
    check("spend.usage-is-true", claim="S2", level=Level.OPERATOR, severity=Severity.HIGH),
    check("transport.old-is-refused", claim="T1", level=Level.OUTSIDE, severity=Severity.CRITICAL),
)


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(), ["spend.limit-holds", "spend.usage-is-true", "transport.old-is-refused"]),
        (Selection(checks_like=("spend.*",)), ["spend.limit-holds", "spend.usage-is-true"]),
        (Selection(checks_like=("SPEND.*",)), []),
        (Selection(checks_like=("spend",)), []),
        (
            Selection(checks_like=("*-holds", "transport.*")),
            ["spend.limit-holds", "transport.old-is-refused"],
        ),
        (Selection(claims=("S1", "T1")), ["spend.limit-holds", "transport.old-is-refused"]),
        (Selection(levels=("outside",)), ["transport.old-is-refused"]),
        (Selection(severities=("critical",), claims=("S1",)), ["spend.limit-holds"]),
        (Selection(severities=("low",)), []),
        (
            Selection(require=("T1",)),
            ["spend.limit-holds", "spend.usage-is-true", "transport.old-is-refused"],
        ),
    ],
)
def test_restrictions_narrow_and_alternatives_widen(selection: Selection, ids: list[str]) -> None:
    assert [c.id for c in selection.checks(ENTRIES)] == ids


NAMES = st.lists(st.text(max_size=8), max_size=3).map(tuple)


@given(NAMES, NAMES, NAMES, NAMES, NAMES)
def test_a_selection_survives_the_run_record(
    likes: tuple[str, ...],
    ids: tuple[str, ...],
    levels: tuple[str, ...],
    severities: tuple[str, ...],
    require: tuple[str, ...],
) -> None:
    chosen = Selection(checks_like=likes, claims=ids, levels=levels, severities=severities, require=require)
    assert Selection.parse(chosen.text()) == chosen


@given(NAMES, NAMES)
def test_a_selection_takes_nothing_that_is_not_in_the_catalogue_and_keeps_its_order(
    likes: tuple[str, ...], ids: tuple[str, ...]
) -> None:
    every = checks()
    chosen = Selection(checks_like=likes, claims=ids).checks(every)
    assert [c for c in every if c in chosen] == list(chosen)


@pytest.mark.parametrize(
    ("selection", "gate"),
    [
        (Selection(), ("S1", "T1")),
        (Selection(require=("S2",)), ("S2",)),
        (Selection(claims=("T1",)), ("T1",)),
        (Selection(checks_like=("spend.*",)), ("S1",)),
        (Selection(claims=("S2",)), ()),
    ],
)
def test_the_gate_is_what_was_asked_for_else_what_the_target_file_requires_of_it(
    selection: Selection, gate: tuple[str, ...]
) -> None:
    assert selection.gate(("S1", "T1"), ENTRIES) == gate


def _trial(kind: str, host: str, meant: tuple[str, ...], failed: tuple[str, ...]) -> Trial:
    return Trial(twin="twin", host=host, kind=kind, meant=meant, failed=failed, right=meant == failed)


def test_a_build_without_an_exam_says_so() -> None:
    assert KillMatrix().of("a.b") == ""
    assert KillMatrix().sentence() == "this build carries no kill matrix: run `make exam`"


def test_the_matrix_counts_what_a_check_caught_and_what_it_left_alone() -> None:
    matrix = KillMatrix(
        trials=(
            _trial("flawed", "reference", ("a",), ("a",)),
            _trial("flawed", "second", ("a",), ("a",)),
            _trial("flawed", "second", ("a",), ()),
            _trial("flawed", "second", (), ("a",)),
            _trial("conformant", "second", (), ()),
            _trial("conformant", "second", (), ("a",)),
        )
    )
    assert matrix.of("a") == "caught 2 flawed twins on 2 hosts; 1 conformant variants not failed"
    assert matrix.sentence() == (
        "2 of 4 flawed twins failed exactly the checks meant for them; 1 of 2 conformant variants passed"
    )
