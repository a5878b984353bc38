"""`POST messages`, Anthropic's shape, for providers that speak it themselves."""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from reference_gateway.config import Model
from reference_gateway.content.billable import require_image, within
from reference_gateway.content.fields import flag, objects, parts, tokens
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.meter import Events, Tokens, Usage, counted, data_of, decoded, read_answer
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault, RefusalError, anthropic_error_event

_BODY: Final = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stop_sequences",
        "stream",
        "temperature",
        "top_k",
        "top_p",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "service_tier",
        "cache_control",
    }
)
_MESSAGE: Final = frozenset({"role", "content"})
_BLOCKS: Final = {
    "text": frozenset({"type", "text", "citations", "cache_control"}),
    "image": frozenset({"type", "source", "cache_control"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
}
_TOOL: Final = frozenset(
    {"type", "name", "description", "input_schema", "input_examples", "strict", "cache_control"}
)
_TOOL_TYPES: Final = (None, "custom")
_THINKING: Final = frozenset({"type", "budget_tokens", "display"})
# "auto" is what an absent tier means.
_TIERS: Final = (None, "auto", "standard_only")
# What is written to the cache for an hour costs more than what is written for the usual five minutes,
# and a model has one price for both.
_CACHE: Final = ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"})


def read(body: Json, model: Model, *, limited: bool) -> Demand:
    """Checks a request to Anthropic's Messages API. Raises RefusalError."""
    messages = objects(body, "messages")
    if not messages:
        raise RefusalError(Fault.BAD_VALUE, param="messages")
    blocks = [block for message in messages for block in _blocks(message)]
    system = parts(body, "system", "system")
    tools = objects(body, "tools")
    stream = flag(body, "stream")
    most = tokens(body, "max_tokens", model)
    if most is None:
        raise RefusalError(Fault.BAD_VALUE, param="max_tokens")
    thinking = {} if body.get("thinking") is None else body["thinking"]
    if not isinstance(thinking, dict):
        raise RefusalError(Fault.BAD_VALUE, param="thinking")
    if limited:
        _require_billable(body, messages, tools)
        for block in [*blocks, *system]:
            _require_billable_block(block, model)
        within(thinking, _THINKING, "thinking")
    return Demand(
        body=body,
        stream=stream,
        completion=max(most, tokens(thinking, "budget_tokens", model) or 0),
        images=sum(block["type"] == "image" for block in blocks),
        form=Messages(),
    )


def _blocks(message: Json) -> list[Json]:
    """The blocks of a message and those inside of its tool results."""
    blocks = parts(message, "content", "messages")
    inner = (parts(block, "content", "messages") for block in blocks if block["type"] == "tool_result")
    return [*blocks, *(block for content in inner for block in content)]


def _require_billable(body: Json, messages: list[Json], tools: list[Json]) -> None:
    within(body, _BODY)
    _require_usual_cache(body)
    if body.get("service_tier") not in _TIERS:
        raise RefusalError(Fault.UNBILLABLE_FIELD, param="service_tier")
    for message in messages:
        within(message, _MESSAGE, "messages")
    for tool in tools:
        within(tool, _TOOL, "tools")
        _require_usual_cache(tool)
        if tool.get("type") not in _TOOL_TYPES:
            raise RefusalError(Fault.UNBILLABLE_FIELD, param="tools")


def _require_billable_block(block: Json, model: Model) -> None:
    allowed = _BLOCKS.get(block["type"])
    if allowed is None:
        raise RefusalError(Fault.UNSUPPORTED_PART, param="messages")
    within(block, allowed, "messages")
    _require_usual_cache(block)
    if block["type"] == "image":
        require_image(_url(block.get("source")), model, "messages")


def _require_usual_cache(holder: Json) -> None:
    cache = holder.get("cache_control")
    if cache is not None and cache not in _CACHE:
        raise RefusalError(Fault.UNBILLABLE_FIELD, param="cache_control")


def _url(source: object) -> object:
    match source:
        case {"type": "base64", "media_type": str(media)}:
            return f"data:{media}"
        case {"type": "url", "url": url}:
            return url
        case _:
            return None


class _TokenCounts(Struct, frozen=True):
    """Every field may be absent from one event of a stream; then that of an earlier one holds."""

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None

    def updated(self, by: "_TokenCounts") -> "_TokenCounts":
        return _TokenCounts(
            *(new if new is not None else old for new, old in zip(_counts(by), _counts(self), strict=True))
        )

    def usage(self) -> Usage | None:
        """`input_tokens` are those that the cache had no part in; what is billed as prompt is the sum."""
        plain, completion, cached, written = _counts(self)
        if plain is None or completion is None:
            return None
        prompt = plain + (cached or 0) + (written or 0)
        return counted(prompt, completion, cached=cached, written=written)


def _counts(of: _TokenCounts) -> tuple[int | None, int | None, int | None, int | None]:
    return of.input_tokens, of.output_tokens, of.cache_read_input_tokens, of.cache_creation_input_tokens


class _Message(Struct, frozen=True):
    usage: _TokenCounts = _TokenCounts()


class _Event(Struct, frozen=True):
    """`message_start` has the counts in its message, `message_delta` beside its delta."""

    type: str
    message: _Message = _Message()
    usage: _TokenCounts = _TokenCounts()


_message: Final = msgspec.json.Decoder(_Message)
_event: Final = msgspec.json.Decoder(_Event)
_TELLING: Final = (b"message_start", b"message_delta", b"message_stop")


@dataclass(frozen=True, slots=True)
class Messages:
    """Answers are shown as they come."""

    def whole(self, answer: Sealed) -> tuple[Sealed, Usage | None]:
        """See `Form`."""
        message = read_answer(_message, answer)
        return answer, message.usage.usage() if message else None

    def refused(self, _status: int, answer: Sealed) -> Sealed:
        """See `Form`. The provider's own words, in the API that was asked."""
        return answer

    def stream(self) -> "MessageEvents":
        """See `Form`."""
        return MessageEvents()


class MessageEvents(Events):
    """See `EventReader`. `message_stop` is kept back until `end`."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: _TokenCounts | None = _TokenCounts()
        self._last = b""

    @property
    def final_usage(self) -> Usage | None:
        """What was counted up to the end; without an end, the counts are not the bill."""
        return self._counts.usage() if self.done and self._counts else None

    def end(self) -> Sealed:
        """See `EventReader`."""
        return Sealed(self._last)

    def fault(self, fault: Fault) -> bytes:
        """See `EventReader`."""
        return anthropic_error_event(fault)

    def tells(self, data: bytes) -> bool:
        """See `Events`."""
        return any(name in data for name in _TELLING)

    def read(self, event: bytes) -> bytes:
        """See `Events`."""
        told = decoded(_event, data_of(event))
        if told is None:
            self._counts = None  # counts that are not credible also end belief in those of other events
            return event
        if told.type == "message_stop":
            self.done = True
            self._last = event
            return b""
        if told.type in {"message_start", "message_delta"} and self._counts:
            self._counts = self._counts.updated(told.message.usage).updated(told.usage)
        return event
