"""Chat completions that come in chunks, as the events of a message."""

import json
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from reference_gateway.content.messages import ChatToMessages
from reference_gateway.content.meter import Usage
from tests.reference_gateway.translating import CALLS, ODD, answer, call, known, tool_use
from tests.reference_gateway.unhurried import UNHURRIED

EVENTS: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
FIELDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


def chunk(finish: Any = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c9", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def events(*chunks: Any, bill: Usage | None = None) -> list[dict[str, Any]]:
    """The events of a stream, each of which must be one for Anthropic and named as it is."""
    translation = ChatToMessages("m")
    shown = b"".join(b"".join(translation.feed(one)) for one in chunks) + b"".join(translation.finish(bill))
    said = []
    for one in shown.split(b"\n\n")[:-1]:
        name, data = one.split(b"\n")
        said.append(json.loads(data.removeprefix(b"data: ")))
        EVENTS.validate_python(said[-1], strict=True)
        assert name == b"event: " + said[-1]["type"].encode()
    return said


def gathered(said: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the events make, each block of which must end before the next begins."""
    start, *middle, last, stop = said
    message: dict[str, Any] = start["message"]
    texts: list[str] = []
    for one in middle:
        match one:
            case {"type": "content_block_start", "index": place, "content_block": block}:
                assert place == len(message["content"])
                message["content"].append(block)
                texts.clear()
            case {"type": "content_block_delta", "index": place, "delta": delta}:
                assert place == len(message["content"]) - 1
                texts.append(delta[FIELDS[delta["type"]]])
            case {"type": "content_block_stop", "index": place}:
                assert place == len(message["content"]) - 1
                _fill(message["content"][-1], "".join(texts))
            case _:
                raise AssertionError("an event out of place")
    assert (start["type"], last["type"], stop) == ("message_start", "message_delta", {"type": "message_stop"})
    assert sum(one["type"] == "content_block_stop" for one in middle) == len(message["content"])
    return known({**message, **last["delta"], "usage": {**message["usage"], **last["usage"]}})


def _fill(block: dict[str, Any], said: str) -> None:
    match block["type"]:
        case "tool_use":
            block["input"] = json.loads(said or "{}")
        case kind:
            block[kind] += said


REASONS: list[tuple[dict[str, Any], Any, str]] = [
    ({"content": "a"}, "stop", "end_turn"),
    ({"content": "a"}, "length", "max_tokens"),
    ({"content": "a"}, "content_filter", "refusal"),
    ({"content": "a"}, "model_length", "model_context_window_exceeded"),
    ({"content": "a"}, None, "end_turn"),
    ({"content": "a"}, "eos", "end_turn"),
    ({"content": "a"}, [], "end_turn"),
    ({"content": "a"}, "tool_calls", "end_turn"),
    ({"refusal": "no"}, "stop", "refusal"),
    ({"tool_calls": [call(index=0)]}, "tool_calls", "tool_use"),
    ({"tool_calls": [call(index=0)]}, "stop", "tool_use"),
    ({"tool_calls": [call(index=0)]}, "length", "max_tokens"),
]


@pytest.mark.parametrize(("message", "finish", "reason"), REASONS)
def test_the_reason_of_the_end_is_anthropics_whole_and_streamed(
    message: dict[str, Any], finish: Any, reason: str
) -> None:
    assert answer(message, finish)["stop_reason"] == reason
    assert gathered(events(chunk(**message), chunk(finish)))["stop_reason"] == reason


def test_a_stream_begins_at_once_and_says_at_its_end_what_it_cost() -> None:
    first, *_, last, _ = events(chunk(role="assistant"), chunk("stop"), bill=Usage(9, 4, 2, 3))

    assert (first["message"]["id"], first["message"]["model"]) == ("c9", "m")
    assert first["message"]["usage"]["output_tokens"] == 0
    assert last["usage"] == {
        "input_tokens": 4,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 3,
        "output_tokens": 4,
    }


def test_text_goes_on_as_it_comes() -> None:
    translation = ChatToMessages("m")
    list(translation.feed(chunk(content="a")))

    [shown] = translation.feed(chunk(content="b"))

    assert b'{"type":"text_delta","text":"b"}' in shown


def test_arguments_go_on_as_they_come() -> None:
    translation = ChatToMessages("m")
    list(translation.feed(chunk(tool_calls=[call("", index=0)])))

    [shown] = translation.feed(chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a'}}]))

    assert b'"partial_json":"{\\"a"' in shown


def test_a_call_ends_where_the_next_begins() -> None:
    translation = ChatToMessages("m")
    list(translation.feed(chunk(tool_calls=[call(index=0)])))

    shown = b"".join(translation.feed(chunk(tool_calls=[call(index=1, id="c2")])))

    assert [line for line in shown.splitlines() if line.startswith(b"event")] == [
        b"event: content_block_stop",
        b"event: content_block_start",
        b"event: content_block_delta",
    ]


@pytest.mark.parametrize(
    "calls",
    [
        [call(index=0), call(index=0, id="c2")],
        [call(), call(id="c2")],
        [call('{"a"', index=0), call(":1}", index=0), call(index=1, id="c2")],
        [call("", index=0), call(index=1, id="c2"), {"index": 0, "function": {"arguments": '{"a":1}'}}],
        [call('{"a":1} ', index=0), call(index=1, id="c2"), {"index": 0, "function": {"arguments": " "}}],
    ],
    ids=["one place", "no places", "id and name repeated", "interleaved", "spaces after the end"],
)
def test_calls_are_told_apart_however_they_are_numbered(calls: list[dict[str, Any]]) -> None:
    message = gathered(events(*(chunk(tool_calls=[one]) for one in calls), chunk("tool_calls")))

    assert message["content"] == [tool_use({"a": 1}), tool_use({"a": 1}, 2)]


def test_calls_without_ids_or_places_are_as_many_as_there_are_names() -> None:
    message = gathered(events(chunk(tool_calls=[call(id=""), call(id=None)])))

    ids = {block["id"] for block in message["content"]}
    assert len(ids) == 2


def test_fragments_of_a_call_that_nobody_named_are_nobodys() -> None:
    stray = {"index": 3, "id": "c7", "function": {"arguments": "{}"}}

    assert gathered(events(chunk(content="a", tool_calls=[stray])))["content"] == [
        {"type": "text", "text": "a"}
    ]


def test_text_after_a_call_is_a_block_of_its_own() -> None:
    message = gathered(events(chunk(content="a", tool_calls=[call(index=0)]), chunk(content="b")))

    assert [block["type"] for block in message["content"]] == ["text", "tool_use", "text"]


@pytest.mark.parametrize("arguments", ['{"city": "B', "no json", "[1]"])
def test_arguments_that_are_no_object_are_streamed_as_they_are(arguments: str) -> None:
    said = events(chunk(tool_calls=[call(arguments, index=0)]), chunk(tool_calls=[call(index=1, id="c2")]))

    told = [one["delta"]["partial_json"] for one in said if one["type"] == "content_block_delta"]
    assert told == [arguments, '{"a":1}']


# --- whatever is sent --------------------------------------------------------------------------------------

ARGUMENTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=2)


@st.composite
def streams(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A message, and the deltas that it comes in; the pieces of its calls lie among one another."""

    def cut(said: str) -> list[str]:
        at = draw(st.integers(0, len(said)))
        return [said[:at], said[at:]]

    thought, text = draw(st.text(max_size=5)), draw(st.text(max_size=5))
    calls = [
        call(json.dumps(arguments), id=f"c{place}", index=place)
        for place, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=4)))
    ]
    deltas: list[dict[str, Any]] = [{"reasoning_content": piece} for piece in cut(thought)]
    deltas += [{"content": piece} for piece in cut(text)]
    pieces = {one["index"]: cut(one["function"]["arguments"]) for one in calls}
    for place in draw(st.permutations([place for place in pieces for _ in range(2)])):
        first, function = len(pieces[place]) == 2, {"arguments": pieces[place].pop(0)}
        named = (
            {"id": f"c{place}", "function": {**function, "name": "f"}} if first else {"function": function}
        )
        deltas.append({"tool_calls": [{"index": place, **named}]})
    return {"reasoning_content": thought, "content": text, "tool_calls": calls}, deltas


