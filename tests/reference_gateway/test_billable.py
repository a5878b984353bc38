"""What a key with a spend limit may not send, and a key without one may."""

from typing import Any

import pytest

from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault
from tests.reference_gateway.asking import BILLED, SIGHTED, forwarded, read, refusal

CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, MESSAGES = BILLED
CACHED_TEXT: dict[str, Any] = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
LONG_CACHED: dict[str, Any] = {
    "type": "text",
    "text": "a",
    "cache_control": {"type": "ephemeral", "ttl": "1h"},
}
FUNCTION = {"name": "f", "parameters": {"type": "object"}}

UNBILLABLE: list[tuple[Endpoint, dict[str, Any]]] = [
    (CHAT, {"service_tier": "priority"}),
    (CHAT, {"service_tier": ["auto"]}),
    (CHAT, {"prediction": {"type": "content", "content": "x"}}),
    (CHAT, {"web_search_options": {}}),
    (CHAT, {"plugins": []}),
    (CHAT, {"models": ["m", "other"]}),
    (CHAT, {"modalities": ["audio"]}),
    (CHAT, {"prompt_cache_retention": "24h"}),
    (CHAT, {"max_output_tokens": 5}),
    (CHAT, {"tools": [{"type": "web_search"}]}),
    (CHAT, {"tools": [{"type": "function", "function": FUNCTION, "cache_control": {}}]}),
    (CHAT, {"stream": True, "stream_options": {"other": 1}}),
    (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "a"}}]}),
    (CHAT, {"messages": [{"role": "user", "content": [CACHED_TEXT]}]}),
    (COMPLETIONS, {"use_beam_search": True}),
    (COMPLETIONS, {"max_completion_tokens": 5}),
    (COMPLETIONS, {"service_tier": "flex"}),
    (EMBEDDINGS, {"input_type": "query"}),
    (RESPONSES, {"tools": [{"type": "web_search"}]}),
    (RESPONSES, {"tools": [{"type": "function", **FUNCTION, "defer_loading": True}]}),
    (RESPONSES, {"service_tier": "priority"}),
    (RESPONSES, {"context_management": [{"type": "compaction"}]}),
    (RESPONSES, {"reasoning": {"effort": "low", "mode": "pro"}}),
    (RESPONSES, {"stream": True, "stream_options": {"other": 1}}),
    (RESPONSES, {"input": [{"type": "compaction", "encrypted_content": "a"}]}),
    (RESPONSES, {"input": [{"type": "mcp_approval_response", "approve": True}]}),
    (RESPONSES, {"input": [{"role": "user", "content": "a", "cache": 1}]}),
    (MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    (MESSAGES, {"service_tier": "priority"}),
    (MESSAGES, {"speed": "fast"}),
    (MESSAGES, {"inference_geo": "us"}),
    (MESSAGES, {"mcp_servers": []}),
    (MESSAGES, {"container": "c"}),
    (MESSAGES, {"messages": [{"role": "user", "content": [LONG_CACHED]}]}),
    (MESSAGES, {"system": [LONG_CACHED]}),
    (MESSAGES, {"tools": [{"name": "f", "cache_control": LONG_CACHED["cache_control"]}]}),
    (MESSAGES, {"cache_control": LONG_CACHED["cache_control"]}),
    (MESSAGES, {"thinking": {"type": "enabled", "budget_tokens": 5, "other": 1}}),
]
UNBOUNDED_PARTS: list[tuple[Endpoint, dict[str, Any]]] = [
    (CHAT, {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
    (CHAT, {"type": "file", "file": {"file_id": "f"}}),
    (CHAT, {"type": "video_url", "video_url": {"url": "https://a"}}),
    (CHAT, {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,aa"}}),
    (CHAT, {"type": "image_url", "image_url": {"url": "http://a"}}),
    (CHAT, {"type": "image_url", "image_url": {"url": 5}}),
    (CHAT, {"type": "image_url", "image_url": "https://a"}),
    (CHAT, {"type": "image_url"}),
    (RESPONSES, {"type": "input_file", "file_url": "https://a"}),
    (RESPONSES, {"type": "input_audio", "input_audio": {}}),
    (RESPONSES, {"type": "input_image", "image_url": "file:///a"}),
    (RESPONSES, {"type": "input_image", "image_url": None}),
    (MESSAGES, {"type": "document", "source": {"type": "url", "url": "https://a"}}),
    (MESSAGES, {"type": "image", "source": {"type": "file", "file_id": "f"}}),
    (MESSAGES, {"type": "image", "source": {"type": "base64", "media_type": "application/pdf", "data": ""}}),
    (MESSAGES, {"type": "image"}),
    (MESSAGES, {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document", "source": {}}]}),
]


@pytest.mark.parametrize(("endpoint", "fields"), UNBILLABLE, ids=str)
def test_a_limited_key_may_not_send_what_has_no_bounded_cost(
    endpoint: Endpoint, fields: dict[str, Any]
) -> None:
    assert refusal(endpoint, fields).fault is Fault.UNBILLABLE_FIELD


@pytest.mark.parametrize(("endpoint", "fields"), UNBILLABLE, ids=str)
def test_a_key_without_a_limit_may(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    body = forwarded(read(endpoint, fields, limited=False))

    given = {name: value for name, value in fields.items() if name != "stream_options"}
    assert given.items() <= body.items()


def in_content(endpoint: Endpoint, part: dict[str, Any]) -> dict[str, Any]:
    holder = "input" if endpoint is Endpoint.RESPONSES else "messages"
    return {holder: [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(("endpoint", "part"), UNBOUNDED_PARTS, ids=str)
def test_a_limited_key_may_not_send_files_audio_or_what_only_claims_to_be_an_image(
    endpoint: Endpoint, part: dict[str, Any]
) -> None:
    assert refusal(endpoint, in_content(endpoint, part), model=SIGHTED).fault is Fault.UNSUPPORTED_PART


@pytest.mark.parametrize(("endpoint", "part"), UNBOUNDED_PARTS, ids=str)
def test_for_a_key_without_a_limit_they_are_passed_on_as_they_are(
    endpoint: Endpoint, part: dict[str, Any]
) -> None:
    fields = in_content(endpoint, part)

    assert fields.items() <= forwarded(read(endpoint, fields, limited=False)).items()


IMAGES: list[tuple[Endpoint, dict[str, Any]]] = [
    (CHAT, {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "high"}}),
    (CHAT, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aa"}}),
    (RESPONSES, {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"}),
    (MESSAGES, {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}),
    (MESSAGES, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}),
]


@pytest.mark.parametrize(("endpoint", "image"), IMAGES, ids=str)
def test_an_image_costs_what_the_model_says_and_its_bytes(endpoint: Endpoint, image: dict[str, Any]) -> None:
    fields = in_content(endpoint, image)
    blind = read(endpoint, fields, limited=False)

    envelope = read(endpoint, fields, model=SIGHTED)

    assert fields.items() <= forwarded(envelope).items()
    imposed = len(envelope.body) - len(blind.body)  # a bound on the answer
    assert envelope.prompt_bound == blind.prompt_bound + imposed + 50


@pytest.mark.parametrize(("endpoint", "image"), IMAGES, ids=str)
def test_a_model_without_a_bound_for_images_gets_none_from_a_limited_key(
    endpoint: Endpoint, image: dict[str, Any]
) -> None:
    assert refusal(endpoint, in_content(endpoint, image)).fault is Fault.UNSUPPORTED_PART


def test_images_in_a_tool_result_are_counted_too() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image, image]}
    fields = in_content(MESSAGES, result)

    counted = (
        read(MESSAGES, fields, model=SIGHTED).prompt_bound
        - read(MESSAGES, fields, limited=False).prompt_bound
    )

    assert counted == 100


@pytest.mark.parametrize("tier", [None, "auto", "default"])
@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS, RESPONSES])
def test_the_usual_tier_may_be_named(endpoint: Endpoint, tier: str | None) -> None:
    assert forwarded(read(endpoint, {"service_tier": tier}))["service_tier"] == tier


@pytest.mark.parametrize("cache", [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}])
def test_what_is_written_to_the_cache_for_the_usual_time_has_a_price(cache: dict[str, str]) -> None:
    block = {"type": "text", "text": "a", "cache_control": cache}
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": cache}
    fields = {"system": [block], "tools": [tool], **in_content(MESSAGES, block), "cache_control": cache}

    assert fields.items() <= forwarded(read(MESSAGES, fields)).items()


def each(endpoint: Endpoint, name: str, *values: Any) -> list[tuple[Endpoint, dict[str, Any]]]:
    return [(endpoint, {name: value}) for value in values]


MALFORMED = [
    *each(CHAT, "messages", None, [], {}, "hello", ["hello"], [{"content": 5}], [{"content": ["a"]}]),
    *each(
        CHAT, "messages", [{"content": [{}]}], [{"content": [{"type": []}]}], [{"content": [{"type": None}]}]
    ),
    *each(CHAT, "tools", {}, "a", [1]),
    *each(CHAT, "stream", 1, "true", []),
    *each(CHAT, "stream_options", {}, [], 1),
    (CHAT, {"stream": True, "stream_options": {"include_usage": 1}}),
    *each(COMPLETIONS, "prompt", None, [], {}, 5, ["a", 1], [[]], [[1], "a"], [-1], [True], [1.0]),
    *each(COMPLETIONS, "suffix", 5, []),
    *each(COMPLETIONS, "echo", 1),
    *each(EMBEDDINGS, "input", None, [], {}, 5, [1.5], [[1], [1.5]], [{"image": "a"}]),
    *each(EMBEDDINGS, "stream", True),
    *each(RESPONSES, "input", None, [], {}, 5, ["a"], [{"role": "user", "content": 5}]),
    *each(
        RESPONSES, "input", [{"type": [], "role": "user"}], [{"type": "function_call_output", "output": {}}]
    ),
    *each(RESPONSES, "store", "no"),
    *each(RESPONSES, "background", "no"),
    *each(MESSAGES, "messages", None, [], [{"role": "user", "content": {}}]),
    *each(MESSAGES, "max_tokens", None),
    *each(MESSAGES, "thinking", [1], "a"),
    *each(MESSAGES, "system", {}, 1),
]


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize(("endpoint", "fields"), MALFORMED, ids=str)
def test_what_is_malformed_is_refused_for_every_key(
    endpoint: Endpoint, fields: dict[str, Any], limited: bool
) -> None:
    refused = refusal(endpoint, fields, limited=limited)

    assert refused.fault is Fault.BAD_VALUE
    assert refused.param is not None


@pytest.mark.parametrize("store", [True, 1, 0, "yes"])
@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS, EMBEDDINGS])
def test_storing_at_the_provider_is_refused(endpoint: Endpoint, store: Any) -> None:
    assert refusal(endpoint, {"store": store}, limited=False).fault is Fault.STORED


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("store", [False, None])
@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS, EMBEDDINGS])
def test_a_caller_who_brings_it_up_gets_a_no_to_storing_forwarded(
    endpoint: Endpoint, store: bool | None, limited: bool
) -> None:
    assert forwarded(read(endpoint, {"store": store}, limited=limited))["store"] is False
