"""Whole chat completions as messages."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_gateway.content.messages import from_chat
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.shapes.chunks import Chunked
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.translating import CALLS, ODD, answer, call, known, nested, tool_use
from tests.reference_gateway.unhurried import UNHURRIED

BAD_JSON = '{"city": "B'


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"content": "hi"}, [{"type": "text", "text": "hi"}]),
        ({"content": None}, []),
        ({"content": ""}, []),
        (
            {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            [{"type": "text", "text": "ab"}],
        ),
        ({"content": None, "refusal": "no"}, [{"type": "text", "text": "no"}]),
        ({"content": "so", "tool_calls": [call()]}, [{"type": "text", "text": "so"}, tool_use({"a": 1})]),
        ({"tool_calls": [call(), call("{}", id="c2")]}, [tool_use({"a": 1}), tool_use({}, 2)]),
        ({"tool_calls": [call({"a": 1})]}, [tool_use({"a": 1})]),
        ({"tool_calls": [call("")]}, [tool_use({})]),
        ({"tool_calls": [call(None)]}, [tool_use({})]),
        ({"tool_calls": [call([1])]}, [tool_use({"INVALID_JSON": "[1]"})]),
        ({"tool_calls": [call(nested(2000))]}, [tool_use({"INVALID_JSON": "{"})]),
        ({"tool_calls": [call(BAD_JSON)]}, [tool_use({"INVALID_JSON": BAD_JSON})]),
        ({"tool_calls": [call("[1]")]}, [tool_use({"INVALID_JSON": "[1]"})]),
        ({"tool_calls": [call("1" * 5000)]}, [tool_use({"INVALID_JSON": "1" * 5000})]),
        ({"tool_calls": [{"id": "c1"}, "call", call(function=None), call(function={"name": 1})]}, []),
        ({"tool_calls": "call"}, []),
    ],
)
def test_an_answer_becomes_blocks(message: dict[str, Any], content: list[Any]) -> None:
    assert answer(message)["content"] == content


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_what_the_model_thought_comes_first_and_unsigned(name: str) -> None:
    content = answer({"content": "hi", name: "hm"})["content"]

    assert content == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "hi"},
    ]


def test_a_thought_that_is_told_under_two_names_is_one() -> None:
    assert len(answer({"reasoning_content": "hm", "reasoning": "hm"})["content"]) == 1


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4}, (9, 0, 0, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3},
            },
            (4, 2, 3, 4),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 20}, (9, 0, 0, 11)),
        ({"prompt_tokens": 9, "completion_tokens": "4"}, (0, 0, 0, 0)),
        (None, (0, 0, 0, 0)),
    ],
)
def test_the_usage_that_is_shown_is_the_one_that_is_billed(usage: Any, counts: tuple[int, ...]) -> None:
    shown = answer({"content": "a"}, usage=usage)["usage"]

    plain, read, written, output = counts
    assert shown == {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": output,
    }


def test_ids_are_the_providers_where_it_gave_some() -> None:
    shown = answer({"tool_calls": [call()]})

    assert (shown["id"], shown["content"][0]["id"]) == ("c9", "c1")


@pytest.mark.parametrize("odd", [None, "", 7])
def test_ids_are_made_up_where_it_gave_none(odd: Any) -> None:
    one, other = (answer({"tool_calls": [call(id=odd)]}, id=odd) for _ in range(2))

    assert one["id"].startswith("msg_")
    assert one["content"][0]["id"].startswith("toolu_")
    assert one["id"] != other["id"]
    assert one["content"][0]["id"] != other["content"][0]["id"]


@pytest.mark.parametrize(
    "completion",
    [
        {},
        {"error": {"message": "in the provider's words"}},
        {"choices": None},
        {"choices": []},
        {"choices": [1]},
        {"choices": [{}]},
        {"choices": [{"message": "hi"}]},
        {"choices": [{"index": 1, "message": {"content": "the second"}}]},
    ],
)
def test_what_has_no_message_is_the_providers_fault(completion: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as refused:
        from_chat(completion, "m")
    assert refused.value.fault is Fault.PROVIDER_FAILED


COUNTS = st.none() | st.integers(-1, 2**21) | st.sampled_from([True, "4", 4.0, 10**30])


@UNHURRIED
@given(
    usage=st.fixed_dictionaries(
        {"prompt_tokens": COUNTS, "completion_tokens": COUNTS},
        optional={
            "total_tokens": COUNTS,
            "prompt_tokens_details": st.none()
            | st.fixed_dictionaries({}, optional={"cached_tokens": COUNTS, "cache_write_tokens": COUNTS}),
        },
    )
)
def test_whatever_is_billed_is_shown(usage: dict[str, Any]) -> None:
    raw = msgspec.json.encode({"usage": usage})

    _, bill = Chunked().whole(Sealed(raw))

    shown = answer({"content": "a"}, **msgspec.json.decode(raw))["usage"]
    prompt = shown["input_tokens"] + shown["cache_read_input_tokens"] + shown["cache_creation_input_tokens"]
    assert shown["input_tokens"] >= 0
    assert (prompt, shown["output_tokens"]) == (
        (bill.prompt_tokens, bill.completion_tokens) if bill else (0, 0)
    )


MESSAGES = ODD | st.fixed_dictionaries(
    {},
    optional={
        "content": ODD,
        "refusal": ODD,
        "reasoning": ODD,
        "reasoning_content": ODD,
        "tool_calls": ODD | st.lists(ODD | CALLS, max_size=3),
    },
)


@settings(UNHURRIED, max_examples=200)
@given(message=MESSAGES, finish=ODD, usage=ODD, name=ODD)
def test_any_answer_is_a_message_or_the_providers_fault(
    message: Any, finish: Any, usage: Any, name: Any
) -> None:
    completion = {"id": name, "choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    try:
        shown = from_chat(completion, "m")
    except RefusalError as refusal:
        assert refusal.fault is Fault.PROVIDER_FAILED  # noqa: PT017 - both ends are fine
    else:
        known(shown)
