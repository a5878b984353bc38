import json
from typing import Any

import pytest
from hypothesis import given

from reference_gateway.content.meter import Usage
from reference_gateway.content.opener import unsealed
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault
from tests.reference_gateway.asking import HELLO, forwarded, read, refusal
from tests.reference_gateway.streaming import COMMENT, CUTS, LINE_ENDS, cut, fed, named, played, whole
from tests.reference_gateway.unhurried import UNHURRIED

MESSAGES = Endpoint.MESSAGES
INPUT = {"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 5}
START = named(
    {"type": "message_start", "message": {"role": "assistant", "usage": {**INPUT, "output_tokens": 1}}}
)
TEXT = named(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "message_stop"}}
)
LAST_COUNT = named(
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
)
STOP = named({"type": "message_stop"})
BILL = Usage(28, 7, cached_tokens=20, written_tokens=5)


def test_a_request_is_passed_on_as_it_is() -> None:
    fields = {
        "system": "be brief",
        "stop_sequences": ["a"],
        "temperature": 1.0,
        "metadata": {"user_id": "u"},
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "messages": [
            *HELLO,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]},
        ],
    }

    assert forwarded(read(MESSAGES, fields)) == {"model": "vendor/m", "max_tokens": 7, **fields}


@pytest.mark.parametrize("value", [0, 101, True, "5", 2.0])
def test_the_bound_is_a_count_that_the_model_can_keep(value: Any) -> None:
    assert refusal(MESSAGES, {"max_tokens": value}, limited=False).param == "max_tokens"


@pytest.mark.parametrize(("budget", "bound"), [(5, 7), (50, 50)])
def test_thinking_is_part_of_the_completion(budget: int, bound: int) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}

    assert read(MESSAGES, {"thinking": thinking}).completion_bound == bound


@pytest.mark.parametrize(
    ("usage", "bill"),
    [
        ({**INPUT, "output_tokens": 7}, BILL),
        ({"input_tokens": 3, "output_tokens": 7}, Usage(3, 7)),
        ({"input_tokens": 3, "output_tokens": 7, "cache_read_input_tokens": None}, Usage(3, 7)),
        ({"input_tokens": 3}, None),
        ({"input_tokens": 3, "output_tokens": -1}, None),
        ({}, None),
    ],
)
def test_tokens_of_the_cache_are_part_of_the_prompt(usage: Any, bill: Usage | None) -> None:
    assert whole(read(MESSAGES, {}).form, {"type": "message", "usage": usage}) == bill


@UNHURRIED
@given(cuts=CUTS, line_end=LINE_ENDS)
def test_a_stream_is_forwarded_and_billed_the_same_however_it_is_cut(
    cuts: list[int], line_end: bytes
) -> None:
    stream = (START + COMMENT + TEXT + LAST_COUNT + STOP).replace(b"\n", line_end)

    assert played(read(MESSAGES, {}).form, *cut(stream, cuts)) == (stream, BILL)


def test_the_last_event_is_kept_back_until_the_bill_is_known() -> None:
    reader = read(MESSAGES, {}).form.stream()

    assert fed(reader, START + LAST_COUNT + STOP) == START + LAST_COUNT
    assert unsealed(reader.end()) == STOP


def test_later_counts_replace_earlier_ones() -> None:
    late = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 4, "output_tokens": 9}}

    _, bill = played(read(MESSAGES, {}).form, START + LAST_COUNT + named(late) + STOP)

    assert bill == Usage(29, 9, cached_tokens=20, written_tokens=5)


@pytest.mark.parametrize("seen", [START, START + LAST_COUNT, b""])
def test_counts_of_a_stream_that_was_cut_are_no_bill(seen: bytes) -> None:
    reader = read(MESSAGES, {}).form.stream()
    fed(reader, seen)

    assert not reader.done
    assert reader.final_usage is None


def test_counts_that_are_not_credible_spoil_those_before_them() -> None:
    absurd = named({"type": "message_delta", "delta": {}, "usage": {"output_tokens": -1}})

    _, bill = played(read(MESSAGES, {}).form, START + LAST_COUNT + absurd + STOP)

    assert bill is None


def test_a_fault_is_said_in_anthropics_words() -> None:
    name, data, *rest = read(MESSAGES, {}).form.stream().fault(Fault.LIMIT).split(b"\n")

    said = json.loads(data.removeprefix(b"data: "))
    assert (name, rest) == (b"event: error", [b"", b""])
    assert said == {
        "type": "error",
        "error": {"type": "billing_error", "message": Fault.LIMIT.value.message},
    }
