"""Requests in Anthropic's words as requests in OpenAI's."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_gateway.content.messages import to_chat
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.translating import (
    FUNCTION,
    IMAGE,
    LEAST,
    TOOL,
    USE,
    nested,
    refused,
    result,
    translated,
    turn,
)
from tests.reference_gateway.unhurried import UNHURRIED


def test_the_least_request_is_the_same_in_both() -> None:
    assert translated({}) == LEAST


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stop_sequences": []}, {}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"metadata": {"user_id": None}}, {}),
        ({"metadata": {}}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1025}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8193}}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "disabled"}}, {}),
        ({"thinking": {"type": "adaptive"}}, {}),
        ({"output_config": {"effort": "max"}}, {"reasoning_effort": "max"}),
        ({"output_config": {"effort": None, "format": None}}, {}),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "enabled", "budget_tokens": 9000}},
            {"reasoning_effort": "low"},
        ),
        ({"cache_control": {"type": "ephemeral"}, "service_tier": "standard_only"}, {}),
        ({"container": None, "inference_geo": None}, {}),
    ],
    ids=str,
)
def test_fields_are_said_in_the_words_of_a_chat_completion(
    fields: dict[str, Any], said: dict[str, Any]
) -> None:
    assert translated(fields) == {**LEAST, **said}


def test_a_sampling_field_that_only_some_providers_know_is_left_to_them() -> None:
    assert to_chat({**LEAST, "top_k": 5})["top_k"] == 5


def test_a_schema_for_the_answer_is_binding() -> None:
    schema = {"type": "object", "properties": {}}

    chat = translated({"output_config": {"format": {"type": "json_schema", "schema": schema}}})

    assert chat["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": True}


def test_users_with_long_names_are_still_told_apart() -> None:
    names = ["u" * 64, "u" * 65, "u" * 66]

    users = [translated({"metadata": {"user_id": name}})["user"] for name in names]

    assert users[0] == names[0]
    assert [len(user) for user in users] == [64, 64, 64]
    assert len(set(users)) == 3


def test_tools_are_functions() -> None:
    fine = {
        **TOOL,
        "type": "custom",
        "description": "d",
        "strict": True,
        "cache_control": {"type": "ephemeral"},
    }

    chat = translated({"tools": [fine, TOOL]})

    assert chat["tools"] == [
        {"type": "function", "function": {**FUNCTION["function"], "description": "d", "strict": True}},
        FUNCTION,
    ]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
        ({"type": "any", "disable_parallel_tool_use": False}, {"tool_choice": "required"}),
    ],
    ids=str,
)
def test_the_choice_of_a_tool_is_kept(choice: dict[str, Any], said: dict[str, Any]) -> None:
    assert translated({"tools": [TOOL], "tool_choice": choice}) == {**LEAST, "tools": [FUNCTION], **said}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"user_id": 1}}, "metadata"),
        ({"thinking": {"type": "enabled"}}, "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": True}}, "thinking"),
        ({"thinking": {"type": "deep"}}, "thinking"),
        ({"output_config": {"effort": ["low"]}}, "output_config"),
        ({"output_config": {"effort": "utmost"}}, "output_config"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools"),
        ({"tools": [{**TOOL, "description": 1}]}, "tools"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice"),
        ({"system": [IMAGE]}, "system"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages"),
        ({"messages": [turn("assistant", IMAGE)]}, "messages"),
        ({"messages": [turn("assistant", {**USE, "input": "{}"})]}, "messages"),
        ({"messages": [turn("user", {"type": "document", "source": {}})]}, "messages"),
        (
            {"messages": [turn("user", {"type": "image", "source": {"type": "file", "file_id": "x"}})]},
            "messages",
        ),
        ({"messages": [turn("user", result([result("1")]))]}, "messages"),
        ({"messages": [turn("user", {"type": "text", "text": None})]}, "messages"),
    ],
    ids=str,
)
def test_what_has_no_translation_is_refused(fields: dict[str, Any], param: str) -> None:
    refusal = refused(fields)

    assert (refusal.fault, refusal.param) == (Fault.BAD_VALUE, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"inference_geo": "eu"}, None),
        ({"container": "c"}, None),
        ({"output_config": {"x": 1}}, "output_config"),
    ],
)
def test_fields_whose_meaning_would_be_lost_are_refused_and_not_named(
    fields: dict[str, Any], param: str | None
) -> None:
    refusal = refused(fields)

    assert (refusal.fault, refusal.param) == (Fault.UNKNOWN_FIELD, param)


def test_arguments_too_deep_to_be_said_are_refused() -> None:
    deep = {**USE, "input": nested(2000)}

    assert refused({"messages": [turn("assistant", deep)]}).fault is Fault.NOT_JSON


# --- whatever is sent --------------------------------------------------------------------------------------

PARAMS = {
    None,
    "messages",
    "system",
    "stop_sequences",
    "tools",
    "tool_choice",
    "metadata",
    "thinking",
    "output_config",
    "is_error",
    "strict",
    "disable_parallel_tool_use",
}
NAMES = """
    type text source media_type data url id name input tool_use_id content is_error signature thinking
    user_id effort format schema budget_tokens input_schema description strict disable_parallel_tool_use
"""
WORDS = """
    text image base64 url tool_use tool_result thinking redacted_thinking enabled disabled adaptive low
    max json_schema auto any none tool custom
"""
WORD = st.sampled_from(WORDS.split())
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | WORD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
    max_leaves=8,
)
OBJECTS = st.builds(
    lambda kind, fields: {**fields, **kind},
    st.just({}) | st.builds(lambda word: {"type": word}, WORD),
    st.dictionaries(st.sampled_from(NAMES.split()), JSON_VALUES, max_size=5),
)
BLOCKS = JSON_VALUES | st.lists(OBJECTS, max_size=3)
ROLES = st.sampled_from(["user", "assistant", "system"]) | JSON_VALUES
TURNS = st.lists(st.fixed_dictionaries({"role": ROLES, "content": BLOCKS}), max_size=3)
FIELDS = {
    "messages": TURNS | JSON_VALUES,
    "system": BLOCKS,
    "tools": st.lists(OBJECTS, max_size=2) | JSON_VALUES,
    "tool_choice": OBJECTS | JSON_VALUES,
    "stop_sequences": JSON_VALUES,
    "metadata": OBJECTS | JSON_VALUES,
    "thinking": OBJECTS | JSON_VALUES,
    "output_config": OBJECTS | JSON_VALUES,
    "temperature": JSON_VALUES,
    "unknown": st.none() | JSON_VALUES,
}


@settings(UNHURRIED, max_examples=300)
@given(body=st.fixed_dictionaries({}, optional=FIELDS))
def test_any_body_is_translated_or_refused_without_a_word_of_it(body: dict[str, Any]) -> None:
    try:
        chat = to_chat(body)
    except RefusalError as refusal:
        assert refusal.param in PARAMS  # noqa: PT017 - both ends are fine
    else:
        assert json.loads(json.dumps(chat)) == chat
