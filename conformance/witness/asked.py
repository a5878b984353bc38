"""What a request asks of a provider, read from its body. Pure, and lenient as the worse provider is.

A number of tokens that is no positive integer (0, -5, true, "9") counts as absent: the witness then generates
its default, so a gateway that let nonsense through is billed for it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.witness.ledger import Endpoint

MAX_CHOICES = 128
_CHOOSING: frozenset[Endpoint] = frozenset({"chat", "completions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One inference request, as far as the witness cares."""

    endpoint: Endpoint
    model: str | None
    stream: bool
    include_usage: bool  # `stream_options.include_usage`
    choices: int  # `n` of chat and completions, at most `MAX_CHOICES`
    max_tokens: int | None  # of each choice
    texts: tuple[str, ...]  # all prompt text
    spoken: tuple[str, ...]  # of these, what a user said: here a fault may be asked for
    token_ids: int  # prompt tokens given as numbers
    inputs: int  # how many embeddings; 1 elsewhere
    tool: str | None  # the function that a chat must call
    base64: bool  # embeddings as base64


def read(endpoint: Endpoint, body: bytes) -> Asked | None:
    """The request in a body, or None where that is not a JSON object."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _asked(endpoint, payload) if isinstance(payload, dict) else None


def _asked(endpoint: Endpoint, payload: dict[str, Any]) -> Asked:
    given = payload.get("input" if endpoint in {"embeddings", "responses"} else "prompt")
    spoken = (*_said_by_users(payload.get("messages")), *_prompts(given))
    options = payload.get("stream_options")
    return Asked(
        endpoint=endpoint,
        model=payload["model"] if isinstance(payload.get("model"), str) else None,
        stream=payload.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        choices=min(_positive(payload.get("n")) or 1, MAX_CHOICES) if endpoint in _CHOOSING else 1,
        max_tokens=_most_tokens(payload),
        texts=(*spoken, *_around(payload)),
        spoken=spoken,
        token_ids=_token_ids(given),
        inputs=_inputs(given) if endpoint == "embeddings" else 1,
        tool=_forced_tool(payload) if endpoint == "chat" else None,
        base64=payload.get("encoding_format") == "base64",
    )


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _most_tokens(payload: dict[str, Any]) -> int | None:
    names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
    return next((most for name in names if (most := _positive(payload.get(name)))), None)


def _said_by_users(messages: object) -> Iterator[str]:
    for message in _objects(messages):
        if message.get("role") == "user":
            yield from _content(message.get("content"))


def _around(payload: dict[str, Any]) -> Iterator[str]:
    """Prompt text that no user said: other roles, instructions, and every string of the tool definitions."""
    for message in _objects(payload.get("messages")):
        if message.get("role") != "user":
            yield from _content(message.get("content"))
    yield from _content(payload.get("system"))
    yield from _content(payload.get("instructions"))
    yield from strings((payload.get("tools"), payload.get("functions")))


def _prompts(given: object) -> Iterator[str]:
    """Texts of `prompt` or `input`: a string, a list of strings, or (responses) a list of messages."""
    if isinstance(given, list):
        for item in given:
            yield from _content(item.get("content") if isinstance(item, dict) else item)
    else:
        yield from _content(given)


def _content(content: object) -> Iterator[str]:
    """Texts of a message's content: a string, or parts of which some have a `text`."""
    if isinstance(content, str):
        yield content
    for part in _objects(content):
        if isinstance(part.get("text"), str):
            yield part["text"]


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def strings(value: object) -> Iterator[str]:
    """Every string and every member name in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as members:
                yield from members
                waiting.extend(members.values())
            case list() | tuple() as items:
                waiting.extend(items)
            case _:
                pass


def _token_ids(given: object) -> int:
    """How many tokens are given as numbers, in `[1, 2]` or `[[1], [2]]`."""
    if not isinstance(given, list):
        return 0
    rows = [row for row in given if isinstance(row, list)]
    return sum(isinstance(item, int) for row in (given, *rows) for item in row)


def _inputs(given: object) -> int:
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return len(given)
    return 1


def _forced_tool(payload: dict[str, Any]) -> str | None:
    """The function that must be called: the one the request names, or its first where it says "required"."""
    names = [
        tool["function"]["name"]
        for tool in _objects(payload.get("tools"))
        if isinstance(tool.get("function"), dict) and isinstance(tool["function"].get("name"), str)
    ]
    choice = payload.get("tool_choice")
    if choice == "required":
        return next(iter(names), None)
    chosen = choice.get("function") if isinstance(choice, dict) else None
    name = chosen.get("name") if isinstance(chosen, dict) else None
    return name if name in names else None
