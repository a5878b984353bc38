"""Anthropic's shape at a provider that speaks chat completions only."""

import json
from typing import Any

import pytest
from hypothesis import given

from reference_gateway.config_file import Offer
from reference_gateway.content.envelope import Envelope
from reference_gateway.content.meter import Usage
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway import asking
from tests.reference_gateway.asking import MODEL, SIGHTED, forwarded, offering
from tests.reference_gateway.streaming import COMMENT, CUTS, DONE, LINE_ENDS, cut, event, fed, played
from tests.reference_gateway.unhurried import UNHURRIED

CHATTING = offering(MODEL, Offer.CHAT)
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 2},
}
BILL = Usage(9, 4, cached_tokens=2)


def read(fields: dict[str, Any], *, limited: bool = True) -> Envelope:
    return asking.read(Endpoint.MESSAGES, fields, limited=limited, model=CHATTING)


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "model": "vendor/m", "choices": [choice]})


CHUNKS = (
    chunk({"role": "assistant", "content": ""})
    + COMMENT
    + chunk({"content": "one "})
    + chunk({"content": 'two "usage"'})
    + chunk({}, "stop")
)
STREAM = CHUNKS + event({"id": "c1", "choices": [], "usage": USAGE}) + DONE


def shown_events(stream: bytes) -> list[dict[str, Any]]:
    data = [line.removeprefix(b"data: ") for line in stream.splitlines() if line.startswith(b"data: ")]
    return [json.loads(one) for one in data]


def test_the_request_goes_to_chat_completions() -> None:
    envelope = read({"system": "be brief", "stream": True})

    body = forwarded(envelope)
    assert envelope.offer is Offer.CHAT
    assert envelope.endpoint is Endpoint.MESSAGES
    assert envelope.stream
    assert body["model"] == "vendor/m"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["stream_options"] == {"include_usage": True}
    assert "system" not in body


def test_the_bound_of_the_caller_is_the_providers() -> None:
    envelope = read({"max_tokens": 20})

    body = forwarded(envelope)
    assert 20 in {body.get("max_tokens"), body.get("max_completion_tokens")}
    assert envelope.completion_bound == 20


def test_what_is_translated_is_counted_as_it_is_forwarded() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}
    model = offering(SIGHTED, Offer.CHAT)

    envelope = asking.read(
        Endpoint.MESSAGES, {"messages": [{"role": "user", "content": [image]}]}, model=model
    )

    assert b"data:image/png;base64,aaaa" in unsealed(envelope.body)
    assert envelope.prompt_bound == len(envelope.body) + asking.OVERHEAD + 50


