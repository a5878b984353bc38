"""The official Anthropic SDK, at a provider that speaks its API and at one that does not."""

from typing import Any

import anthropic
import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, NANO, PROMPT_NANO, RunningGateway
from tests.reference_gateway.sdk import anthropic_sdk
from tests.reference_gateway.stub_provider import PROMPT_TOKENS, PROVIDER_KEY, StubProvider

HELLO: Any = [{"role": "user", "content": "hello"}]
BILL = (PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO) / NANO
BOTH = pytest.mark.parametrize("model", ["native", "ordinary"])


@BOTH
def test_a_message_comes_back_with_its_usage_and_id(gateway: RunningGateway, model: str) -> None:
    public_id, key = gateway.new_key("1")

    with anthropic_sdk(gateway, key) as client:
        message = client.messages.create(model=model, messages=HELLO, max_tokens=5, system="be brief")

    assert [block.text for block in message.content if block.type == "text"] == ["a fine answer"]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (PROMPT_TOKENS, 5)
    assert message.stop_reason == "end_turn"
    assert str(message._request_id).startswith("req_")
    assert gateway.account(public_id)["usage"] == BILL


@BOTH
def test_a_stream_is_gathered_to_a_message(gateway: RunningGateway, model: str) -> None:
    public_id, key = gateway.new_key("1")

    with (
        anthropic_sdk(gateway, key) as client,
        client.messages.stream(model=model, messages=HELLO, max_tokens=5) as stream,
    ):
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert text.startswith("one two ")
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 5)
    assert gateway.account(public_id)["usage"] == BILL


def test_the_native_provider_gets_its_own_headers_and_nothing_of_the_callers(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    _, key = gateway.new_key("1")

    with anthropic_sdk(gateway, key) as client:
        client.messages.create(model="native", messages=HELLO, max_tokens=5)

    sent = stub.seen[-1]
    assert sent.path == "/v1/messages"
    assert sent.headers["x-api-key"] == PROVIDER_KEY
    assert "anthropic-version" in sent.headers
    assert "authorization" not in sent.headers
    assert key not in str(sent)


FAULTS: list[tuple[dict[str, Any], type[anthropic.APIStatusError], str]] = [
    ({"model": "unknown"}, anthropic.NotFoundError, "not_found_error"),
    ({"max_tokens": 101}, anthropic.BadRequestError, "invalid_request_error"),
    ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, anthropic.BadRequestError, "invalid_request"),
]


@pytest.mark.parametrize(("fields", "kind", "said"), FAULTS)
def test_faults_map_to_the_sdks_exceptions(
    gateway: RunningGateway, fields: dict[str, Any], kind: type[anthropic.APIStatusError], said: str
) -> None:
    asked = {"model": "native", "messages": HELLO, "max_tokens": 5, **fields}

    with anthropic_sdk(gateway, gateway.new_key("1")[1]) as client, pytest.raises(kind) as raised:
        client.messages.create(**asked)

    assert said in str(raised.value.body)
    assert str(raised.value.request_id).startswith("req_")


def test_a_providers_refusal_comes_translated_in_its_own_words(gateway: RunningGateway) -> None:
    with (
        anthropic_sdk(gateway, gateway.new_key("1")[1]) as client,
        pytest.raises(anthropic.BadRequestError) as raised,
    ):
        client.messages.create(model="refuses-400", messages=HELLO, max_tokens=5)

    assert raised.value.body == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "the provider's own words"},
    }


def test_a_reached_limit_is_a_billing_error_and_not_repeated(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    seen = len(stub.seen)

    with (
        anthropic_sdk(gateway, gateway.new_key("0")[1]) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.messages.create(model="native", messages=HELLO, max_tokens=5)

    assert raised.value.status_code == 402
    assert "billing_error" in str(raised.value.body)
    assert len(stub.seen) == seen


def test_a_wrong_key_is_an_authentication_error(gateway: RunningGateway) -> None:
    with anthropic_sdk(gateway, "sk-wrong") as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(model="native", messages=HELLO, max_tokens=5)


def test_a_translated_stream_that_breaks_off_is_an_error(gateway: RunningGateway) -> None:
    with anthropic_sdk(gateway, gateway.new_key("1")[1]) as client:
        stream = client.messages.create(model="cut", messages=HELLO, max_tokens=5, stream=True)
        with pytest.raises(anthropic.APIStatusError) as raised:
            list(stream)

    assert "api_error" in str(raised.value.body)
