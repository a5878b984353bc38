"""Turns of a conversation in Anthropic's words, as providers of chat completions read them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.content.messages import to_chat
from tests.reference_gateway.asking import HELLO
from tests.reference_gateway.translating import (
    CALL,
    IMAGE,
    LEAST,
    SHOWN,
    USE,
    conversation,
    result,
    text,
    translated,
    turn,
)
from tests.reference_gateway.unhurried import UNHURRIED


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("be brief", ["be brief"]),
        (
            [text("be brief"), {**text("be kind"), "cache_control": {"type": "ephemeral"}}],
            ["be brief\n\nbe kind"],
        ),
        ("", []),
        ([], []),
    ],
)
def test_the_system_speaks_first(system: Any, said: list[str]) -> None:
    messages = translated({"system": system})["messages"]

    assert messages == [*({"role": "system", "content": one} for one in said), *HELLO]


def test_what_the_system_says_in_between_stays_there() -> None:
    messages = conversation(*HELLO, turn("system", text("be kind")), turn("user", text("more")))

    assert [message["role"] for message in messages] == ["user", "system", "user"]


def test_images_are_parts_beside_texts() -> None:
    linked = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}

    [message] = conversation(turn("user", text("look"), IMAGE, linked))

    assert message["content"] == [
        text("look"),
        SHOWN,
        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
    ]


def test_texts_without_images_are_one_because_not_all_take_parts() -> None:
    assert conversation(turn("user", text("a"), text("b"))) == [{"role": "user", "content": "a\n\nb"}]


def test_results_come_right_after_their_calls_whatever_was_said_before_them() -> None:
    messages = conversation(
        *HELLO, turn("assistant", text("so"), USE), turn("user", text("and"), result("1"))
    )

    assert messages[1:] == [
        {"role": "assistant", "content": "so", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "t1", "content": "1"},
        {"role": "user", "content": "and"},
    ]


def test_turns_of_one_role_are_one_turn_so_that_no_result_is_parted_from_its_call() -> None:
    other = {**USE, "id": "t2"}

    messages = conversation(
        *HELLO,
        turn("assistant", USE),
        turn("assistant", other),
        turn("user", result("1"), text("a")),
        turn("user", {**result("2"), "tool_use_id": "t2"}, text("b")),
    )

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[1]["content"] is None
    assert messages[4]["content"] == "a\n\nb"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (result("1"), "1"),
        (result([text("a"), text("b")]), "a\n\nb"),
        (result([]), ""),
        ({"type": "tool_result", "tool_use_id": "t1"}, ""),
        (result("no file", is_error=True), "Error: no file"),
        (result("1", is_error=False), "1"),
    ],
)
def test_a_result_is_a_text(block: dict[str, Any], said: str) -> None:
    messages = conversation(*HELLO, turn("assistant", USE), turn("user", block))

    assert messages[2:] == [{"role": "tool", "tool_call_id": "t1", "content": said}]


def test_an_image_in_a_result_is_shown_by_the_user_who_may() -> None:
    block = result([text("done"), IMAGE])

    messages = conversation(*HELLO, turn("assistant", USE), turn("user", block, text("well?")))

    assert messages[2]["content"].startswith("done\n\n")
    assert messages[3]["content"] == [text("From the result of t1:"), SHOWN, text("well?")]


def test_what_a_provider_thought_before_a_call_goes_back_to_it() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}

    chat = to_chat(
        {**LEAST, "messages": [*HELLO, turn("assistant", thought, USE), turn("user", result("1"))]}
    )

    assert chat["messages"][1]["reasoning_content"] == "hm"


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "thinking", "thinking": "hm", "signature": "signed"}, USE],
        [{"type": "redacted_thinking", "data": "x"}, USE],
        [{"type": "thinking", "thinking": "hm", "signature": ""}, text("so")],
    ],
)
def test_no_other_thought_does(blocks: list[dict[str, Any]]) -> None:
    assert "hm" not in json.dumps(conversation(*HELLO, turn("assistant", *blocks), *HELLO))


TEXTS = st.text(max_size=6)
USER = st.lists(
    st.builds(text, TEXTS)
    | st.just(IMAGE)
    | st.builds(result, TEXTS | st.lists(st.builds(text, TEXTS) | st.just(IMAGE), max_size=2)),
    min_size=1,
    max_size=4,
)
ASSISTANT = st.lists(st.builds(text, TEXTS) | st.just(USE), min_size=1, max_size=4)
TURNS = st.lists(
    st.builds(lambda blocks: turn("user", *blocks), USER)
    | st.builds(lambda blocks: turn("assistant", *blocks), ASSISTANT),
    min_size=1,
    max_size=6,
)


@UNHURRIED
@given(turns=TURNS)
def test_every_conversation_is_one_in_both(turns: list[dict[str, Any]]) -> None:
    messages = conversation(*turns)

    roles = [message["role"] for message in messages]
    told = json.dumps(messages)
    assert ("user", "tool") not in pairwise(roles)
    assert told.count("aaaa") == json.dumps(turns).count("aaaa")
