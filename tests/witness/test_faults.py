"""How faults are asked for, and what each does on the wire."""

import asyncio

import httpx
import pytest

from conformance.witness.asked import read
from conformance.witness.faults import FAULTS, fault, named
from conformance.witness.ledger import Outcome, WitnessCall
from tests.witness.conftest import Play, Stage, atom, chat, until

ERRORS = {name: each for name, each in FAULTS.items() if each.status != 200}


def asks_for(model: str, prompt: str) -> str | None:
    body = httpx.Request("POST", "http://x", json=chat(prompt) | {"model": model}).content
    asked = read("chat", body)
    return named(asked) if asked else None


@pytest.mark.parametrize(
    ("model", "prompt", "name"),
    [
        ("witness-1", "hello", None),
        ("witness-fault-error-500", "hello", "error-500"),
        ("openai/fault-cut:free", "hello", "cut"),
        ("fault-omit-usage-2024-01-01", "hello", "omit-usage"),
        ("fault-slow", "hello", "slow"),
        ("fault-slow-250", "hello", "slow-250"),
        ("fault-sloow", "hello", "sloow"),
        ("witness-1", "[[fault:hang]] hello", "hang"),
        ("witness-1", " [[fault:hang]]", "hang"),
        ("witness-1", "say [[fault:hang]]", None),
        ("fault-cut", "[[fault:reset]]", "reset"),
    ],
)
def test_a_fault_is_asked_for_by_model_or_prompt(model: str, prompt: str, name: str | None) -> None:
    assert asks_for(model, prompt) == name


def test_slow_takes_milliseconds() -> None:
    slow = fault("slow-250")

    assert slow is not None
    assert slow.delay == 0.25


@pytest.mark.parametrize("name", ["slow-", "slow-x", "nonsense", ""])
def test_an_unknown_name_is_no_fault(name: str) -> None:
    assert fault(name) is None


def test_an_unknown_fault_is_refused_and_not_ignored(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:nonsense]]")))

    assert answer.status_code == 400
    assert "no fault 'nonsense'" in answer.json()["error"]["message"]


async def posted(stage: Stage, body: dict[str, object]) -> httpx.Response:
    async with stage.client() as client:
        return await client.post("/chat/completions", json=body)


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_echoes_the_prompt_and_costs_nothing(
    play: Play[tuple[httpx.Response, WitnessCall]], name: str, stream: bool
) -> None:
    async def scene(stage: Stage) -> tuple[httpx.Response, WitnessCall]:
        answer = await posted(stage, chat(f"[[fault:{name}]] a very private question", stream=stream))
        return answer, await stage.ended(1)

    answer, call = play(scene)

    assert answer.status_code == ERRORS[name].status
    assert "a very private question" in answer.text
    assert (call.outcome, call.prompt_tokens, call.completion_tokens) == (Outcome.REFUSED, 0, 0)


def test_a_429_says_when_to_come_back(play: Play[httpx.Response]) -> None:
    assert play(lambda stage: posted(stage, chat("[[fault:error-429]]"))).headers["retry-after"] == "1"


def test_an_html_error_is_a_web_page_that_escapes_the_prompt(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:html-500]] <script>")))

    assert answer.headers["content-type"].startswith("text/html")
    assert "&lt;script&gt;" in answer.text


async def collect(answer: httpx.Response, received: bytearray) -> None:
    async for part in answer.aiter_raw():
        received += part


@pytest.mark.parametrize("name", ["cut", "reset"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tokens", [1, 400])
def test_a_cut_answer_breaks_off_after_its_atom_and_is_billed(
    play: Play[tuple[bytes, WitnessCall]], name: str, stream: bool, tokens: int
) -> None:
    async def scene(stage: Stage) -> tuple[bytes, WitnessCall]:
        received = bytearray()
        async with stage.client() as client:
            body = chat(f"[[fault:{name}]]", stream=stream, max_tokens=tokens)
            async with client.stream("POST", "/chat/completions", json=body) as answer:
                with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                    await collect(answer, received)
        return bytes(received), await stage.ended(1)

    received, call = play(scene)

    assert received
    assert b"[DONE]" not in received
    assert call.outcome is Outcome.CUT
    assert call.text.startswith(atom(1))
    assert len(call.text) in ({27} if tokens == 1 else range(200, 209))
    assert (call.prompt_tokens, call.completion_tokens) == (-(-len(f"[[fault:{name}]]") // 4), tokens)


def test_a_hung_call_ends_when_the_peer_leaves_and_is_billed(play: Play[WitnessCall]) -> None:
    async def scene(stage: Stage) -> WitnessCall:
        async with stage.client() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/chat/completions", json=chat("[[fault:hang]]"), timeout=0.1)
        return await stage.ended(1)

    call = play(scene)

    assert (call.outcome, call.completion_tokens, call.text) == (Outcome.HUNG, 16, "")


def test_stopping_ends_calls_that_hang(play: Play[WitnessCall]) -> None:
    async def scene(stage: Stage) -> WitnessCall:
        async with stage.client() as client, asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(failed(client, chat("[[fault:hang]]")))
            await until(lambda: stage.witness.calls)
            await stage.witness.stop()
            assert await waiting
        return await stage.ended(1)

    assert play(scene).outcome is Outcome.HUNG


async def failed(client: httpx.AsyncClient, body: dict[str, object]) -> bool:
    try:
        await client.post("/chat/completions", json=body)
    except httpx.TransportError:
        return True
    return False


@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_is_left_out_is_billed_all_the_same(
    play: Play[tuple[httpx.Response, WitnessCall]], stream: bool
) -> None:
    async def scene(stage: Stage) -> tuple[httpx.Response, WitnessCall]:
        body = chat("[[fault:omit-usage]]", stream=stream, stream_options={"include_usage": True})
        return await posted(stage, body), await stage.ended(1)

    answer, call = play(scene)

    assert '"usage"' not in answer.text
    assert (call.outcome, call.completion_tokens) == (Outcome.COMPLETE, 16)


def test_a_malformed_answer_is_complete_but_no_json(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:malformed]]")))

    assert answer.status_code == 200
    assert atom(1) in answer.text
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


def test_a_client_that_leaves_a_slow_stream_pays_for_all_of_it(play: Play[WitnessCall]) -> None:
    async def scene(stage: Stage) -> WitnessCall:
        body = chat("[[fault:slow]]", stream=True, max_tokens=4000)
        async with stage.client() as client, client.stream("POST", "/chat/completions", json=body) as answer:
            await anext(answer.aiter_raw())
        return await stage.ended(1)

    call = play(scene)

    assert call.outcome is Outcome.LOST
    assert len(call.text) < 4000
    assert call.completion_tokens == 4000
