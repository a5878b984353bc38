"""What a key with a spend limit may send: fields whose cost the length of the body bounds.

Everything else (server tools, stored prompts, fallback routes, priority tiers, predictions, cache
writes, media) may cost what no byte of the body shows, so it is refused rather than guessed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reference_gateway.web.faults import Fault, RefusalError

_BODY: Final = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "seed",
        "user",
        "safety_identifier",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
        "store",
    }
)
_MESSAGE: Final = frozenset({"role", "content", "name", "refusal", "tool_calls", "tool_call_id"})
_PART: Final = frozenset({"type", "text", "refusal"})
# A tuple: the caller may send a type that cannot be hashed.
_TEXT_TYPES: Final = ("text", "refusal")
_TOOL: Final = frozenset({"type", "function"})
_STREAM_OPTIONS: Final = frozenset({"include_usage"})

Json = Mapping[str, Any]


def require_text_only(messages: Iterable[Json]) -> None:
    """Refuses parts that are not text, for every key: media has no bound in bytes."""
    for message in messages:
        content = message.get("content")
        if content is None or isinstance(content, str):
            continue
        if not isinstance(content, list):
            raise RefusalError(Fault.BAD_VALUE, param="messages")
        for part in content:
            if not isinstance(part, dict) or part.get("type") not in _TEXT_TYPES:
                raise RefusalError(Fault.UNSUPPORTED_PART, param="messages")


def require_billable(body: Json) -> None:
    """Refuses every field outside the closed lists. Assumes that the shape was checked."""
    _within(body, _BODY)
    for message in body["messages"]:
        _within(message, _MESSAGE)
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            _within(part, _PART)
    for tool in body.get("tools") or ():
        _within(tool, _TOOL)
        if tool.get("type") != "function":
            raise RefusalError(Fault.UNBILLABLE_FIELD, param="tools")
    _within(body.get("stream_options") or {}, _STREAM_OPTIONS)


def _within(value: Json, allowed: frozenset[str]) -> None:
    if not value.keys() <= allowed:
        raise RefusalError(Fault.UNBILLABLE_FIELD)
