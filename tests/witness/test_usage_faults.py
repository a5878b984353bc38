"""Providers that lie about usage, that are slow piece by piece, and that generate as much as they may."""

import json

import pytest

from conformance.witness.asked import read
from conformance.witness.faults import fault, talkative


@pytest.mark.parametrize(
    ("name", "delay", "pace"), [("slow-250", 0.25, 0.0), ("paced-5", 0.0, 0.005), ("paced-0", 0.0, 0.0)]
)
def test_a_fault_may_carry_its_milliseconds(name: str, delay: float, pace: float) -> None:
    found = fault(name)

    assert found is not None
    assert (found.delay, found.pace) == (delay, pace)


@pytest.mark.parametrize(
    ("field", "tokens"),
    [
        ({}, 4096),
        ({"max_tokens": 0}, 4096),
        ({"max_tokens": -5}, 4096),
        ({"max_tokens": 1.5}, 4096),
        ({"max_tokens": "1"}, 4096),
        ({"max_tokens": None}, 4096),
        ({"max_tokens": 7}, 7),
    ],
)
def test_a_talkative_provider_generates_its_most_where_nobody_bounds_it(
    field: dict[str, object], tokens: int
) -> None:
    asked, chosen = read("chat", json.dumps({"model": "m", **field}).encode()), fault("verbose-4096")

    assert asked is not None
    assert chosen is not None
    assert talkative(asked, chosen).max_tokens == tokens


@pytest.mark.parametrize("name", ["paced-", "verbose", "paced-1234567", "negative"])
def test_what_is_no_fault_is_none(name: str) -> None:
    assert fault(name) is None
