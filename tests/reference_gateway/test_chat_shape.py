from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault
from tests.reference_gateway.asking import HELLO, forwarded, read, refusal
from tests.reference_gateway.unhurried import UNHURRIED

CHAT = Endpoint.CHAT


def test_the_provider_gets_a_bound_on_its_answer() -> None:
    assert forwarded(read(CHAT, {})) == {"model": "vendor/m", "messages": HELLO, "max_tokens": 100}


def test_a_key_without_a_limit_gets_no_bound_imposed() -> None:
    assert forwarded(read(CHAT, {}, limited=False)) == {"model": "vendor/m", "messages": HELLO}


def test_a_stream_always_asks_the_provider_for_usage() -> None:
    envelope = read(CHAT, {"stream": True, "stream_options": {"include_usage": False}})

    assert envelope.stream
    assert forwarded(envelope)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({}, 100),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 6, "max_completion_tokens": 5, "n": 3}, 18),
        ({"max_tokens": None, "n": None}, 100),
        ({"n": 128}, 12_800),
    ],
)
def test_the_completion_is_bounded_by_all_that_multiplies_it(fields: dict[str, Any], bound: int) -> None:
    assert read(CHAT, fields).completion_bound == bound


COUNTS = st.none() | st.integers(1, 100)


@UNHURRIED
@given(one=COUNTS, other=COUNTS, n=st.none() | st.integers(1, 128), limited=st.booleans())
def test_whichever_field_the_provider_obeys_it_stays_within_the_bound(
    one: int | None, other: int | None, n: int | None, limited: bool
) -> None:
    envelope = read(CHAT, {"max_tokens": one, "max_completion_tokens": other, "n": n}, limited=limited)

    body = forwarded(envelope)
    obeyed = [body[name] for name in ("max_tokens", "max_completion_tokens") if body[name] is not None] or [
        100
    ]
    assert envelope.completion_bound == max(obeyed) * (body["n"] or 1)


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, True, "5", [], 10**30, 101 * 10**6])
def test_counts_are_positive_integers_in_bounds(name: str, value: Any, limited: bool) -> None:
    refused = refusal(CHAT, {name: value}, limited=limited)

    assert refused.fault in {Fault.BAD_VALUE, Fault.TOO_MANY_TOKENS}
    assert refused.param == name


def test_more_tokens_than_the_model_makes_are_refused_as_such() -> None:
    assert refusal(CHAT, {"max_tokens": 101}).fault is Fault.TOO_MANY_TOKENS


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}},
        {"logprobs": True, "top_logprobs": 3},
        {"logit_bias": {"50256": -100}},
        {"reasoning_effort": "high", "verbosity": "low"},
        {"temperature": 0.5, "top_p": 1, "seed": 1, "stop": ["a"], "user": "u"},
        {"functions": [{"name": "f"}], "function_call": "auto"},
    ],
    ids=str,
)
def test_what_costs_nothing_beyond_its_bytes_passes(fields: dict[str, Any]) -> None:
    assert fields.items() <= forwarded(read(CHAT, fields)).items()


def test_tools_and_tool_answers_pass() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a"}]},
    ]
    fields = {"messages": messages, "tools": [tool], "tool_choice": "auto", "parallel_tool_calls": False}

    assert fields.items() <= forwarded(read(CHAT, fields)).items()
