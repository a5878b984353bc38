"""The choice of twins for a change leaves nothing out for long."""

import pytest

from tests.twins.registry import entries
from tests.twins.spreading import spread

_TURNS = range(600)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 2**159 + 1])
def test_every_check_that_twins_fail_is_failed_in_each_turn(number: int) -> None:
    failed = {check for entry in entries() for check in entry.fails}
    held = {check for entry in spread(entries(), number) for check in entry.fails}

    assert held == failed


@pytest.mark.parametrize("number", [0, 1])
def test_each_collection_and_each_way_of_being_broken_is_held_once_in_each_turn(number: int) -> None:
    once = [e.name for e in entries() if e.collection or e.kind == "broken"]
    held = [e.name for e in spread(entries(), number) if e.collection or e.kind == "broken"]

    assert sorted(held) == sorted(set(once))


def test_both_hosts_are_held_as_they_are_in_each_turn() -> None:
    plain = [entry.id() for entry in spread(entries(), 7) if entry.name == "as-it-is"]

    assert sorted(plain) == ["reference-as-it-is", "second-as-it-is"]


def test_within_some_turns_every_twin_is_held_that_need_not_wait_for_the_exam() -> None:
    every = {entry.id() for entry in entries() if not (entry.bundled or entry.rare)}
    held = {entry.id() for number in _TURNS for entry in spread(entries(), number)}

    assert held == every


def test_a_turn_holds_the_same_twins_whenever_it_is_asked() -> None:
    assert spread(entries(), 5) == spread(entries(), 5)
