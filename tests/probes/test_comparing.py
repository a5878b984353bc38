"""What was sent and what arrived, compared by meaning; and answers put together from pieces."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.assembled import Choice, answer_text, choices, vectors
from conformance.probes.comparing import (
    answers,
    earlier_calls,
    message_texts,
    parameter,
    parameter_elsewhere,
    same,
    texts,
    texts_elsewhere,
)
from conformance.probes.door import Answer, NoAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("sent", "got", "alike"),
    [
        (1, 1.0, True),
        (0.5, 0.5, True),
        (0.25, 0.3, False),
        (True, 1, False),
        (False, 0, False),
        (False, None, False),
        ("a", "a ", False),
        (["a"], "a", True),
        (["a", "b"], "a", False),
        (["a"], ["a", "b"], False),
        ({"a": 1}, {"a": 1.0, "b": None}, True),
        ({"a": 1}, {"a": 1, "strict": False}, True),
        ({"a": 1}, {"a": 1, "b": "said by nobody"}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, False),
    ],
)
def test_values_are_the_same_where_they_mean_the_same(sent: Any, got: Any, alike: bool) -> None:
    assert same(sent, got) is alike


@given(value=JSON)
def test_a_value_is_the_same_after_any_encoding_of_it(value: Any) -> None:
    assert same(value, json.loads(json.dumps(value, indent=2, ensure_ascii=False)))


@pytest.mark.parametrize(
    ("name", "document", "came"),
    [
        ("seed", {"seed": 7}, "unchanged"),
        ("seed", {"seed": 8}, "changed"),
        ("seed", {}, "missing"),
        ("seed", {"seed": None}, "missing"),
        ("max_tokens", {"max_completion_tokens": 7}, "unchanged"),
        ("max_tokens", {"max_tokens": 9, "max_output_tokens": 7}, "unchanged"),
        ("max_tokens", {"max_tokens": 9}, "changed"),
    ],
)
def test_a_bound_may_have_the_name_that_a_newer_api_gives_it(name: str, document: Any, came: str) -> None:
    assert parameter(name, 7, document) == came


TOOL = {"type": "function", "function": {"name": "look_at_harbour", "description": "tells what lies there"}}


@pytest.mark.parametrize(
    ("name", "sent", "document", "came"),
    [
        ("seed", 7, {}, None),
        ("store", False, {}, None),
        ("stop", ["the very end of it"], {}, None),
        ("max_tokens", 7, {"max_output_tokens": 7}, "unchanged"),
        (
            "tools",
            [TOOL],
            {"tools": [{"name": "look_at_harbour", "docs": "tells what lies there"}]},
            "unchanged",
        ),
        ("tools", [TOOL], {"tools": [{"name": "look_at_harbour"}]}, "changed"),
        ("tools", [TOOL], {}, "missing"),
    ],
)
def test_in_another_api_texts_are_looked_for_wherever_they_stand(
    name: str, sent: Any, document: Any, came: str | None
) -> None:
    assert parameter_elsewhere(name, sent, document) == came


@pytest.mark.parametrize(
    ("got", "came"),
    [
        (["one", "two"], "unchanged"),
        (["rules", "one", "two"], "added to"),
        (["one and more", "two"], "added to"),
        (["two", "one"], "added to"),
        (["one"], "changed"),
        (["on", "two"], "changed"),
        ([], "missing"),
    ],
)
def test_texts_arrive_all_and_in_their_order_or_it_is_told_how_not(got: list[str], came: str) -> None:
    assert texts(["one", "two"], got) == came


def test_texts_stand_in_a_request_of_any_shape() -> None:
    document = {"system": "be a harbour master", "input": [{"parts": ["hello"]}]}

    assert texts_elsewhere(["harbour master", "hello"], document) == "unchanged"
    assert texts_elsewhere(["hello", "good-bye"], document) == "changed"
    assert texts_elsewhere(["good-bye"], document) == "missing"


def test_texts_of_messages_are_read_from_strings_and_parts() -> None:
    messages = [
        {"role": "system", "content": "a"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "u"}}],
        },
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None},
        "nonsense",
    ]

    assert message_texts(messages) == ["a", "b"]
    assert message_texts({"messages": messages}) == []


def test_arguments_of_earlier_calls_are_compared_as_json() -> None:
    def document(arguments: str) -> dict[str, Any]:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        return {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}

    assert same(earlier_calls(document('{"a": 1}')), earlier_calls(document('{"a":1}')))
    assert not same(earlier_calls(document('{"a": 1}')), earlier_calls(document('{"a": 2}')))
    assert earlier_calls(document("no JSON")) == [("f", "no JSON")]


# --- answers -----------------------------------------------------------------------------------------------


def whole(text: str | None, finish: str, *tools: tuple[str, str]) -> bytes:
    """An answer in one document."""
    calls = [{"id": "c", "type": "function", "function": {"name": n, "arguments": a}} for n, a in tools]
    message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}]}).encode()


def events(*deltas: dict[str, Any], finish: str) -> bytes:
    """The same as a stream."""
    pieces: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    pieces.append({"index": 0, "delta": {}, "finish_reason": finish})
    lines = [b"data: " + json.dumps({"choices": [piece]}).encode() for piece in pieces]
    return b"\n\n".join([*lines, b": a comment", b"data: [DONE]", b""])


def test_a_stream_says_what_the_whole_answer_says() -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": '{"a"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    streamed = events(
        {"content": "he"}, {"content": "llo"}, {"tool_calls": [call]}, {"tool_calls": [rest]}, finish="stop"
    )

    assert choices(streamed) == choices(whole("hello", "stop", ("f", '{"a": 1}')))
    assert choices(streamed) == {0: Choice(text="hello", finish="stop", tools={0: ("f", '{"a": 1}')})}


@given(text=st.text(min_size=1, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_a_text_is_the_same_wherever_a_stream_is_cut(text: str, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [{"content": text[a:b]} for a, b in pairwise(bounds)]

    streamed = events(*pieces, finish="stop")

    assert answer_text(Answer(status=200, headers=(), body=streamed, ms=0)) == text


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"null", b'{"choices": 3}', b'{"choices": [3]}', b"[" * 5000]
)
def test_what_is_no_answer_says_nothing(body: bytes) -> None:
    assert answer_text(Answer(status=200, headers=(), body=body, ms=0)) == ""
    assert vectors(body) == []


def test_no_answer_says_nothing() -> None:
    assert answer_text(NoAnswer(kind="timeout", detail="", ms=0)) == ""


SAID = whole("hello", "stop")
CALLED = whole(None, "tool_calls", ("f", '{"a": 1}'))


@pytest.mark.parametrize(
    ("sent", "got", "came"),
    [
        (SAID, SAID, {"answer texts": "unchanged", "finish reasons": "unchanged"}),
        (SAID, whole("hello!", "stop"), {"answer texts": "changed", "finish reasons": "unchanged"}),
        (SAID, whole("", "length"), {"answer texts": "missing", "finish reasons": "changed"}),
        (
            CALLED,
            whole("", "tool_calls", ("f", '{"a":1}')),
            {"tool calls": "unchanged", "finish reasons": "unchanged"},
        ),
        (
            CALLED,
            whole("", "tool_calls", ("g", '{"a":1}')),
            {"tool calls": "changed", "finish reasons": "unchanged"},
        ),
        (CALLED, whole("", "stop"), {"tool calls": "missing", "finish reasons": "changed"}),
        (
            b'{"data": [{"embedding": [0.5, 1]}]}',
            b'{"data": [{"embedding": [0.5, 1.0]}]}',
            {"vectors": "unchanged"},
        ),
        (
            b'{"data": [{"embedding": [0.5, 1]}]}',
            b'{"data": [{"embedding": [0.5, 0.9]}]}',
            {"vectors": "changed"},
        ),
        (b'{"data": [{"embedding": "AAA="}]}', b"{}", {"vectors": "missing"}),
        (b"", SAID, {}),
    ],
)
def test_an_answer_is_compared_part_by_part(sent: bytes, got: bytes, came: dict[str, str]) -> None:
    assert answers(sent, got) == came
