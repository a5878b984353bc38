"""The official SDK, unchanged, with a private CA."""

from collections.abc import Callable
from typing import Any, NamedTuple

import openai
import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, NANO, PROMPT_NANO, RunningGateway
from tests.reference_gateway.sdk import openai_sdk
from tests.reference_gateway.stub_provider import PROMPT_TOKENS, PROVIDER_KEY, StubProvider

HELLO: Any = [{"role": "user", "content": "hello"}]


def test_a_completion_comes_back_with_its_usage_and_id(gateway: RunningGateway) -> None:
    with openai_sdk(gateway, gateway.new_key("1")[1]) as client:
        completion = client.chat.completions.create(model="ordinary", messages=HELLO, max_tokens=5)

    assert completion.choices[0].message.content == "a fine answer"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 5
    assert str(completion._request_id).startswith("req_")


@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_has_a_usage_chunk_only_when_asked(gateway: RunningGateway, asked: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    with openai_sdk(gateway, gateway.new_key("1")[1]) as client:
        chunks = list(
            client.chat.completions.create(
                model="ordinary", messages=HELLO, stream=True, max_tokens=5, **options
            )
        )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "one two three"
    assert [chunk.usage is not None for chunk in chunks] == [False, False, False] + [True] * asked


@pytest.mark.parametrize("stream", [True, False])
def test_the_bill_is_exact_when_the_answer_ends(gateway: RunningGateway, stream: bool) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        answer = client.chat.completions.create(model="ordinary", messages=HELLO, stream=stream, max_tokens=5)
        _ = list(answer)

    bill = (PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO) / NANO
    account = gateway.account(public_id)
    assert account["usage"] == bill
    assert account["limit_remaining"] == 1 - bill


def test_the_models_are_listed_with_their_prices(gateway: RunningGateway) -> None:
    with openai_sdk(gateway, gateway.new_key()[1]) as client:
        models = {model.id: model for model in client.models.list()}

    pricing: Any = models["ordinary"].model_extra
    assert pricing["pricing"] == {"prompt": "0.000001", "completion": "0.000002"}


class Expected(NamedTuple):
    """A request and what the SDK makes of its refusal."""

    model: str
    fields: dict[str, Any]
    kind: type[openai.APIError]
    status: int
    code: str


FAULTS = [
    Expected("unknown", {}, openai.NotFoundError, 404, "model_not_found"),
    Expected("ordinary", {"n": 0}, openai.BadRequestError, 400, "invalid_value"),
    Expected("ordinary", {"max_tokens": 101}, openai.BadRequestError, 400, "max_tokens_too_large"),
    Expected("ordinary", {"service_tier": "priority"}, openai.BadRequestError, 400, "field_not_billable"),
    Expected("refuses-400", {}, openai.BadRequestError, 400, "c"),
    Expected("refuses-401", {}, openai.InternalServerError, 502, "provider_error"),
]


@pytest.mark.parametrize("expected", FAULTS)
def test_faults_map_to_the_sdks_exceptions_without_a_retry(
    gateway: RunningGateway, stub: StubProvider, expected: Expected
) -> None:
    public_id, key = gateway.new_key("1")
    seen = len(stub.seen)

    with openai_sdk(gateway, key) as client, pytest.raises(expected.kind) as raised:
        client.chat.completions.create(model=expected.model, messages=HELLO, **expected.fields)

    assert isinstance(raised.value, openai.APIStatusError)
    assert (raised.value.status_code, raised.value.code) == (expected.status, expected.code)
    assert str(raised.value.request_id).startswith("req_")
    assert len(stub.seen) - seen <= 1
    assert gateway.account(public_id)["usage"] == 0


@pytest.mark.parametrize(
    ("model", "kind"), [("refuses-429", openai.RateLimitError), ("refuses-500", openai.InternalServerError)]
)
def test_transient_faults_may_be_repeated(
    gateway: RunningGateway, model: str, kind: type[openai.APIStatusError]
) -> None:
    with openai_sdk(gateway, gateway.new_key()[1]) as client, pytest.raises(kind) as raised:
        client.with_options(max_retries=0).chat.completions.create(model=model, messages=HELLO)

    assert "x-should-retry" not in raised.value.response.headers


def test_a_wrong_key_is_an_authentication_error(gateway: RunningGateway) -> None:
    with openai_sdk(gateway, "sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_a_reached_limit_is_402_and_not_repeated(gateway: RunningGateway, stub: StubProvider) -> None:
    _, key = gateway.new_key("0")
    seen = len(stub.seen)

    with openai_sdk(gateway, key) as client, pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="ordinary", messages=HELLO)

    assert (raised.value.status_code, raised.value.code, raised.value.type) == (
        402,
        "key_limit_exceeded",
        "insufficient_quota",
    )
    assert len(stub.seen) == seen


@pytest.mark.parametrize("model", ["early-end", "cut"])
def test_a_stream_that_breaks_off_is_an_error_and_charged_in_full(
    gateway: RunningGateway, model: str
) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        stream = client.chat.completions.create(model=model, messages=HELLO, stream=True, max_tokens=5)
        with pytest.raises(openai.APIError) as raised:
            list(stream)

    assert raised.value.code == "provider_cut"
    assert gateway.account(public_id)["usage"] > (PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO) / NANO


def test_an_answer_without_usage_is_charged_in_full(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        client.chat.completions.create(model="without-usage", messages=HELLO, max_tokens=5)

    assert gateway.account(public_id)["usage"] > 5 * COMPLETION_NANO / NANO


def test_nothing_of_the_caller_but_the_body_reaches_the_provider(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    _, key = gateway.new_key()
    with openai_sdk(gateway, key) as client:
        client.chat.completions.create(
            model="ordinary", messages=HELLO, extra_headers={"cookie": "a=b", "x-forwarded-for": "1.2.3.4"}
        )

    sent = stub.seen[-1]
    assert set(sent.headers) == {
        "host",
        "authorization",
        "content-type",
        "accept",
        "accept-encoding",
        "content-length",
    }
    assert sent.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert key not in str(sent)


CALLS: list[Callable[[openai.OpenAI], object]] = [
    lambda client: client.chat.completions.create(model="native", messages=HELLO),
    lambda client: client.embeddings.create(model="native", input="a"),
    lambda client: client.responses.create(model="native", input="a"),
    lambda client: client.completions.create(model="native", prompt="a"),
]


@pytest.mark.parametrize("call", CALLS)
def test_what_the_models_provider_does_not_offer_is_not_found(
    gateway: RunningGateway, call: Callable[[openai.OpenAI], object]
) -> None:
    with openai_sdk(gateway, gateway.new_key()[1]) as client, pytest.raises(openai.NotFoundError) as raised:
        call(client)

    assert raised.value.code == "endpoint_not_offered"
