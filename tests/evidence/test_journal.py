"""What the journal remembers, whenever the audit dies."""

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.evidence.journal import Journal, Leftover, leftovers

NAMES = st.sampled_from(("a", "b", "c", "ключ", 'quo"te', "new\nline"))
UNHURRIED = settings(deadline=None, max_examples=50)  # every entry waits for the disk
STEPS = st.lists(st.tuples(st.sampled_from(("intend", "made", "gone")), NAMES), max_size=12)


def _write(path: Path, steps: list[tuple[str, str]]) -> None:
    journal = Journal(path)
    for event, name in steps:
        if event == "made":
            journal.made(name, {"id": f"id of {name}"})
        else:
            getattr(journal, event)(name)
    journal.close()


def _open(steps: list[tuple[str, str]]) -> dict[str, bool]:
    """The names that steps leave open, and whether their identifiers are known."""
    left: dict[str, bool] = {}
    for event, name in steps:
        if event == "gone":
            left.pop(name, None)
        else:
            left[name] = event == "made"
    return left


def _left(path: Path) -> dict[str, bool]:
    return {left.name: bool(left.variables) for left in leftovers(path)}


def _fresh(folder: Path) -> Path:
    path = folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    return path


@UNHURRIED
@given(steps=STEPS)
def test_what_is_not_known_to_be_gone_is_left(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    path = _fresh(tmp_path_factory.getbasetemp())
    _write(path, steps)
    assert _left(path) == _open(steps)


@UNHURRIED
@given(steps=STEPS.filter(bool), data=st.data())
def test_a_crash_inside_a_line_costs_that_line_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]], data: st.DataObject
) -> None:
    path = _fresh(tmp_path_factory.getbasetemp())
    _write(path, steps)
    whole = path.read_bytes()
    last = len(whole.splitlines()[-1])
    path.write_bytes(whole[: len(whole) - data.draw(st.integers(2, last + 1))])
    assert _left(path) == _open(steps[:-1])


@UNHURRIED
@given(steps=STEPS.filter(bool), more=STEPS.filter(bool), data=st.data())
def test_what_is_written_after_a_crash_is_not_swallowed_by_the_torn_line(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, str]],
    more: list[tuple[str, str]],
    data: st.DataObject,
) -> None:
    path = _fresh(tmp_path_factory.getbasetemp())
    _write(path, steps)
    whole = path.read_bytes()
    last = len(whole.splitlines()[-1])
    path.write_bytes(whole[: len(whole) - data.draw(st.integers(2, last))])
    _write(path, more)
    assert _left(path) == _open([*steps[:-1], *more])


def test_an_entry_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.intend("key-1")
    assert leftovers(tmp_path / "j") == (Leftover(name="key-1"),)
    journal.made("key-1", {"id": "7"})
    assert leftovers(tmp_path / "j") == (Leftover(name="key-1", variables={"id": "7"}),)
    journal.gone("key-1")
    assert leftovers(tmp_path / "j") == ()
    journal.close()


def test_leftovers_come_oldest_first(tmp_path: Path) -> None:
    _write(tmp_path / "j", [("intend", "b"), ("intend", "a"), ("made", "b")])
    assert [left.name for left in leftovers(tmp_path / "j")] == ["b", "a"]


def test_no_journal_leaves_nothing(tmp_path: Path) -> None:
    assert leftovers(tmp_path / "none") == ()


def test_garbage_between_entries_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(
        b'{"event":"intend","name":"a"}\n\xff\xfe\n{"event":"in\n[]\n{"event":"made","name":"\xff"}\n'
        b'{"event":"intend","name":"b"}\n'
    )
    assert [left.name for left in leftovers(tmp_path / "j")] == ["a", "b"]


def test_only_its_owner_reads_the_journal(tmp_path: Path) -> None:
    Journal(tmp_path / "j").close()
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600
