"""Every part of an answer that can be kept carries a canary of its own, and what keeps it is told which part it was."""

import asyncio
import json
from typing import Any

import anthropic
import httpx
import openai
import pytest

from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId
from conformance.scan.engine import canary_engine
from conformance.witness.canaries import (
    ERROR,
    HEADER,
    LOGPROBS,
    PATH,
    REASONING,
    REFUSAL,
    TEXT,
    TOOL,
    VECTOR,
    Marks,
    Minted,
)
from conformance.witness.server import Witness
from tests.scan.searching import KEY, scan
from tests.witness.conftest import CANARIES, Play, Stage, atom, chat

MINT = Mint(KEY)
ENGINE = canary_engine(MINT)
TOOLS: dict[str, dict[str, Any]] = {
    "/chat/completions": {
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
    },
    "/responses": {
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "look"},
    },
    "/messages": {
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
    },
}
REASON: dict[str, dict[str, Any]] = {
    "/chat/completions": {"reasoning_effort": "low"},
    "/responses": {"reasoning": {"effort": "low", "summary": "auto"}},
    "/messages": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
}
TALKS = ["/chat/completions", "/responses", "/messages"]
each_talk = pytest.mark.parametrize("path", TALKS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def body(path: str, prompt: str = "hello", **more: Any) -> dict[str, Any]:
    """A request that every endpoint takes."""
    if path in {"/completions", "/embeddings", "/responses"}:
        name = "prompt" if path == "/completions" else "input"
        return {"model": "witness-1", name: prompt, "max_tokens": 64, **more}
    return {**chat(prompt), "max_tokens": 64, **more}


def fields(answer: httpx.Response) -> set[str]:
    """The fields whose canaries a scan finds in an answer, its head included."""
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items()).encode()
    found, _ = scan(ENGINE, [head + b"\r\n" + answer.content])
    return {one.canary.field for one in found if one.canary}


def answered(path: str, content: dict[str, Any]) -> httpx.Response:
    """The answer of a witness with the canaries of a run."""

    async def scene() -> httpx.Response:
        async with (
            Witness(host="127.0.0.1", port=0, tls=None, canaries=Minted(MINT)) as witness,
            httpx.AsyncClient(base_url=witness.url, timeout=10, trust_env=False) as client,
        ):
            return await client.post(path, json=content)

    return asyncio.run(scene())


def kept(path: str, **more: Any) -> set[str]:
    """What a scan finds in the answer to one request, but for its head."""
    return fields(answered(path, body(path, **more))) - {HEADER}


@pytest.mark.parametrize("path", [*TALKS, "/completions"])
@whole_and_streamed
def test_texts(path: str, stream: bool) -> None:
    assert kept(path, stream=stream) == {TEXT}


@each_talk
@whole_and_streamed
def test_arguments_of_tools(path: str, stream: bool) -> None:
    assert kept(path, stream=stream, **TOOLS[path]) == {TOOL}


@each_talk
@whole_and_streamed
def test_reasoning_where_it_is_asked_for(path: str, stream: bool) -> None:
    assert kept(path, stream=stream, **REASON[path]) == {TEXT, REASONING}


@each_talk
@whole_and_streamed
def test_refusals(path: str, stream: bool) -> None:
    assert kept(path, stream=stream, prompt="[[fault:refusal]] hello") == {REFUSAL}


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/chat/completions", {"logprobs": True, "top_logprobs": 3}), ("/completions", {"logprobs": 3})],
)
def test_alternatives_to_tokens_where_they_are_asked_for(path: str, asked: dict[str, Any]) -> None:
    assert kept(path, **asked) == {TEXT, LOGPROBS}


def test_tokens_of_a_stream_come_with_their_probability() -> None:
    path = "/chat/completions"
    answer = answered(path, body(path, stream=True, logprobs=True, top_logprobs=1))

    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    choices = [choice for event in events for choice in event["choices"] if choice["logprobs"]]
    assert [c["logprobs"]["content"][0]["token"] for c in choices] == [c["delta"]["content"] for c in choices]
    assert [len(c["logprobs"]["content"][0]["top_logprobs"]) for c in choices] == [1] + [0] * (
        len(choices) - 1
    )


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("dimensions", [None, 16, 1536])
def test_embeddings(encoding: str, dimensions: int | None) -> None:
    assert kept("/embeddings", encoding_format=encoding, dimensions=dimensions) == {VECTOR}


