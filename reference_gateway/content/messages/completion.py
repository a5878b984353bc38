"""What answers and chunks of chat completions say, whoever wrote them: what is odd in them says nothing."""

import secrets
from dataclasses import dataclass
from typing import Final

import msgspec

from reference_gateway.content.form import Json
from reference_gateway.content.meter import Usage

_STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "model_length": "model_context_window_exceeded",  # Mistral's
}
# Whatever was called, these were the end of it.
_CUT: Final = frozenset({"length", "content_filter", "model_length"})
# DeepSeek's name and OpenRouter's; vLLM has used both, and for a while both at once.
_THOUGHTS: Final = ("reasoning_content", "reasoning")
_TOO_DEEP: Final = "{"  # begins an object and does not end it, so that nobody takes it for the arguments

_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Call:
    """What is said of the call of a tool, which in a chunk may be any part of it."""

    place: int | None
    id: str
    name: str
    arguments: str


def choice_of(completion: Json) -> Json:
    """The first choice: no other is ever asked for."""
    return next((choice for choice in _objects(completion.get("choices")) if not choice.get("index")), {})


def thought_of(message: Json) -> str:
    """What the model thought before it spoke, as far as its provider tells."""
    return next((thought for name in _THOUGHTS if (thought := _string(message.get(name)))), "")


def text_of(message: Json) -> str:
    """What the model said, be it why it will not answer. With some providers, it comes in parts."""
    content = message.get("content")
    texts = [part.get("text") for part in _objects(content)] if isinstance(content, list) else [content]
    return "".join(_string(text) for text in [*texts, message.get("refusal")])


def refuses(message: Json) -> bool:
    """Whether the model said why it will not answer."""
    return bool(_string(message.get("refusal")))


def calls_of(message: Json) -> list[Call]:
    """The tools that the model calls."""
    return [_call(call) for call in _objects(message.get("tool_calls"))]


def _call(call: Json) -> Call:
    function = call.get("function")
    said: Json = function if isinstance(function, dict) else {}
    place = call.get("index")
    return Call(
        place=place if isinstance(place, int) else None,
        id=_string(call.get("id")),
        name=_string(said.get("name")),
        arguments=_arguments(said.get("arguments")),
    )


def _arguments(said: object) -> str:
    """A text that should be JSON of an object; some providers send the object itself."""
    if said is None or isinstance(said, str):
        return said or ""
    try:
        return _encoder.encode(said).decode()
    except RecursionError:
        return _TOO_DEEP


def stop_reason(finish: object, *, called: bool, refused: bool) -> str:
    """Why the answer ended. Many providers say `stop` where a tool was called."""
    reason = finish if isinstance(finish, str) else ""
    if refused:
        return "refusal"
    if called and reason not in _CUT:
        return "tool_use"
    return _STOP_REASONS.get(reason, "end_turn")


def id_of(holder: Json, prefix: str) -> str:
    """The provider's id, so that it can be found there, or one that is like no other."""
    return _string(holder.get("id")) or new_id(prefix)


def new_id(prefix: str) -> str:
    """An id for what its provider gave none."""
    return f"{prefix}_{secrets.token_hex(12)}"


def usage_said(usage: Usage | None) -> dict[str, int]:
    """The bill in Anthropic's words, which count as input only what the cache had no part in."""
    bill = usage or Usage(0, 0)
    return {
        "input_tokens": bill.prompt_tokens - bill.cached_tokens - bill.written_tokens,
        "cache_creation_input_tokens": bill.written_tokens,
        "cache_read_input_tokens": bill.cached_tokens,
        "output_tokens": bill.completion_tokens,
    }


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
