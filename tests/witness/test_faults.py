"""How faults are asked for, and what each does on the wire."""

import asyncio
import json
from contextlib import suppress

import httpx
import pytest

from conformance.witness.asked import read
from conformance.witness.canaries import TOOL
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


@pytest.mark.parametrize(("name", "status"), [("once-500", 500), ("once-429", 429)])
def test_a_fault_of_once_fails_the_first_call_that_says_the_same(
    play: Play[tuple[list[int], list[int]]], name: str, status: int
) -> None:
    async def scene(stage: Stage) -> tuple[list[int], list[int]]:
        prompts = ("first", "first", "second", "first")
        answers = [await posted(stage, chat(f"[[fault:{name}]] {prompt}")) for prompt in prompts]
        billed = [(await stage.ended(number)).completion_tokens for number in (1, 2, 3, 4)]
        return [answer.status_code for answer in answers], billed

    assert play(scene) == ([status, 200, status, 200], [0, 16, 0, 16])


def test_a_retry_by_another_model_is_answered(play: Play[list[int]]) -> None:
    async def scene(stage: Stage) -> list[int]:
        bodies = [chat("hello") | {"model": model} for model in ("fault-once-500", "witness-1")]
        return [(await posted(stage, body)).status_code for body in bodies]

    assert play(scene) == [500, 200]


def events(answer: httpx.Response) -> list[str]:
    """What the events of a stream hold."""
    return [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]


def parses(text: str) -> bool:
    """Whether this is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_a_malformed_event_stands_alone_among_good_ones(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:malformed-event]]", stream=True, max_tokens=80)))

    good = [parses(event) for event in events(answer)]
    assert good.count(False) == 1
    assert 0 < good.index(False) < len(good) - 1
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_whole_answer_is_malformed_where_an_event_would_be(play: Play[httpx.Response]) -> None:
    assert not parses(play(lambda stage: posted(stage, chat("[[fault:malformed-event]]"))).text)


def test_an_error_in_the_middle_of_a_stream_is_its_last_event_and_the_call_is_billed(
    play: Play[tuple[httpx.Response, WitnessCall]],
) -> None:
    async def scene(stage: Stage) -> tuple[httpx.Response, WitnessCall]:
        answer = await posted(stage, chat("[[fault:stream-error]] mine", stream=True, max_tokens=400))
        return answer, await stage.ended(1)

    answer, call = play(scene)

    last = json.loads(events(answer)[-1])["error"]
    assert "mine" in last["message"]
    assert "[DONE]" not in answer.text
    assert call.text.startswith(atom(1))
    assert len(call.text) in range(200, 209)
    assert (call.outcome, call.completion_tokens) == (Outcome.COMPLETE, 400)


def test_without_a_stream_that_error_is_the_answer(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:stream-error]] mine")))

    assert answer.status_code == 500
    assert "mine" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["cut", "stream-error"])
@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/messages"])
def test_what_breaks_off_never_breaks_a_canary(play: Play[WitnessCall], name: str, path: str) -> None:
    tool = {"name": "look", "type": "function"}
    body = {
        **chat(f"[[fault:{name}]]", stream=True, max_tokens=1),
        "input": f"[[fault:{name}]]",
        "tools": [tool],
        "tool_choice": tool,
    }

    async def scene(stage: Stage) -> WitnessCall:
        received = bytearray()
        async with stage.client() as client, client.stream("POST", path, json=body) as answer:
            with suppress(httpx.RemoteProtocolError):
                await collect(answer, received)
        return await stage.ended(1)

    assert atom(1, TOOL) in play(scene).text


def test_a_model_that_refuses_says_so_and_is_paid(play: Play[tuple[httpx.Response, WitnessCall]]) -> None:
    async def scene(stage: Stage) -> tuple[httpx.Response, WitnessCall]:
        answer = await posted(stage, chat("[[fault:refusal]]", max_tokens=40))
        return answer, await stage.ended(1)

    answer, call = play(scene)

    message = answer.json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["refusal"] == call.text
    assert call.completion_tokens == 40


def test_a_proxy_may_answer_with_a_line_of_text(play: Play[httpx.Response]) -> None:
    answer = play(lambda stage: posted(stage, chat("[[fault:text-502]] mine")))

    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.endswith("mine")
