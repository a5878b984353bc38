"""What a request may cost at most, and what the provider says that it did cost. Pure."""

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
PARTS = ("text", "refusal", "image_url", "input_audio", "image", "tool_use", "tool_result")
PICTURES = ("image_url", "image")

CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES = "/chat/completions", "/completions", "/embeddings", "/messages"
ENDPOINTS = (CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES)
_COUNTS = {CHAT: ("prompt_tokens", "completion_tokens"), MESSAGES: ("input_tokens", "output_tokens")}
STREAMED = (CHAT, COMPLETIONS, MESSAGES)


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

    endpoint: str
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


def order_of(body: bytes, models: Mapping[str, Model], endpoint: str = CHAT) -> Order:
    """Read a request to an endpoint; ValueError if it is malformed, or cannot be priced."""
    request = {name: value for name, value in parse(body).items() if value is not None}
    model = models.get(_text(request.get("model")))
    if model is None or any(name in request for name in REPRICING):
        raise ValueError("no price is known for this")
    stream, options = request.get("stream", False), request.get("stream_options", {})
    if not isinstance(stream, bool) or not isinstance(options, dict):
        raise ValueError("stream is a truth value, stream_options an object")  # noqa: TRY004  as above
    if stream and endpoint not in STREAMED:
        raise ValueError("this is not streamed here")
    pictures = _pictures(endpoint, request)
    answers, most = _bounded(endpoint, request, model)
    request["model"] = model.upstream
    if stream and endpoint != MESSAGES:
        request["stream_options"] = {**options, "include_usage": True}
    payload = _encode(request)
    prompt = len(payload) + pictures * IMAGE_TOKENS  # no tokenizer makes more tokens than there are bytes
    return Order(
        endpoint=endpoint,
        model=model,
        payload=payload,
        stream=stream,
        wants_usage=options.get("include_usage") is True,
        worst=answers * model.price(prompt, most),
    )


def _bounded(endpoint: str, request: dict[str, object], model: Model) -> tuple[int, int]:
    """How many answers there will be, and of how many tokens each at most; where the caller set no bound, one is set."""
    if endpoint == EMBEDDINGS:
        return 1, 0
    caps = [_positive(request[name]) for name in ("max_tokens", "max_completion_tokens") if name in request]
    if not caps:
        request["max_tokens"] = model.max_output
    prompts = request.get("prompt")
    batch = len(prompts) if endpoint == COMPLETIONS and isinstance(prompts, list) else 1
    return batch * _positive(request.get("n", 1)), max(caps, default=model.max_output)


def _encode(request: dict[str, object]) -> bytes:
    """What was priced is what is sent: the parsed request, so that no duplicate name is read in two ways."""
    try:
        return json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _pictures(endpoint: str, request: Mapping[str, object]) -> int:
    """How many parts cost more than their bytes tell."""
    if endpoint in (COMPLETIONS, EMBEDDINGS):
        _prompts(request.get("prompt" if endpoint == COMPLETIONS else "input"))
        return 0
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages is a list, and not empty")
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("a message is an object")
    contents = [message.get("content") for message in messages]
    kinds = [_kind(part) for content in contents if isinstance(content, list) for part in content]
    return sum(kind in PICTURES for kind in kinds)


def _prompts(given: object) -> None:
    """Text, or a list of texts: tokens as numbers could be more than there are bytes."""
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError("a prompt is a text, or a list of texts")


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


def usage_in(body: bytes, endpoint: str = CHAT, before: Usage | None = None) -> Usage | None:
    """The usage that an answer or a chunk carries; None if there is none that could be believed.

    A stream of messages tells it in two parts, of which `before` is the first.
    """
    try:
        told = parse(body)
    except ValueError:
        return None
    message = told.get("message")
    usage = told.get("usage", message.get("usage") if isinstance(message, dict) else None)
    if not isinstance(usage, dict):
        return None
    prompt, completion = (usage.get(name) for name in _COUNTS.get(endpoint, _COUNTS[CHAT]))
    if endpoint == EMBEDDINGS:
        completion = 0
    if endpoint == MESSAGES and prompt is None and before is not None:
        prompt = before.prompt
    if not _is_count(prompt) or not _is_count(completion):
        return None
    return Usage(prompt=prompt, completion=completion)


def ends(data: bytes, endpoint: str) -> bool:
    """Whether the data of an event says that nothing follows."""
    if endpoint != MESSAGES:
        return data == b"[DONE]"
    try:
        return parse(data).get("type") == "message_stop"
    except ValueError:
        return False


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
