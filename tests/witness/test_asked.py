"""What a body asks for, and what that costs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.witness.answers import DEFAULT_TOKENS, MOST_TOKENS, completion, usage_of
from conformance.witness.asked import MAX_CHOICES, Asked, read, strings
from conformance.witness.ledger import Endpoint
from tests.witness.conftest import atom, chat

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PARTS = st.text() | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text()}), max_size=3)
MESSAGES = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": PARTS}))
PROMPTS = st.text() | st.lists(st.text()) | st.lists(st.integers(0)) | st.lists(st.lists(st.integers(0)))
NUMBERS = st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=3)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "messages": MESSAGES | JSON,
        "prompt": PROMPTS | JSON,
        "input": PROMPTS | JSON,
        "tools": JSON,
        "system": PARTS,
        "max_tokens": NUMBERS,
        "max_completion_tokens": NUMBERS,
        "n": NUMBERS,
        "best_of": NUMBERS,
        "tool_choice": JSON,
        "stream_options": JSON,
    },
)
ENDPOINTS = st.sampled_from(["chat", "completions", "embeddings", "responses", "messages"])


def asked(body: object, endpoint: Endpoint = "chat") -> Asked:
    found = read(endpoint, json.dumps(body).encode())
    assert found is not None
    return found


@given(BODIES, ENDPOINTS, st.booleans())
def test_a_prompt_costs_at_most_a_token_per_byte(
    body: dict[str, Any], endpoint: Endpoint, ascii_only: bool
) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8")
    found = read(endpoint, raw)

    assert found is not None
    assert 1 <= usage_of(found, 1).prompt <= len(raw)


@given(BODIES, ENDPOINTS)
def test_a_completion_costs_at_most_what_was_asked_for(body: dict[str, Any], endpoint: Endpoint) -> None:
    found = asked(body, endpoint)
    text, tokens = completion(found, atom(1))

    most = max(_positive(body.get("max_completion_tokens")), _positive(body.get("max_tokens"))) or 16
    choices = max(_positive(body.get("n")), _positive(body.get("best_of"))) or 1
    choices *= len(body["prompt"]) if isinstance(body.get("prompt"), list) and body["prompt"] else 1
    assert usage_of(found, tokens).completion <= most * choices
    assert tokens <= len(text.encode())
    assert text.startswith(atom(1))


def _positive(value: object) -> int:
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0


@pytest.mark.parametrize("nonsense", [0, -5, True, "9", 1.5, None, [7]])
def test_a_nonsensical_maximum_counts_as_absent(nonsense: object) -> None:
    assert completion(asked(chat(max_tokens=nonsense)), atom(1))[1] == DEFAULT_TOKENS


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [
        ({"max_tokens": 1}, 1),
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 100, "max_completion_tokens": 40}, 40),
        ({"max_output_tokens": 7}, 7),
        ({"max_tokens": 10**9}, MOST_TOKENS),
    ],
)
def test_a_choice_has_the_tokens_that_are_allowed(limits: dict[str, Any], tokens: int) -> None:
    assert completion(asked(chat() | limits), atom(1))[1] == tokens


@pytest.mark.parametrize(
    ("endpoint", "tokens"), [("chat", 2), ("completions", 1), ("messages", 1), ("responses", 3)]
)
def test_an_endpoint_knows_its_own_name_for_the_bound_best(endpoint: Endpoint, tokens: int) -> None:
    every = {"max_tokens": 1, "max_completion_tokens": 2, "max_output_tokens": 3}
    assert asked(every, endpoint).max_tokens == tokens


def test_the_number_of_choices_is_bounded() -> None:
    assert asked(chat(n=10**9)).choices == MAX_CHOICES


def test_only_chat_and_completions_have_choices() -> None:
    assert asked({"input": "a", "n": 5}, "responses").choices == 1


@pytest.mark.parametrize(
    ("body", "endpoint", "choices", "billed"),
    [
        ({"prompt": "a", "best_of": 5}, "completions", 1, 5),
        ({"prompt": "a", "best_of": 5, "n": 2}, "completions", 2, 5),
        ({"prompt": ["a", "b"], "n": 3}, "completions", 6, 6),
        ({"prompt": ["a", "b"], "best_of": 3}, "completions", 2, 6),
        ({"prompt": [1, 2]}, "completions", 1, 1),
        ({"prompt": "a", "best_of": 10**9}, "completions", 1, MAX_CHOICES),
        (chat(best_of=5), "chat", 1, 1),
    ],
)
def test_whatever_is_made_is_billed_also_what_is_not_told(
    body: dict[str, Any], endpoint: Endpoint, choices: int, billed: int
) -> None:
    found = asked(body, endpoint)

    assert (found.choices, usage_of(found, 7).completion) == (choices, 7 * billed)


@pytest.mark.parametrize(
    ("body", "endpoint", "tokens"),
    [
        (chat("12345678"), "chat", 2),
        (chat("123456789"), "chat", 3),
        (chat(""), "chat", 1),
        (chat("é" * 4), "chat", 2),
        ({"prompt": ["1234", "5678"]}, "completions", 2),
        ({"input": [1, 2, 3]}, "embeddings", 3),
        ({"input": [[1, 2], [3]]}, "embeddings", 3),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "1234"}]}]}, "responses", 1),
        ({"system": "1234", "messages": [{"role": "user", "content": "5678"}]}, "messages", 2),
        ({"messages": [], "tools": [{"function": {"name": "ab"}}]}, "chat", 4),
    ],
)
def test_prompt_tokens_are_a_quarter_of_the_bytes(
    body: dict[str, Any], endpoint: Endpoint, tokens: int
) -> None:
    assert usage_of(asked(body, endpoint), 1).prompt == tokens


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_asks_for_nothing(body: bytes) -> None:
    assert read("chat", body) is None


def test_strings_are_found_however_deep() -> None:
    assert set(strings({"a": ["b", {"c": ({"d": "e"}, 1, None)}]})) == set("abcde")


@pytest.mark.parametrize(
    ("endpoint", "tools", "choice", "tool"),
    [
        ("chat", [{"type": "function", "function": {"name": "a"}}], "required", "a"),
        ("chat", [{"function": {"name": "a"}}], {"type": "function", "function": {"name": "a"}}, "a"),
        ("chat", [{"function": {"name": "a"}}], "auto", None),
        ("chat", [{"function": {"name": "a"}}], {"type": "function", "function": {"name": "b"}}, None),
        ("responses", [{"type": "function", "name": "a"}], {"type": "function", "name": "a"}, "a"),
        ("responses", [{"type": "web_search"}, {"type": "function", "name": "a"}], "required", "a"),
        ("messages", [{"name": "a"}, {"name": "b"}], {"type": "tool", "name": "b"}, "b"),
        ("messages", [{"name": "a"}, {"name": "b"}], {"type": "any"}, "a"),
        ("messages", [{"name": 7}, "b", None], {"type": "any"}, None),
        ("completions", [{"name": "a"}], "required", None),
    ],
)
def test_a_tool_is_called_where_it_must_be(
    endpoint: Endpoint, tools: list[Any], choice: object, tool: str | None
) -> None:
    assert asked({"tools": tools, "tool_choice": choice}, endpoint).tool == tool


@pytest.mark.parametrize(
    ("endpoint", "more", "reasoning"),
    [
        ("chat", {"reasoning_effort": "high"}, True),
        ("chat", {"reasoning_effort": None}, False),
        ("responses", {"reasoning": {"effort": "low"}}, True),
        ("responses", {"reasoning": None}, False),
        ("messages", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ("messages", {"thinking": {"type": "disabled"}}, False),
        ("completions", {"reasoning_effort": "high"}, False),
    ],
)
def test_reasoning_is_asked_for_in_each_endpoints_way(
    endpoint: Endpoint, more: dict[str, Any], reasoning: bool
) -> None:
    assert asked(more, endpoint).reasoning is reasoning


@pytest.mark.parametrize(
    ("endpoint", "more", "logprobs"),
    [
        ("chat", {}, None),
        ("chat", {"logprobs": False}, None),
        ("chat", {"logprobs": True}, 0),
        ("chat", {"logprobs": True, "top_logprobs": 3}, 3),
        ("chat", {"logprobs": True, "top_logprobs": "3"}, 0),
        ("completions", {"logprobs": 0}, 0),
        ("completions", {"logprobs": 2}, 2),
        ("completions", {"logprobs": -1}, None),
        ("completions", {"logprobs": None}, None),
        ("embeddings", {"logprobs": 2}, None),
    ],
)
def test_probabilities_are_asked_for_by_yes_or_by_number(
    endpoint: Endpoint, more: dict[str, Any], logprobs: int | None
) -> None:
    assert asked(more, endpoint).logprobs == logprobs
