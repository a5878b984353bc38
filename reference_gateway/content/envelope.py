"""The caller's body to what is forwarded, and the facts that bound its cost.

The body is decoded and encoded anew, so the provider reads exactly what was checked here: of a
duplicate key at any depth one value is left, escapes and spacing are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from reference_gateway.config import Model
from reference_gateway.content.billable import require_billable, require_text_only
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault, RefusalError

_MAX_CHOICES: Final = 128
_MAX_TOKENS_FIELDS: Final = ("max_completion_tokens", "max_tokens")

_decoder = msgspec.json.Decoder(dict[str, Any])
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A checked request: the body to forward, sealed, and integers about it."""

    model: Model
    body: Sealed
    stream: bool
    asked_usage: bool
    prompt_bound: int
    completion_bound: int


def read_envelope(content: Sealed, models: Mapping[str, Model], *, limited: bool) -> Envelope:
    """Checks a chat completion request. Raises RefusalError, never with a word of the body."""
    body = _decoded(content)
    model = _model(body, models)
    _check_shape(body)
    stream = _flag(body, "stream")
    asked_usage = _asked_usage(body, stream=stream)
    if limited:
        require_billable(body)
    completion_bound = _bound_completion(body, model, limited=limited)
    body["model"] = model.upstream_name
    if stream:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    forwarded = Sealed(_encoder.encode(body))
    return Envelope(
        model=model,
        body=forwarded,
        stream=stream,
        asked_usage=asked_usage,
        # No tokenizer makes more tokens than the body has bytes: see `prompt_overhead_tokens` for the rest.
        prompt_bound=len(forwarded) + model.prompt_overhead_tokens,
        completion_bound=completion_bound,
    )


def _decoded(content: Sealed) -> dict[str, Any]:
    try:
        return _decoder.decode(unsealed(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        # `from None`: a UnicodeDecodeError holds the whole body.
        raise RefusalError(Fault.NOT_JSON) from None


def _model(body: Mapping[str, Any], models: Mapping[str, Model]) -> Model:
    name = body.get("model")
    if not isinstance(name, str):
        raise RefusalError(Fault.BAD_VALUE, param="model")
    model = models.get(name)
    if model is None:
        raise RefusalError(Fault.UNKNOWN_MODEL, param="model")
    return model


def _check_shape(body: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    well_formed = isinstance(messages, list) and all(isinstance(message, dict) for message in messages)
    if not messages or not well_formed:
        raise RefusalError(Fault.BAD_VALUE, param="messages")
    require_text_only(messages)
    store = body.get("store")
    if store is not None and store is not False:
        raise RefusalError(Fault.STORED, param="store")
    tools = body.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise RefusalError(Fault.BAD_VALUE, param="tools")


def _flag(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusalError(Fault.BAD_VALUE, param=name)
    return bool(value)


def _asked_usage(body: Mapping[str, Any], *, stream: bool) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict) or not stream:
        raise RefusalError(Fault.BAD_VALUE, param="stream_options")
    return _flag(options, "include_usage")


def _count(body: Mapping[str, Any], name: str, most: int, too_many: Fault) -> int | None:
    """A positive integer; a boolean, which Python takes for one, is not."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise RefusalError(Fault.BAD_VALUE, param=name)
    if value > most:
        raise RefusalError(too_many, param=name)
    return value


def _bound_completion(body: dict[str, Any], model: Model, *, limited: bool) -> int:
    """The most completion tokens the provider may bill; told to it when the caller did not."""
    choices = _count(body, "n", _MAX_CHOICES, Fault.BAD_VALUE) or 1
    most = model.max_output_tokens
    asked = [_count(body, name, most, Fault.TOO_MANY_TOKENS) for name in _MAX_TOKENS_FIELDS]
    given = [count for count in asked if count is not None]
    if not given and limited:
        body["max_tokens"] = most
    return choices * max(given, default=most)
