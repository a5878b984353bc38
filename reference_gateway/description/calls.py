"""What the five billed endpoints ask of every caller's body.

Only what the gateway itself insists on: whatever else the fields of these shapes mean is between caller and
provider. Keys with a spend limit are held to more (`ABOUT_LIMITS`), which depends on the key and not on the body.
"""

from typing import Final

from reference_gateway.description.document import Json, nullable, record, ref

ABOUT_LIMITS: Final = """\
The schemas are those for keys without a spend limit. Of a key with one, every field, message part and tool
must be of a kind whose cost is bounded: anything else is refused with `field_not_billable` or
`unsupported_content_part`. Whole numbers are written without a fraction: `7.0` is refused. Where a model's
provider does not speak Anthropic's API, messages are translated, and what has no counterpart is refused.
"""

_MAX_CHOICES: Final = 128
_NOT_STORED: Final[Json] = {
    "enum": [False, None],
    "description": "Content is never stored.",
}
_NOT_STREAMED: Final[Json] = {"enum": [False, None]}
_FLAG: Final[Json] = {"type": ["boolean", "null"]}
_CHOICES: Final[Json] = {"type": ["integer", "null"], "minimum": 1, "maximum": _MAX_CHOICES}
_TOOLS: Final[Json] = {"type": ["array", "null"], "items": {"type": "object"}}
_IDS: Final[Json] = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_CONTENT: Final = ref("Content")


def schemas(names: list[str], most_tokens: int) -> dict[str, Json]:
    """The bodies and their parts. `most_tokens`: of the model that may produce most."""
    tokens = {"type": ["integer", "null"], "minimum": 1, "maximum": most_tokens}
    return {
        "Model": {"enum": sorted(names)},
        "Content": _content(),
        "Texts": _texts(),
        "ChatRequest": _chat(tokens),
        "CompletionRequest": _completions(tokens),
        "EmbeddingsRequest": _open(
            {"input": ref("Texts"), "store": _NOT_STORED, "stream": _NOT_STREAMED}, "input"
        ),
        "ResponsesRequest": _responses(tokens),
        "MessagesRequest": _messages(tokens),
    }


def _open(properties: dict[str, Json], *required: str) -> Json:
    """A body that may have more fields; those that are not here are the provider's to understand."""
    named = {"model": ref("Model"), **properties}
    optional = [name for name in named if name not in ("model", *required)]
    return record(named, optional=optional, closed=False)


def _content() -> Json:
    part = record({"type": {"type": "string"}}, closed=False)
    return {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": part}]}


def _texts() -> Json:
    """One text or many, as strings or token ids."""
    return {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
            _IDS,
            {"type": "array", "minItems": 1, "items": _IDS},
        ]
    }


def _streamed(schema: Json) -> Json:
    """Options of a stream are for streams only."""
    options = record({"include_usage": _FLAG}, optional=["include_usage"], closed=False)
    schema["properties"] |= {"stream": _FLAG, "stream_options": nullable(options)}
    alone = {"properties": {"stream_options": {"type": "null"}}}
    streamed = {"properties": {"stream": {"const": True}}, "required": ["stream"]}
    return schema | {"anyOf": [alone, streamed]}


def _messages_of(content: Json) -> Json:
    message = record({"content": content}, optional=["content"], closed=False)
    return {"type": "array", "minItems": 1, "items": message}


def _chat(tokens: Json) -> Json:
    properties: dict[str, Json] = {
        "messages": _messages_of(_CONTENT),
        "max_tokens": tokens,
        "max_completion_tokens": tokens,
        "n": _CHOICES,
        "tools": _TOOLS,
        "store": _NOT_STORED,
    }
    return _streamed(_open(properties, "messages"))


def _completions(tokens: Json) -> Json:
    properties: dict[str, Json] = {
        "prompt": ref("Texts"),
        "suffix": {"type": ["string", "null"]},
        "max_tokens": tokens | {"minimum": 0},
        "n": _CHOICES,
        "best_of": _CHOICES,
        "echo": _FLAG,
        "store": _NOT_STORED,
    }
    return _streamed(_open(properties, "prompt"))


def _responses(tokens: Json) -> Json:
    message: dict[str, Json] = {
        "type": {"enum": ["message", None]},
        "role": {"description": "whose message it is"},
        "content": _CONTENT,
    }
    output: dict[str, Json] = {"type": {"const": "function_call_output"}, "output": _CONTENT}
    other: dict[str, Json] = {
        "type": {"type": "string", "not": {"enum": ["message", "function_call_output", "item_reference"]}}
    }
    item = {
        "anyOf": [
            record(message, optional=["type", "content"], closed=False),
            record({"type": {"const": "message"}, "content": _CONTENT}, optional=["content"], closed=False),
            record(output, optional=["output"], closed=False),
            record(other, closed=False),
        ]
    }
    properties: dict[str, Json] = {
        "input": {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": item}]},
        "max_output_tokens": tokens,
        "stream": _FLAG,
        "tools": _TOOLS,
        "store": _FLAG | {"description": "What is forwarded is false: content is never stored."},
        "background": _NOT_STORED,
        "previous_response_id": {"type": "null"},
        "conversation": {"type": "null"},
        "prompt": {"type": "null"},
    }
    return _open(properties, "input")


def _messages(tokens: Json) -> Json:
    other = record({"type": {"type": "string", "not": {"const": "tool_result"}}}, closed=False)
    result = record(
        {"type": {"const": "tool_result"}, "content": _CONTENT}, optional=["content"], closed=False
    )
    blocks = {
        "anyOf": [
            {"type": ["string", "null"]},
            {"type": "array", "items": {"anyOf": [other, result]}},
        ]
    }
    thinking = record({"budget_tokens": tokens}, optional=["budget_tokens"], closed=False)
    properties: dict[str, Json] = {
        "messages": _messages_of(blocks),
        "max_tokens": tokens | {"type": "integer"},
        "system": _CONTENT,
        "tools": _TOOLS,
        "thinking": nullable(thinking),
        "stream": _FLAG,
    }
    return _open(properties, "messages", "max_tokens")
