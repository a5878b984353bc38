"""The Messages API as it is translated, held against the types of the official SDKs."""

from typing import Any

import pytest
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from reference_gateway.content.messages import from_chat, to_chat
from reference_gateway.web.faults import RefusalError
from tests.reference_gateway.asking import HELLO

_ANTHROPICS = TypeAdapter(MessageCreateParamsNonStreaming)
_OPENAIS = TypeAdapter(CompletionCreateParamsNonStreaming)
_ODD_NAMES = ("type", "text", "content", "name", "arguments", "function", "index", "id", "delta", "choices")
LEAST: dict[str, Any] = {"model": "m", "max_tokens": 7, "messages": HELLO}
TOOL: dict[str, Any] = {"name": "f", "input_schema": {"type": "object"}}
FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USE: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1, "ü"]}}
CALL: dict[str, Any] = {
    "id": "t1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a":[1,"ü"]}'},
}
IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"},
}
SHOWN: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}
# What providers may send, and what they may call a call.
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_ODD_NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)
CALLS = st.fixed_dictionaries(
    {
        "function": ODD
        | st.fixed_dictionaries({}, optional={"name": st.text(max_size=1) | ODD, "arguments": ODD})
    },
    optional={
        "id": st.sampled_from(["", "a", "b"]) | ODD,
        "index": st.none() | st.integers(0, 2) | ODD,
    },
)


def text(said: str) -> dict[str, Any]:
    """A block in a request, and a part too."""
    return {"type": "text", "text": said}


def result(content: Any, **fields: Any) -> dict[str, Any]:
    """What came of the call."""
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **fields}


def turn(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    """A message made of blocks."""
    return {"role": role, "content": list(content)}


def translated(fields: dict[str, Any]) -> dict[str, Any]:
    """The least request with these fields, which must be one for Anthropic before and for OpenAI after."""
    body = {**LEAST, **fields}
    _taken(_ANTHROPICS.validate_python(body))
    chat = to_chat(body)
    assert _taken(_OPENAIS.validate_python(chat)) == chat
    return chat


def conversation(*turns: dict[str, Any]) -> Any:
    """The messages that these turns become."""
    return translated({"messages": list(turns)})["messages"]


def refused(fields: dict[str, Any]) -> RefusalError:
    """Why the least request with these fields is refused."""
    with pytest.raises(RefusalError) as raised:
        to_chat({**LEAST, **fields})
    return raised.value


def call(arguments: Any = '{"a":1}', **fields: Any) -> dict[str, Any]:
    """A call in an answer, or in a chunk if it has an index."""
    return {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}, **fields}


def tool_use(arguments: Any, place: int = 1) -> dict[str, Any]:
    """The block that a call becomes."""
    return {"type": "tool_use", "id": f"c{place}", "name": "f", "input": arguments}


def answer(message: Any, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """What a completion becomes, which must be one for Anthropic."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return known(from_chat({"id": "c9", "choices": [choice], **fields}, "m"))


def nested(depth: int) -> Any:
    """An object within objects."""
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def known(message: dict[str, Any]) -> dict[str, Any]:
    """The message, if it has all the fields that it must have and none that is unknown."""
    read = Message.model_validate(message, strict=True)
    assert not any(one.model_extra for one in (read, read.usage, *read.content))
    return message


def _taken(value: Any) -> Any:
    """What a type took of a value: unknown fields are left out, and iterables are checked as they are read."""
    if isinstance(value, dict):
        return {name: _taken(one) for name, one in value.items()}
    return value if value is None or isinstance(value, str | int | float) else [_taken(one) for one in value]
