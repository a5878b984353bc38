"""What the second gateway serves beside chat, and what it tells of an exchange."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts.conftest import MASTER, TINY, House
from tests.hosts.second_http import Call, Ending
from tests.hosts.second_order import EMBEDDINGS, order_of
from tests.hosts.stub_provider import COMPLETION_TOKENS, PROMPT_TOKENS

COMPLETION = {"model": "tiny", "prompt": "hello", "max_tokens": 50}
EMBEDDING = {"model": "tiny", "input": ["hello", "again"]}
MESSAGE = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 50}

Heard = list[tuple[int, Ending, bytes]]


def hear(house: House) -> Heard:
    """What the gateway tells of each call at its end."""
    heard: Heard = []

    def on_end(call: Call, status: int, ending: Ending) -> None:
        if call.path == "/v1/chat/completions":
            heard.append((status, ending, call.body))

    house.gateway.on_end = on_end  # type: ignore[method-assign]  # as a twin would, without a class of its own
    return heard


@pytest.mark.parametrize(
    ("path", "body", "tokens"),
    [
        ("/v1/completions", COMPLETION, (PROMPT_TOKENS, COMPLETION_TOKENS)),
        ("/v1/embeddings", EMBEDDING, (PROMPT_TOKENS, 0)),
        ("/v1/messages", MESSAGE, (PROMPT_TOKENS, COMPLETION_TOKENS)),
        ("/v1/messages", {**MESSAGE, "stream": True}, (PROMPT_TOKENS, COMPLETION_TOKENS)),
    ],
)
def test_an_endpoint_is_charged_by_the_providers_count(
    house: House, path: str, body: dict[str, Any], tokens: tuple[int, int]
) -> None:
    key = house.key()

    reply = house.call("POST", path, key["key"], body)

    assert reply.status == 200
    assert house.spent(key["token"]) == TINY.price(*tokens)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {**EMBEDDING, "stream": True}),
        ("/v1/embeddings", {**EMBEDDING, "input": [1, 2, 3]}),
        ("/v1/embeddings", {**EMBEDDING, "input": []}),
        ("/v1/completions", {**COMPLETION, "prompt": [[1, 2]]}),
        ("/v1/completions", {**COMPLETION, "best_of": 4}),
        ("/v1/messages", {**MESSAGE, "messages": [{"role": "user", "content": [{"type": "document"}]}]}),
    ],
)
def test_what_cannot_be_priced_is_refused_before_it_is_sent(
    house: House, path: str, body: dict[str, Any]
) -> None:
    reply = house.call("POST", path, house.key()["key"], body)

    assert reply.status == 400
    assert house.ledger.bodies == []


def test_several_prompts_are_held_for_each_of_them() -> None:
    one, two = (
        order_of(json.dumps({**COMPLETION, "prompt": ["a"] * count}).encode(), {"tiny": TINY}, "/completions")
        for count in (1, 2)
    )

    assert two.worst > 2 * one.worst - TINY.price(10, 0)


def test_embeddings_are_held_without_a_completion() -> None:
    body = json.dumps(EMBEDDING).encode()

    order = order_of(body, {"tiny": TINY}, EMBEDDINGS)

    assert order.worst == TINY.price(len(order.payload), 0)


def test_a_larger_body_is_read_where_the_configuration_says_so(build: Callable[..., House]) -> None:
    house = build(largest_body=1000)
    key = house.key()["key"]

    assert house.chat(key, "hello").status == 200
    assert house.chat(key, "hello " * 200).status == 413


def test_every_exchange_is_told_at_its_end_refused_ones_too(house: House) -> None:
    key = house.key()["key"]
    heard = hear(house)

    house.chat(key, "hello", stream=True)
    house.chat(key, "please fail")
    house.call("POST", "/v1/chat/completions", "sk-nobody", b"no JSON")
    house.gateway.stop()  # waits for what is under way

    told = {status: (ending, body) for status, ending, body in heard}
    assert {status: ending for status, (ending, _) in told.items()} == {
        200: "whole",
        502: "whole",
        401: "whole",
    }
    assert told[401][1] == b"no JSON"


def test_a_stream_that_the_provider_cut_is_told_as_broken(house: House) -> None:
    key = house.key()["key"]
    heard = hear(house)

    with pytest.raises(Exception, match="IncompleteRead"):
        house.chat(key, "please cut", stream=True)
    house.gateway.stop()  # as above

    assert [(status, ending) for status, ending, _ in heard] == [(200, "broken")]


def test_the_master_key_opens_no_inference(house: House) -> None:
    assert house.call("POST", "/v1/embeddings", MASTER, EMBEDDING).status == 401
