"""What a request asks of a provider, read from its body. Pure, and lenient as the worse provider is.

A number of tokens that is no positive integer (0, -5, true, "9") counts as absent: the witness then generates
its default, so a gateway that let nonsense through is billed for it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.witness.ledger import Endpoint

MAX_CHOICES = 128
_CHOOSING: frozenset[Endpoint] = frozenset({"chat", "completions"})
_BOUNDS: dict[Endpoint, tuple[str, ...]] = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
}
_TALKING: frozenset[Endpoint] = frozenset({"chat", "responses", "messages"})  # with tools and reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One inference request, as far as the witness cares."""

    endpoint: Endpoint
    model: str | None
    stream: bool
    include_usage: bool  # `stream_options.include_usage`
    choices: int  # `n` of chat and completions, for each of its prompts, at most `MAX_CHOICES`
    max_tokens: int | None  # of each choice
    texts: tuple[str, ...]  # all prompt text
    spoken: tuple[str, ...]  # of these, what a user said: here a fault may be asked for
    token_ids: int  # prompt tokens given as numbers
    inputs: int  # how many embeddings; 1 elsewhere
    tool: str | None  # the function that must be called
    base64: bool  # embeddings as base64
    dimensions: int | None  # of embeddings
    reasoning: bool  # whether the way to the answer is asked for
    logprobs: int | None  # how many alternatives to each token; None: probabilities are not asked for
    drafts: int = 1  # completions made, of which the best are the choices: `best_of`, likewise


class Heard:
    """What users have said so far, as digests."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def again(self, asked: Asked | None) -> bool:
        """Whether users said the same in an earlier call."""
        if asked is None:
            return False
        spoken = "\0".join(asked.spoken).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(spoken, digest_size=16).digest()
        known = digest in self._digests
        self._digests.add(digest)
        return known


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
    prompts = _inputs(given) if endpoint == "completions" else 1
    return Asked(
        endpoint=endpoint,
        model=payload["model"] if isinstance(payload.get("model"), str) else None,
        stream=payload.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        choices=_many(payload, "n", prompts) if endpoint in _CHOOSING else 1,
        max_tokens=_most_tokens(endpoint, payload),
        texts=(*spoken, *_around(payload)),
        spoken=spoken,
        token_ids=_token_ids(given),
        inputs=_inputs(given) if endpoint == "embeddings" else 1,
        tool=_forced_tool(payload) if endpoint in _TALKING else None,
        base64=payload.get("encoding_format") == "base64",
        dimensions=_positive(payload.get("dimensions")),
        reasoning=endpoint in _TALKING and _reasons(payload),
        logprobs=_logprobs(payload) if endpoint in _CHOOSING else None,
        drafts=_many(payload, "best_of", prompts) if endpoint == "completions" else 1,
    )


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _many(payload: dict[str, Any], name: str, prompts: int) -> int:
    return min((_positive(payload.get(name)) or 1) * prompts, MAX_CHOICES)


def _most_tokens(endpoint: Endpoint, payload: dict[str, Any]) -> int | None:
    """The bound, by the endpoint's own name for it before those of others."""
    names = (
        *_BOUNDS.get(endpoint, ("max_tokens",)),
        "max_completion_tokens",
        "max_tokens",
        "max_output_tokens",
    )
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
    """The function that must be called: the one the request names, or its first where it must call any.

    Chat completions put the name into a `function`, responses and messages beside the type.
    """
    names = [name for tool in _objects(payload.get("tools")) if (name := _name(tool))]
    choice = payload.get("tool_choice")
    if choice in ("required", {"type": "any"}):
        return next(iter(names), None)
    name = _name(choice) if isinstance(choice, dict) else None
    return name if name in names else None


def _name(tool: dict[str, Any]) -> str | None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else tool.get("name")
    return name if isinstance(name, str) else None


def _reasons(payload: dict[str, Any]) -> bool:
    """Whether an effort or a way of reasoning is asked for, as the endpoints have it each in its own member."""
    thinking = payload.get("thinking")
    off = not isinstance(thinking, dict) or thinking.get("type") == "disabled"
    effort = payload.get("reasoning_effort")
    return isinstance(effort, str) or isinstance(payload.get("reasoning"), dict) or not off


def _logprobs(payload: dict[str, Any]) -> int | None:
    """`logprobs` is true or absent for chats, which count alternatives apart, and a number for completions."""
    wanted = payload.get("logprobs")
    if wanted is True:
        return _positive(payload.get("top_logprobs")) or 0
    return wanted if isinstance(wanted, int) and wanted is not False and wanted >= 0 else None