def test_each_vector_of_an_answer_is_told_apart() -> None:
    answer = answered("/embeddings", {"input": ["a", "b", "c"]})

    read = [MINT.read_vector(item["embedding"]) for item in answer.json()["data"]]

    assert [(one.path, one.field, one.copy) for one in read if one] == [(PATH, VECTOR, n) for n in range(3)]


def test_equal_texts_are_embedded_alike_and_others_are_not() -> None:
    marks = [Marks(number, Minted(Mint(KEY))) for number in (1, 2, 3)]
    one, again, other = (m.embedding(0, text, 64) for m, text in zip(marks, ("a", "a", "b"), strict=True))

    assert _cosine(one, again) > 0.99
    assert abs(_cosine(one, other)) < 0.5


def _cosine(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return float(product / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)


@pytest.mark.parametrize("path", [*TALKS, "/completions", "/embeddings"])
@pytest.mark.parametrize("fault", ["error-400", "html-500", "text-502", "once-500"])
def test_errors_beside_the_prompt_that_they_echo(path: str, fault: str) -> None:
    answer = answered(path, body(path, f"[[fault:{fault}]] a private question"))

    assert "a private question" in answer.text
    assert fields(answer) == {ERROR, HEADER}


@each_talk
def test_errors_that_end_a_stream(path: str) -> None:
    answer = answered(path, body(path, "[[fault:stream-error]] a private question", stream=True))

    assert answer.status_code == 200
    assert "a private question" in answer.text.rstrip().splitlines()[-1]
    assert fields(answer) == {TEXT, ERROR, HEADER}


def test_no_two_calls_have_one_canary_and_each_call_knows_its_own(play: Play[list[dict[str, str]]]) -> None:
    async def scene(stage: Stage) -> list[dict[str, str]]:
        async with stage.client() as client:
            await client.post("/chat/completions", json=chat())
            await client.post("/embeddings", json={"input": "a"})
            await client.get("/models")
        return [dict((await stage.ended(number)).canaries) for number in (1, 2, 3)]

    assert play(scene) == [
        {TEXT: atom(1), HEADER: atom(1, HEADER)},
        {VECTOR: atom(2, VECTOR), HEADER: atom(2, HEADER)},
        {},
    ]


def test_canaries_of_a_run_are_on_the_path_of_answers() -> None:
    mint = Mint(KEY)
    canary = mint.read(Minted(mint).atom(7, TEXT))

    assert canary == CanaryId(sequence=0, path=PATH, field=TEXT, copy=0)


def test_stand_ins_tell_calls_and_fields_apart() -> None:
    made = {
        CANARIES.atom(number, field) for number in (1, 2) for field in (TEXT, TOOL, ERROR, HEADER, VECTOR)
    }

    assert len(made) == 10
    assert {len(one) for one in made} == {27}


def test_a_streamed_response_is_read_by_its_sdk(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        client = openai.AsyncOpenAI(
            api_key="any",
            base_url=stage.witness.url,
            http_client=openai.DefaultAsyncHttpxClient(verify=stage.trust),
        )
        async with client:
            stream = await client.responses.create(
                model="m", input="1234", max_output_tokens=100, stream=True, reasoning={"effort": "low"}
            )
            events = [event async for event in stream]
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        last = events[-1]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert last.type == "response.completed"
        assert last.response.output_text == text == (await stage.ended(1)).text
        assert last.response.usage is not None
        assert (last.response.usage.input_tokens, last.response.usage.output_tokens) == (1, 100)

    play(scene)


@pytest.mark.parametrize(
    "more", [{}, TOOLS["/messages"], REASON["/messages"]], ids=["text", "tool", "reasoning"]
)
def test_a_streamed_message_is_read_by_its_sdk(play: Play[None], more: dict[str, Any]) -> None:
    async def scene(stage: Stage) -> None:
        client = anthropic.AsyncAnthropic(
            api_key="any",
            base_url=stage.witness.url.removesuffix("/v1"),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=stage.trust),
        )
        asked = {"model": "m", "messages": [{"role": "user", "content": "1234"}], "max_tokens": 100, **more}
        async with client, client.messages.stream(**asked) as stream:
            message = await stream.get_final_message()
        call = await stage.ended(1)
        block = message.content[-1].to_dict()
        said = block.get("text") or json.dumps(block["input"])
        assert said == call.text
        assert (message.usage.input_tokens, message.usage.output_tokens) == (call.prompt_tokens, 100)

    play(scene)


@each_talk
def test_usage_is_left_out_of_streams_too(path: str) -> None:
    asked = body(path, "[[fault:omit-usage]]", stream=True, stream_options={"include_usage": True})

    assert '"usage"' not in answered(path, asked).text
