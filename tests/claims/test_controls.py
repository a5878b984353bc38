"""The map from claims to controls: ids that exist, words that are ours."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance.claims.catalogue import claim_ids
from conformance.claims.controls import controls_of, frameworks
from conformance.model.mapped import ControlGroup

_RANGE = re.compile(r"(?P<before>.*?)(?P<first>\d+)\.\.(?P<last>\d+)(?P<after>.*)")
_HOW_MANY = {
    "soc2": 61,
    "iso27001": 93,
    "csf": 106,
    "asvs": 345,
    "owasp-api": 10,
    "owasp-llm": 10,
    "ccm": 197,
}


def expanded(notation: str) -> tuple[str, ...]:
    """The ids that `X-01..03` stands for; numbers keep the width of the first."""
    found = _RANGE.fullmatch(notation)
    if found is None:
        return (notation,)
    width = len(found["first"]) if found["first"].startswith("0") else 1
    numbers = range(int(found["first"]), int(found["last"]) + 1)
    return tuple(f"{found['before']}{number:0{width}d}{found['after']}" for number in numbers)


def known() -> dict[str, frozenset[str]]:
    """Every id of every framework."""
    lists: dict[str, list[str]] = tomllib.loads(
        Path(__file__).with_name("control_ids.toml").read_text(encoding="utf-8")
    )
    return {name: frozenset(id_ for entry in ids for id_ in expanded(entry)) for name, ids in lists.items()}


def ids_of(groups: Iterable[ControlGroup], framework: str) -> set[str]:
    return {id_ for group in groups if group.framework == framework for id_ in group.ids}


@pytest.mark.parametrize(
    ("notation", "ids"),
    [
        ("CC8.1", ("CC8.1",)),
        ("A.5.9..11", ("A.5.9", "A.5.10", "A.5.11")),
        ("PR.AA-09..10", ("PR.AA-09", "PR.AA-10")),
        ("SC-8(1..2)", ("SC-8(1)", "SC-8(2)")),
        ("API9..10:2023", ("API9:2023", "API10:2023")),
    ],
)
def test_a_range_stands_for_its_ids(notation: str, ids: tuple[str, ...]) -> None:
    assert expanded(notation) == ids


@pytest.mark.parametrize(("framework", "count"), _HOW_MANY.items(), ids=str)
def test_the_list_of_a_framework_has_as_many_ids_as_it_publishes(framework: str, count: int) -> None:
    assert len(known()[framework]) == count


@pytest.mark.parametrize("claim", claim_ids())
def test_every_control_of_a_claim_is_one_that_its_framework_has(claim: str) -> None:
    groups = controls_of(claim)
    wrong = {
        (group.framework, id_) for group in groups for id_ in group.ids if id_ not in known()[group.framework]
    }

    assert groups
    assert not wrong


@pytest.mark.parametrize("claim", claim_ids())
def test_no_control_is_named_twice_for_one_claim(claim: str) -> None:
    named = [(group.framework, id_) for group in controls_of(claim) for id_ in group.ids]

    assert len(named) == len(set(named))


@pytest.mark.parametrize("claim", claim_ids())
def test_every_claim_bears_on_a_control_whose_ids_were_read_at_their_publisher(claim: str) -> None:
    primary = {framework.id for framework in frameworks() if framework.verified == "primary"}

    assert primary & {group.framework for group in controls_of(claim)}


def test_every_framework_is_described_and_has_a_list() -> None:
    used = {group.framework for claim in claim_ids() for group in controls_of(claim)}

    assert used == {framework.id for framework in frameworks()} == set(known())


def test_card_data_is_out_of_scope_so_pci_is_an_analogue_only() -> None:
    relations = {
        group.relation for claim in claim_ids() for group in controls_of(claim) if group.framework == "pci"
    }

    assert relations == {"analogue"}


def test_a_claim_that_nobody_mapped_bears_on_nothing() -> None:
    assert controls_of("no such claim") == ()


def test_the_map_holds_ids_and_no_prose() -> None:
    words = {id_ for claim in claim_ids() for group in controls_of(claim) for id_ in group.ids}

    assert max(map(len, words)) <= len("1798.100(a)(3)")
    assert ids_of(controls_of("T1"), "nist80053") >= {"SC-8", "SC-8(1)"}
