"""Providers that lie about usage, that are slow piece by piece, and that generate as much as they may."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.witness.answers import Answer, Piece
from conformance.witness.asked import read
from conformance.witness.classes import HIDDEN, Classes, billed, told
from conformance.witness.faults import failing, fault, talkative
from conformance.witness.ledger import Usage


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


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(HIDDEN))
def test_classes_are_parts_of_what_is_told_and_billed_as_the_rest(
    prompt: int, completion: int, classes: Classes
) -> None:
    used = Usage(prompt, completion)
    details = told(used, classes, "prompt", "completion")

    assert details["completion_tokens_details"][f"{classes}_tokens"] == completion - 1
    assert sum(details["prompt_tokens_details"].values()) <= prompt
    assert billed(used, classes) == used
    assert told(used, "plain", "prompt", "completion") == {}


@given(st.integers(1, 10**6))
def test_what_was_cached_costs_a_tenth_at_the_least(prompt: int) -> None:
    least = billed(Usage(prompt, 1), "cached").prompt

    assert 10 * (least - 1) >= told(Usage(prompt, 1), "cached", "a", "b")["a_tokens_details"]["cached_tokens"]
    assert least <= prompt


@pytest.mark.parametrize(("stream", "longer"), [(True, 100), (False, 0)])
def test_a_padded_stream_says_the_same_in_more_bytes(stream: bool, longer: int) -> None:
    piece = Piece(b'data: {"text": "a"}\n\n', "a")
    chosen = fault("padded-100")
    assert chosen is not None

    (padded,) = failing(Answer(status=200, headers=(), pieces=(piece,)), chosen, stream=stream).pieces

    said = json.loads(padded.data.removeprefix(b"data: "))
    assert said["text"] == "a"
    assert len(said.get("obfuscation", "")) == longer
