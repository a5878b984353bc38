"""What a chat request may cost at most, and what the provider says that it did cost. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn, TypeGuard

LARGEST_EVENT = 1 << 20
IMAGE_TOKENS = 50_000
# Each of these makes a provider charge by another price list than the one that the hold is computed from.
REPRICING = ("audio", "best_of", "modalities", "service_tier", "web_search_options")
PARTS = ("text", "refusal", "image_url", "input_audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model on offer: its name at the provider, and its prices in pico-dollars per token."""

    upstream: str
    prompt_pico: int
    completion_pico: int
    max_output: int

    def price(self, prompt: int, completion: int) -> int:
        """Cost in pico-dollars of so many tokens."""
        return prompt * self.prompt_pico + completion * self.completion_pico


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as counted by the provider."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request as the provider will get it. `worst` is the most that it can cost, in pico-dollars."""

    model: Model
    payload: bytes
    stream: bool
    wants_usage: bool
    worst: int


def parse(body: bytes, *, exact: bool = False) -> dict[str, object]:
    """A JSON object, or ValueError; `exact` keeps fractions as Decimal, as money needs."""
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=Decimal if exact else float)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  one kind of error for all that a caller may send
    return value


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON (RFC 8259, section 6)")


def order_of(body: bytes, models: Mapping[str, Model]) -> Order:
    """Read a chat request; ValueError if it is malformed, or cannot be priced."""
    request = {name: value for name, value in parse(body).items() if value is not None}
    model = models.get(_text(request.get("model")))
    if model is None or any(name in request for name in REPRICING):
        raise ValueError("no price is known for this")
    stream, options = request.get("stream", False), request.get("stream_options", {})
    if not isinstance(stream, bool) or not isinstance(options, dict):
        raise ValueError("stream is a truth value, stream_options an object")  # noqa: TRY004  as above
    images = _images(request.get("messages"))
    count = _positive(request.get("n", 1))
    caps = [_positive(request[name]) for name in ("max_tokens", "max_completion_tokens") if name in request]
    request["model"] = model.upstream
    if not caps:
        request["max_tokens"] = model.max_output
    if stream:
        request["stream_options"] = {**options, "include_usage": True}
    payload = _encode(request)
    prompt = len(payload) + images * IMAGE_TOKENS  # no tokenizer makes more tokens than there are bytes
    return Order(
        model=model,
        payload=payload,
        stream=stream,
        wants_usage=options.get("include_usage") is True,
        worst=count * model.price(prompt, max(caps, default=model.max_output)),
    )


def _encode(request: dict[str, object]) -> bytes:
    """What was priced is what is sent: the parsed request, so that no duplicate name is read in two ways."""
    try:
        return json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _images(messages: object) -> int:
    """How many parts cost more than their bytes tell."""
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages is a list, and not empty")
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("a message is an object")
    contents = [message.get("content") for message in messages]
    kinds = [_kind(part) for content in contents if isinstance(content, list) for part in content]
    return kinds.count("image_url")


def _kind(part: object) -> str:
    kind = _text(part.get("type")) if isinstance(part, dict) else ""
    if kind not in PARTS:
        raise ValueError("no bound is known for this kind of content")
    return kind


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _positive(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a count is a whole number above zero")
    return value


def usage_in(body: bytes) -> Usage | None:
    """The usage that an answer or a chunk carries; None if there is none that could be believed."""
    try:
        usage = parse(body).get("usage")
    except ValueError:
        return None
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not _is_count(prompt) or not _is_count(completion):
        return None
    return Usage(prompt=prompt, completion=completion)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_usage_only(data: bytes) -> bool:
    """Whether a chunk is the one that `include_usage` adds: usage, and no choices."""
    try:
        chunk = parse(data)
    except ValueError:
        return False
    return chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)


def events(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Server-sent events, each with its closing blank line; ValueError if one will not end."""
    event = b""
    for line in lines:
        event += line
        if len(event) > LARGEST_EVENT:
            raise ValueError("an event that does not end")
        if not line.strip():
            yield event
            event = b""
    if event:
        yield event


def data_of(event: bytes) -> bytes:
    """The data of an event (WHATWG HTML, 9.2.6), without the rule for a lone carriage return."""
    fields = (line.partition(b":") for line in event.splitlines())
    return b"\n".join(value.removeprefix(b" ") for name, _, value in fields if name == b"data")
