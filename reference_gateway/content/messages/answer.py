"""A chat completion as a message."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from reference_gateway.content.form import Json
from reference_gateway.content.messages.completion import (
    Call,
    calls_of,
    choice_of,
    id_of,
    new_id,
    refuses,
    stop_reason,
    text_of,
    thought_of,
    usage_said,
)
from reference_gateway.content.meter import Usage, decoded
from reference_gateway.content.shapes.chunks import TokenCounts
from reference_gateway.web.faults import Fault, RefusalError

_object: Final = msgspec.json.Decoder(dict[str, Any])


def from_chat(completion: Json, model: str) -> Json:
    """The message that `model` answers with. Raises RefusalError where the completion has none."""
    choice = choice_of(completion)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise RefusalError(Fault.PROVIDER_FAILED)
    content = list(_blocks(message))
    called = any(block["type"] == "tool_use" for block in content)
    return {
        "id": id_of(completion, "msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason(choice.get("finish_reason"), called=called, refused=refuses(message)),
        "stop_sequence": None,
        "usage": usage_said(_usage(completion.get("usage"))),
    }


def _blocks(message: Json) -> Iterator[Json]:
    thought = thought_of(message)
    if thought:
        yield {"type": "thinking", "thinking": thought, "signature": ""}
    text = text_of(message)
    if text:
        yield {"type": "text", "text": text}
    for call in calls_of(message):
        if call.name:
            yield {
                "type": "tool_use",
                "id": call.id or new_id("toolu"),
                "name": call.name,
                "input": _input(call),
            }


def _input(call: Call) -> Json:
    """The arguments, which models do not always get right.

    Those that are no object are wrapped in one, as Anthropic advises for its own models'
    (platform.claude.com, "Fine-grained tool streaming"), so that the caller can show the model its mistake.
    """
    if not call.arguments:
        return {}
    value = decoded(_object, call.arguments.encode())
    return {"INVALID_JSON": call.arguments} if value is None else value


def _usage(counts: object) -> Usage | None:
    try:
        return msgspec.convert(counts, TokenCounts).usage()
    except msgspec.ValidationError:
        return None