@settings(UNHURRIED, max_examples=200)
@given(stream=streams())
def test_a_stream_makes_the_message_of_the_whole_however_its_calls_are_interleaved(
    stream: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    message, deltas = stream

    made = gathered(events(*(chunk(**delta) for delta in deltas), chunk("stop")))

    # Calls stand in the order of their beginnings.
    made["content"].sort(key=lambda block: block.get("id", ""))
    assert made == answer(message)


DELTAS = ODD | st.fixed_dictionaries(
    {},
    optional={
        "content": ODD,
        "refusal": ODD,
        "reasoning": ODD,
        "tool_calls": st.lists(CALLS | ODD, max_size=3),
    },
)
CHOICES = st.fixed_dictionaries({"delta": DELTAS}, optional={"index": ODD, "finish_reason": ODD})
CHUNKS = st.fixed_dictionaries({}, optional={"id": ODD, "choices": ODD | st.lists(CHOICES | ODD, max_size=2)})


@settings(UNHURRIED, max_examples=200)
@given(chunks=st.lists(CHUNKS, max_size=5))
def test_any_chunks_make_events_in_their_order(chunks: list[dict[str, Any]]) -> None:
    started, *middle, last, stopped = events(*chunks)

    assert (started["type"], last["type"], stopped["type"]) == (
        "message_start",
        "message_delta",
        "message_stop",
    )
    kinds = [one["type"] for one in middle]
    places = [one["index"] for one in middle]
    assert places == sorted(places)
    assert set(places) == set(range(kinds.count("content_block_start")))
    for place in set(places):
        start, *deltas, stop = [one["type"] for one in middle if one["index"] == place]
        assert (start, stop) == ("content_block_start", "content_block_stop")
        assert set(deltas) <= {"content_block_delta"}