def test_all_that_a_limited_key_may_ask_of_anthropic_it_may_ask_of_others() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [image], "is_error": True}
    fields = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
            {"role": "assistant", "content": [thought, use]},
            {"role": "user", "content": [result]},
        ],
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "stop_sequences": ["a"],
        "temperature": 0.5,
        "top_k": 5,
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": True}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 50},
        "output_config": {"format": {"type": "json_schema", "schema": {}}},
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
    }

    envelope = asking.read(Endpoint.MESSAGES, fields, model=offering(SIGHTED, Offer.CHAT))

    assert [message["role"] for message in forwarded(envelope)["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "user",
    ]
    assert envelope.prompt_bound == len(envelope.body) + asking.OVERHEAD + 2 * 50


def test_what_has_no_bounded_cost_is_refused_before_it_is_translated() -> None:
    with pytest.raises(RefusalError) as refused:
        read({"speed": "fast"})
    assert refused.value.fault is Fault.UNBILLABLE_FIELD


def test_an_answer_is_shown_as_a_message_and_billed_as_a_completion() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    answer = {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": USAGE}

    shown, bill = read({}).form.whole(Sealed(json.dumps(answer).encode()))

    message = json.loads(unsealed(shown))
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "m")
    assert message["content"] == [{"type": "text", "text": "hi"}]
    assert message["stop_reason"] == "end_turn"
    assert bill == BILL


@pytest.mark.parametrize("answer", [b"", b"no json", b"[]", b"\xff"])
def test_an_answer_without_a_meaning_is_the_providers_fault(answer: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        read({}).form.whole(Sealed(answer))
    assert refused.value.fault is Fault.PROVIDER_FAILED


def told_of_arguments(depth: int) -> str:
    function = {"name": "f", "arguments": '{"a":' * depth + "1" + "}" * depth}
    answer = {
        "choices": [{"message": {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}}]
    }
    try:
        shown, _ = read({}).form.whole(Sealed(json.dumps(answer).encode()))
    except RefusalError as refused:
        return refused.fault.name
    return "wrapped" if b"INVALID_JSON" in unsealed(shown) else "shown"


def test_arguments_of_any_depth_are_shown_or_the_providers_fault() -> None:
    told = {told_of_arguments(depth) for depth in range(600, 1100)}

    assert "shown" in told
    assert told & {"wrapped", "PROVIDER_FAILED"}
    assert told <= {"shown", "wrapped", "PROVIDER_FAILED"}


def test_a_stream_is_shown_in_anthropics_events() -> None:
    shown, bill = played(read({"stream": True}).form, STREAM)

    events = shown_events(shown)
    texts = [one["delta"]["text"] for one in events if one["type"] == "content_block_delta"]
    assert events[0]["type"] == "message_start"
    assert "".join(texts) == 'one two "usage"'
    assert [one["type"] for one in events][-2:] == ["message_delta", "message_stop"]
    assert COMMENT in shown
    assert bill == BILL


def test_the_count_of_a_stream_comes_before_its_end_and_after_its_bill() -> None:
    reader = read({"stream": True}).form.stream()

    before = shown_events(fed(reader, STREAM))
    after = shown_events(unsealed(reader.end()))

    assert reader.done
    assert "message_stop" not in {one["type"] for one in before}
    assert after[-1]["type"] == "message_stop"


@UNHURRIED
@given(cuts=CUTS, line_end=LINE_ENDS)
def test_a_stream_is_shown_and_billed_the_same_however_it_is_cut(cuts: list[int], line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    form = read({"stream": True}).form

    (at_once, bill), (in_pieces, other) = played(form, stream), played(form, *cut(stream, cuts))

    assert shown_events(at_once.replace(b"\r", b"\n")) == shown_events(in_pieces.replace(b"\r", b"\n"))
    assert bill == other == BILL


def test_a_providers_error_in_the_stream_is_an_error_in_anthropics_words() -> None:
    reader = read({"stream": True}).form.stream()

    shown = fed(reader, CHUNKS + event({"error": {"message": "in the provider's words"}}))

    assert shown_events(shown)[-1]["error"]["type"] == "api_error"
    assert b"in the provider's words" not in shown


@pytest.mark.parametrize(
    "odd",
    [[], 1, None, {}, {"choices": None}, {"choices": [1]}, {"choices": [{"delta": None}]}],
)
def test_an_odd_chunk_breaks_nothing(odd: Any) -> None:
    shown, bill = played(
        read({"stream": True}).form, CHUNKS + event(odd) + event({"choices": [], "usage": USAGE}) + DONE
    )

    assert shown_events(shown)[-1]["type"] == "message_stop"
    assert bill == BILL


def test_a_number_of_any_length_breaks_nothing() -> None:
    long = b'data: {"choices": [{"delta": {"content": ' + b"1" * 5000 + b"}}]}\n\n"

    shown, bill = played(read({"stream": True}).form, CHUNKS + long + STREAM)

    assert shown_events(shown)[-1]["type"] == "message_stop"
    assert bill == BILL


def test_a_fault_is_said_in_anthropics_words() -> None:
    said = read({"stream": True}).form.stream().fault(Fault.PROVIDER_CUT)

    assert said.startswith(b"event: error\n")
    assert shown_events(said)[0]["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    ("status", "answer", "kind", "message"),
    [
        (400, {"error": {"message": "too warm", "type": "t"}}, "invalid_request_error", "too warm"),
        (413, {"error": {"message": "too long"}}, "request_too_large", "too long"),
        (
            400,
            {"detail": "in a form of its own"},
            "invalid_request_error",
            "The provider refused the request.",
        ),
    ],
)
def test_a_refusal_is_said_in_anthropics_form(status: int, answer: Any, kind: str, message: str) -> None:
    shown = read({}).form.refused(status, Sealed(json.dumps(answer).encode()))

    assert json.loads(unsealed(shown)) == {"type": "error", "error": {"type": kind, "message": message}}
