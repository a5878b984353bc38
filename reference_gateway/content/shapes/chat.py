"""`POST chat/completions`."""

from typing import Any, Final

from reference_gateway.config import Model
from reference_gateway.content.billable import (
    SAMPLING,
    require_function,
    require_image,
    require_usual_tier,
    within,
)
from reference_gateway.content.fields import choices, objects, parts, refuse_storing, tokens
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.shapes.chunks import metered
from reference_gateway.web.faults import Fault, RefusalError

_BODY: Final = SAMPLING | {
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stream",
    "stream_options",
    "top_logprobs",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "reasoning_effort",
    "verbosity",
    "prompt_cache_key",
    "service_tier",
    "store",
}
_MESSAGE: Final = frozenset(
    {"role", "content", "name", "refusal", "tool_calls", "tool_call_id", "function_call", "reasoning_content"}
)
_TEXT: Final = frozenset({"type", "text", "refusal"})
_IMAGE: Final = frozenset({"type", "image_url"})
_IMAGE_URL: Final = frozenset({"url", "detail"})
_TOOL: Final = frozenset({"type", "function"})


def read(body: Json, model: Model, *, limited: bool) -> Demand:
    """Checks a chat completion request. Raises RefusalError."""
    messages = objects(body, "messages")
    if not messages:
        raise RefusalError(Fault.BAD_VALUE, param="messages")
    contents = [part for message in messages for part in parts(message, "content", "messages")]
    tools = objects(body, "tools")
    refuse_storing(body)
    stream, form = metered(body, limited=limited)
    if limited:
        within(body, _BODY)
        require_usual_tier(body)
        for message in messages:
            within(message, _MESSAGE, "messages")
        for part in contents:
            _require_billable(part, model)
        for tool in tools:
            require_function(tool, _TOOL)
    return Demand(
        body=body,
        stream=stream,
        completion=_bound_completion(body, model, limited=limited),
        images=sum(part["type"] == "image_url" for part in contents),
        form=form,
    )


def _require_billable(part: Json, model: Model) -> None:
    match part:
        case {"type": "text" | "refusal"}:
            within(part, _TEXT, "messages")
        case {"type": "image_url", "image_url": {"url": url} as image}:
            within(part, _IMAGE, "messages")
            within(image, _IMAGE_URL, "messages")
            require_image(url, model, "messages")
        case _:
            raise RefusalError(Fault.UNSUPPORTED_PART, param="messages")


def _bound_completion(body: dict[str, Any], model: Model, *, limited: bool) -> int:
    """The most completion tokens the provider may bill; told to it when the caller did not.

    Where both fields are given, providers differ in which one they obey.
    """
    asked = (tokens(body, "max_completion_tokens", model), tokens(body, "max_tokens", model))
    given = [count for count in asked if count is not None]
    if not given and limited:
        body["max_tokens"] = model.max_output_tokens
    return choices(body, "n") * max(given, default=model.max_output_tokens)
