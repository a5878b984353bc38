"""The official SDKs work against the witness unchanged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest

from conformance.witness.canaries import TOOL
from tests.witness.conftest import Play, Stage, atom

ASK: Any = {"model": "witness-1", "messages": [{"role": "user", "content": "12345678"}]}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("look", "speak")
]


@asynccontextmanager
async def sdk(stage: Stage) -> AsyncIterator[openai.AsyncOpenAI]:
    transport = openai.DefaultAsyncHttpxClient(verify=stage.trust)
    async with openai.AsyncOpenAI(
        api_key="any", base_url=stage.witness.url, http_client=transport, max_retries=0
    ) as client:
        yield client


def test_a_chat_completion_carries_atom_and_usage(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            answer = await client.chat.completions.create(**ASK, max_tokens=40, n=2)
        assert [choice.index for choice in answer.choices] == [0, 1]
        texts = [choice.message.content or "" for choice in answer.choices]
        assert {len(text) for text in texts} == {40}
        assert all(text.startswith(atom(1)) for text in texts)
        assert answer.model == "witness-1"
        assert answer.usage is not None
        used = (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
        assert used == (2, 80, 82)
        call = await stage.ended(1)
        assert (call.prompt_tokens, call.completion_tokens) == (2, 80)
        assert call.text == "".join(texts)

    play(scene)


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_tells_usage_only_when_asked(play: Play[None], include_usage: bool) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            stream = await client.chat.completions.create(
                **ASK, max_tokens=100, stream=True, stream_options={"include_usage": include_usage}
            )
            chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        told = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]
        finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        assert told == ([100] if include_usage else [])
        assert (finishes[-1], set(finishes[:-1])) == ("length", {None})
        call = await stage.ended(1)
        assert (call.text, call.stream, call.completion_tokens) == (text, True, 100)
        assert text.startswith(atom(1))

    play(scene)


@pytest.mark.parametrize(
    ("choice", "name"), [("required", "look"), ({"type": "function", "function": {"name": "speak"}}, "speak")]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_tool_is_called_with_the_atom(
    play: Play[None], choice: Any, name: str, stream: bool
) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            if stream:
                parts = await client.chat.completions.create(
                    **ASK, tools=TOOLS, tool_choice=choice, stream=True
                )
                deltas = [d async for part in parts for d in part.choices[0].delta.tool_calls or ()]
                functions = [delta.function for delta in deltas if delta.function]
            else:
                answer = await client.chat.completions.create(**ASK, tools=TOOLS, tool_choice=choice)
                functions = [
                    getattr(call, "function", None) for call in answer.choices[0].message.tool_calls or ()
                ]
        called = [(function.name, function.arguments or "") for function in functions if function]
        assert called[0][0] == name
        assert "".join(arguments for _, arguments in called) == f'{{"text": "{atom(1, TOOL)}"}}'
        assert atom(1, TOOL) in (await stage.ended(1)).text

    play(scene)


def test_tools_that_are_not_forced_are_not_called(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            answer = await client.chat.completions.create(**ASK, tools=TOOLS, tool_choice="auto")
        assert answer.choices[0].message.content == atom(1)

    play(scene)


@pytest.mark.parametrize("stream", [False, True])
def test_completions_are_served(play: Play[None], stream: bool) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            if stream:
                parts = await client.completions.create(model="m", prompt="a", stream=True)
                text = "".join([part.choices[0].text async for part in parts])
            else:
                text = (await client.completions.create(model="m", prompt="a")).choices[0].text
        assert text == atom(1) == (await stage.ended(1)).text

    play(scene)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_numbers_that_depend_on_the_call(play: Play[None], encoding: Any) -> None:
    async def scene(stage: Stage) -> None:
        async with stage.client() as plain, sdk(stage) as client:
            raw = await plain.post("/embeddings", json={"input": ["a", "b"], "encoding_format": encoding})
            answer = await client.embeddings.create(model="m", input=["a", "b"])
        assert isinstance(raw.json()["data"][0]["embedding"], list if encoding == "float" else str)
        first, second = (item.embedding for item in answer.data)
        assert len(first) == len(second) == 64
        assert first != second
        assert (await stage.ended(2)).completion_tokens == 0
        assert answer.usage.prompt_tokens == 1

    play(scene)


def test_responses_are_served(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            answer = await client.responses.create(model="m", input="1234", max_output_tokens=32)
        assert answer.output_text.startswith(atom(1))
        assert answer.usage is not None
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1, 32)

    play(scene)


def test_messages_are_served(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        transport = anthropic.DefaultAsyncHttpxClient(verify=stage.trust)
        base = stage.witness.url.removesuffix("/v1")
        async with anthropic.AsyncAnthropic(api_key="any", base_url=base, http_client=transport) as client:
            answer = await client.messages.create(**ASK, max_tokens=32)
        block = answer.content[0]
        assert block.type == "text"
        assert block.text.startswith(atom(1))
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (2, 32)

    play(scene)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error-401", openai.AuthenticationError),
        ("error-429", openai.RateLimitError),
        ("error-500", openai.InternalServerError),
        ("html-500", openai.InternalServerError),
        ("cut", openai.APIConnectionError),
    ],
)
def test_faults_are_errors_of_the_sdk(play: Play[None], name: str, error: type[openai.OpenAIError]) -> None:
    async def scene(stage: Stage) -> None:
        async with sdk(stage) as client:
            with pytest.raises(error):
                await client.chat.completions.create(**(ASK | {"model": f"witness-fault-{name}"}))

    play(scene)
