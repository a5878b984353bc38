"""`POST responses`, without the state that its provider would keep."""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from reference_gateway.config import Model
from reference_gateway.content.billable import (
    SAMPLING,
    require_function,
    require_image,
    require_usual_tier,
    within,
)
from reference_gateway.content.fields import flag, objects, parts, tokens
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.meter import Events, Tokens, Usage, counted, data_of, decoded, read_answer
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault, RefusalError, responses_error_event

_BODY: Final = SAMPLING | {
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "stream",
    "stream_options",
    "top_logprobs",
    "text",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "include",
    "truncation",
    "metadata",
    "prompt_cache_key",
    "service_tier",
    "store",
    # Checked for every key: what is left of them says no.
    "background",
    "conversation",
    "previous_response_id",
    "prompt",
}
_ITEMS: Final = {
    "message": frozenset({"type", "role", "content", "id", "status", "phase"}),
    "function_call": frozenset({"type", "id", "call_id", "name", "arguments", "status"}),
    "function_call_output": frozenset({"type", "id", "call_id", "output", "status"}),
    "reasoning": frozenset({"type", "id", "summary", "content", "encrypted_content", "status"}),
}
_TEXT: Final = frozenset({"type", "text", "refusal", "annotations", "logprobs"})
_IMAGE: Final = frozenset({"type", "image_url", "detail"})
_TOOL: Final = frozenset({"type", "name", "description", "parameters", "strict"})
_REASONING: Final = frozenset({"effort", "summary", "generate_summary"})
_STREAM_OPTIONS: Final = frozenset({"include_obfuscation"})
_STATE: Final = {
    "previous_response_id": Fault.PREVIOUS_RESPONSE,
    "conversation": Fault.PREVIOUS_RESPONSE,
    "prompt": Fault.STORED_PROMPT,
}


def read(body: Json, model: Model, *, limited: bool) -> Demand:
    """Checks a Responses request, and forbids its provider to store it. Raises RefusalError."""
    _refuse_state(body)
    items = _items(body)
    contents = [part for item in items for part in _contents(item)]
    tools = objects(body, "tools")
    stream = flag(body, "stream")
    if limited:
        _require_billable(body, items)
        for part in contents:
            _require_billable_part(part, model)
        for tool in tools:
            require_function(tool, _TOOL)
    most = tokens(body, "max_output_tokens", model)
    if most is None and limited:
        body["max_output_tokens"] = model.max_output_tokens
    # Always said, because the default of this API is to store.
    body["store"] = False
    return Demand(
        body=body,
        stream=stream,
        completion=model.max_output_tokens if most is None else most,
        images=sum(part["type"] == "input_image" for part in contents),
        form=Responses(),
    )


def _refuse_state(body: Json) -> None:
    if flag(body, "background"):
        raise RefusalError(Fault.BACKGROUND, param="background")
    flag(body, "store")
    for name, fault in _STATE.items():
        if body.get(name) is not None:
            raise RefusalError(fault, param=name)


def _items(body: Json) -> list[Json]:
    if isinstance(body.get("input"), str):
        return []
    items = objects(body, "input")
    if not items:
        raise RefusalError(Fault.BAD_VALUE, param="input")
    for item in items:
        # The type of a reference may be left out, and that of a message too; a message has a role.
        if _type(item) == "item_reference" or (item.get("type") is None and "role" not in item):
            raise RefusalError(Fault.PREVIOUS_RESPONSE, param="input")
    return items


def _type(item: Json) -> str:
    kind = item.get("type", "message")
    if kind is None:
        return "message"
    if not isinstance(kind, str):
        raise RefusalError(Fault.BAD_VALUE, param="input")
    return kind


def _contents(item: Json) -> list[Json]:
    match _type(item):
        case "message":
            return parts(item, "content", "input")
        case "function_call_output":
            return parts(item, "output", "input")
        case _:
            return []


def _require_billable(body: Json, items: list[Json]) -> None:
    within(body, _BODY)
    require_usual_tier(body)
    for name, allowed in (("reasoning", _REASONING), ("stream_options", _STREAM_OPTIONS)):
        value = body.get(name)
        if value is not None:
            if not isinstance(value, dict):
                raise RefusalError(Fault.BAD_VALUE, param=name)
            within(value, allowed, name)
    for item in items:
        within(item, _ITEMS.get(_type(item), frozenset()), "input")


def _require_billable_part(part: Json, model: Model) -> None:
    match part:
        case {"type": "input_text" | "output_text" | "refusal"}:
            within(part, _TEXT, "input")
        case {"type": "input_image"}:
            within(part, _IMAGE, "input")
            require_image(part.get("image_url"), model, "input")
        case _:
            raise RefusalError(Fault.UNSUPPORTED_PART, param="input")


class _InputDetails(Struct, frozen=True):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class _TokenCounts(Struct, frozen=True):
    input_tokens: Tokens
    output_tokens: Tokens
    total_tokens: Tokens | None = None
    input_tokens_details: _InputDetails | None = None

    def usage(self) -> Usage | None:
        details = self.input_tokens_details or _InputDetails()
        return counted(
            self.input_tokens,
            self.output_tokens,
            cached=details.cached_tokens,
            written=details.cache_write_tokens,
            total=self.total_tokens,
        )


class _Response(Struct, frozen=True):
    usage: _TokenCounts | None = None

    def billed(self) -> Usage | None:
        return self.usage.usage() if self.usage else None


class _Event(Struct, frozen=True):
    type: str
    response: msgspec.Raw = msgspec.Raw()


_response: Final = msgspec.json.Decoder(_Response)
_event: Final = msgspec.json.Decoder(_Event)
# The last event of a stream, one of these; `error` is none, because `response.failed` may follow it.
_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
_TELLING: Final = tuple(name.encode() for name in _ENDS)


@dataclass(frozen=True, slots=True)
class Responses:
    """Answers are shown as they come."""

    def whole(self, answer: Sealed) -> tuple[Sealed, Usage | None]:
        """See `Form`."""
        response = read_answer(_response, answer)
        return answer, response.billed() if response else None

    def refused(self, _status: int, answer: Sealed) -> Sealed:
        """See `Form`. The provider's own words, in the API that was asked."""
        return answer

    def stream(self) -> "ResponseEvents":
        """See `Form`."""
        return ResponseEvents()


class ResponseEvents(Events):
    """See `EventReader`. The event that ends the stream holds the usage; it is kept back until `end`."""

    def __init__(self) -> None:
        super().__init__()
        self._last = b""
        self._usage: Usage | None = None

    @property
    def final_usage(self) -> Usage | None:
        """See `EventReader`."""
        return self._usage

    def end(self) -> Sealed:
        """See `EventReader`."""
        return Sealed(self._last)

    def fault(self, fault: Fault) -> bytes:
        """See `EventReader`."""
        return responses_error_event(fault)

    def tells(self, data: bytes) -> bool:
        """See `Events`."""
        return any(name in data for name in _TELLING)

    def read(self, event: bytes) -> bytes:
        """See `Events`."""
        read = decoded(_event, data_of(event))
        if read is None or read.type not in _ENDS:
            return event
        response = decoded(_response, bytes(read.response))
        self._usage = response.billed() if response else None
        self._last = event
        self.done = True
        return b""
