import json
from typing import Any

import pytest
from hypothesis import given

from reference_gateway.content.meter import Usage
from reference_gateway.content.opener import unsealed
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault
from tests.reference_gateway.asking import forwarded, read, refusal
from tests.reference_gateway.streaming import COMMENT, CUTS, LINE_ENDS, cut, fed, named, played, whole
from tests.reference_gateway.unhurried import UNHURRIED

RESPONSES = Endpoint.RESPONSES
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 13,
}
CREATED = named({"type": "response.created", "response": {"status": "in_progress", "usage": None}})
DELTA = named({"type": "response.output_text.delta", "delta": 'say "usage" and response.completed'})
COMPLETED = named({"type": "response.completed", "response": {"status": "completed", "usage": USAGE}})


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("asked", [{}, {"store": True}, {"store": False}, {"store": None}])
def test_nothing_is_ever_stored(asked: dict[str, Any], limited: bool) -> None:
    assert forwarded(read(RESPONSES, asked, limited=limited))["store"] is False


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize(
    ("fields", "fault", "param"),
    [
        ({"previous_response_id": "resp_1"}, Fault.PREVIOUS_RESPONSE, "previous_response_id"),
        ({"conversation": "conv_1"}, Fault.PREVIOUS_RESPONSE, "conversation"),
        ({"conversation": {"id": "conv_1"}}, Fault.PREVIOUS_RESPONSE, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, Fault.STORED_PROMPT, "prompt"),
        ({"background": True}, Fault.BACKGROUND, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, Fault.PREVIOUS_RESPONSE, "input"),
        ({"input": [{"type": None, "id": "msg_1"}]}, Fault.PREVIOUS_RESPONSE, "input"),
        ({"input": [{"id": "msg_1"}]}, Fault.PREVIOUS_RESPONSE, "input"),
    ],
)
def test_what_needs_stored_state_is_refused_in_words_of_its_own(
    fields: dict[str, Any], fault: Fault, param: str, limited: bool
) -> None:
    refused = refusal(RESPONSES, fields, limited=limited)

    assert (refused.fault, refused.param) == (fault, param)


def test_saying_no_to_state_is_fine() -> None:
    fields = {"previous_response_id": None, "conversation": None, "prompt": None, "background": False}

    assert fields.items() <= forwarded(read(RESPONSES, fields)).items()


def test_the_provider_gets_a_bound_on_its_answer() -> None:
    envelope = read(RESPONSES, {})

    assert forwarded(envelope)["max_output_tokens"] == 100
    assert envelope.completion_bound == 100


def test_a_bound_of_the_caller_stands() -> None:
    assert read(RESPONSES, {"max_output_tokens": 20}).completion_bound == 20


@pytest.mark.parametrize("value", [0, 101, True, "5", 2.0])
def test_the_bound_is_a_count_that_the_model_can_keep(value: Any) -> None:
    assert refusal(RESPONSES, {"max_output_tokens": value}).param == "max_output_tokens"


def test_a_conversation_with_tools_and_reasoning_passes() -> None:
    text = {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}
    items = [
        {"role": "user", "content": "a"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAAA"},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "1"}]},
    ]
    fields = {
        "input": items,
        "instructions": "be brief",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "truncation": "disabled",
    }

    assert fields.items() <= forwarded(read(RESPONSES, fields)).items()


@pytest.mark.parametrize(
    ("usage", "bill"),
    [
        (USAGE, Usage(9, 4, 2)),
        ({"input_tokens": 9, "output_tokens": 4}, Usage(9, 4)),
        ({"input_tokens": 9, "output_tokens": 4, "input_tokens_details": None}, Usage(9, 4)),
        (
            {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cache_write_tokens": 5}},
            Usage(9, 4, 0, 5),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 4}, None),
        (None, None),
    ],
)
def test_a_response_is_billed_by_its_usage(usage: Any, bill: Usage | None) -> None:
    assert whole(read(RESPONSES, {}).form, {"object": "response", "usage": usage}) == bill


@UNHURRIED
@given(cuts=CUTS, line_end=LINE_ENDS)
def test_a_stream_is_forwarded_and_billed_the_same_however_it_is_cut(
    cuts: list[int], line_end: bytes
) -> None:
    stream = (CREATED + COMMENT + DELTA + COMPLETED).replace(b"\n", line_end)

    assert played(read(RESPONSES, {}).form, *cut(stream, cuts)) == (stream, Usage(9, 4, 2))


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_the_event_that_ends_the_stream_is_kept_back_until_the_bill_is_known(kind: str) -> None:
    last = named({"type": f"response.{kind}", "response": {"usage": USAGE}})
    reader = read(RESPONSES, {}).form.stream()

    assert fed(reader, DELTA + last + DELTA) == DELTA
    assert reader.done
    assert reader.final_usage == Usage(9, 4, 2)
    assert unsealed(reader.end()) == last


def test_a_failure_without_usage_has_no_bill() -> None:
    failed = named({"type": "response.failed", "response": {"status": "failed", "usage": None}})

    assert played(read(RESPONSES, {}).form, failed) == (failed, None)


def test_a_stream_that_just_stops_is_not_complete() -> None:
    reader = read(RESPONSES, {}).form.stream()
    error = named({"type": "error", "code": "c", "message": "m", "param": None, "sequence_number": 1})

    assert fed(reader, CREATED + DELTA + error) == CREATED + DELTA + error
    assert not reader.done
    assert reader.final_usage is None


def test_a_fault_is_said_in_an_event_that_the_official_client_raises_on() -> None:
    name, data, *rest = read(RESPONSES, {}).form.stream().fault(Fault.PROVIDER_CUT).split(b"\n")

    said = json.loads(data.removeprefix(b"data: "))
    assert (name, rest) == (b"event: error", [b"", b""])
    assert (said["type"], said["code"], said["error"]["code"]) == ("error", "provider_cut", "provider_cut")
