"""The official OpenAI SDK at the endpoints other than chat completions."""

from typing import Any

import openai
import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, NANO, PROMPT_NANO, RunningGateway
from tests.reference_gateway.sdk import openai_sdk
from tests.reference_gateway.stub_provider import PROMPT_TOKENS, StubProvider

BILL = (PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO) / NANO


def test_a_completion_comes_back_and_is_billed(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        completion = client.completions.create(model="ordinary", prompt="hello", max_tokens=5)

    assert completion.choices[0].text == "a fine answer"
    assert gateway.account(public_id)["usage"] == BILL


@pytest.mark.parametrize("asked", [True, False])
def test_a_streamed_completion_ends_with_its_usage_when_asked(gateway: RunningGateway, asked: bool) -> None:
    public_id, key = gateway.new_key("1")
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}

    with openai_sdk(gateway, key) as client:
        stream = client.completions.create(
            model="ordinary", prompt="hello", max_tokens=5, stream=True, **options
        )
        chunks = list(stream)

    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "a fine answer"
    assert [chunk.usage is not None for chunk in chunks] == [False] + [True] * asked
    assert gateway.account(public_id)["usage"] == BILL


@pytest.mark.parametrize("texts", ["one", ["one", "two"], [1, 2, 3], [[1, 2], [3]]])
def test_embeddings_come_back_and_are_billed_by_the_prompt(gateway: RunningGateway, texts: Any) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        answer = client.embeddings.create(model="ordinary", input=texts, encoding_format="float")

    assert answer.data[0].embedding == [0.5, 0.25]
    assert gateway.account(public_id)["usage"] == PROMPT_TOKENS * PROMPT_NANO / NANO


def test_a_response_comes_back_is_billed_and_may_not_be_stored(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        response = client.responses.create(model="ordinary", input="hello", max_output_tokens=5)

    assert response.output_text == "a fine answer"
    assert stub.seen[-1].body["store"] is False
    assert gateway.account(public_id)["usage"] == BILL


def test_a_streamed_response_comes_in_its_events(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    with openai_sdk(gateway, key) as client:
        events = list(
            client.responses.create(model="ordinary", input="hello", max_output_tokens=5, stream=True)
        )

    assert [event.type for event in events] == [
        "response.created",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.completed",
    ]
    assert gateway.account(public_id)["usage"] == BILL


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an earlier response": ({"previous_response_id": "resp_1"}, "stored_state_refused"),
    "a conversation": ({"conversation": "conv_1"}, "stored_state_refused"),
    "background": ({"background": True}, "background_refused"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, "stored_prompt_refused"),
    "a server's tool": ({"tools": [{"type": "web_search"}]}, "field_not_billable"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_have_to_be_stored_is_refused_clearly(
    gateway: RunningGateway, stub: StubProvider, what: str
) -> None:
    fields, code = REFUSED[what]
    seen = len(stub.seen)

    with openai_sdk(gateway, gateway.new_key("1")[1]) as client, pytest.raises(openai.BadRequestError) as no:
        client.responses.create(model="ordinary", input="hello", **fields)

    assert no.value.code == code
    assert len(stub.seen) == seen


def test_asking_to_store_is_answered_without_storing(gateway: RunningGateway, stub: StubProvider) -> None:
    with openai_sdk(gateway, gateway.new_key("1")[1]) as client:
        client.responses.create(model="ordinary", input="hello", store=True)

    assert stub.seen[-1].body["store"] is False


TOOLS: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
MESSAGES: Any = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "hello"}]},
    {
        "role": "assistant",
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "seen"},
]


def test_tools_and_choices_are_forwarded_as_they_were_sent(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    with openai_sdk(gateway, gateway.new_key("1")[1]) as client:
        client.chat.completions.create(
            model="ordinary", messages=MESSAGES, tools=TOOLS, tool_choice="auto", n=2, max_tokens=5
        )

    sent = stub.seen[-1].body
    assert (sent["messages"], sent["tools"], sent["tool_choice"], sent["n"]) == (MESSAGES, TOOLS, "auto", 2)


def test_an_image_is_refused_to_a_limited_key_and_forwarded_for_another(
    gateway: RunningGateway, stub: StubProvider
) -> None:
    picture: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}
    messages: Any = [{"role": "user", "content": [picture]}]

    with openai_sdk(gateway, gateway.new_key("1")[1]) as client, pytest.raises(openai.BadRequestError) as no:
        client.chat.completions.create(model="ordinary", messages=messages)
    with openai_sdk(gateway, gateway.new_key()[1]) as client:
        client.chat.completions.create(model="ordinary", messages=messages)

    assert no.value.code == "unsupported_content_part"
    assert stub.seen[-1].body["messages"] == messages
