"""Streams whose client, provider or key goes away."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.reference_gateway.gateway import (
    COMPLETION_NANO,
    NANO,
    PROMPT_NANO,
    RunningGateway,
    chat,
    running_gateway,
    write_config,
    write_tls,
)
from tests.reference_gateway.raw_tls import open_connection
from tests.reference_gateway.stub_provider import (
    PROMPT_TOKENS,
    StubProvider,
    held_stream,
    overbilling,
    running_stub,
    silence,
)

BILL = (PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO) / NANO
HELD = chat("held", stream=True, max_tokens=5)


def eventually(gateway: RunningGateway, public_id: str) -> float:
    """The usage once it is more than nothing."""
    for _ in range(200):
        usage: float = gateway.account(public_id)["usage"]
        if usage:
            return usage
    return 0.0


@pytest.fixture
def holding(stub: StubProvider) -> Iterator[StubProvider]:
    stub.released.clear()
    yield stub
    stub.released.set()


@pytest.mark.parametrize("how", ["disabled", "deleted", "rotated"])
def test_revoking_a_key_ends_its_open_stream(
    gateway: RunningGateway, holding: StubProvider, how: str
) -> None:
    public_id, key = gateway.new_key("1")
    path = f"/api/v1/keys/{public_id}"
    with gateway.client(key) as client, client.stream("POST", "/v1/chat/completions", json=HELD) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        with gateway.admin() as admin:
            if how == "disabled":
                admin.patch(path, json={"disabled": True})
            elif how == "deleted":
                admin.delete(path)
            else:
                admin.post(f"{path}/rotate")
        rest = [line for line in lines if line]

    assert "first" in first
    assert json.loads(rest[0].removeprefix("data: "))["error"]["code"] == "key_revoked"
    assert rest[1:] == ["data: [DONE]"]
    assert not holding.released.is_set()


def test_a_revoked_stream_is_still_billed_by_its_usage(
    gateway: RunningGateway, holding: StubProvider
) -> None:
    public_id, key = gateway.new_key("1")
    with gateway.client(key) as client, client.stream("POST", "/v1/chat/completions", json=HELD) as answer:
        lines = answer.iter_lines()
        next(lines)
        with gateway.admin() as admin:
            admin.patch(f"/api/v1/keys/{public_id}", json={"disabled": True})
        list(lines)

    holding.released.set()

    assert eventually(gateway, public_id) == BILL


def test_a_client_that_leaves_is_billed_by_the_usage(gateway: RunningGateway, holding: StubProvider) -> None:
    public_id, key = gateway.new_key("1")
    with gateway.client(key) as client, client.stream("POST", "/v1/chat/completions", json=HELD) as answer:
        next(answer.iter_lines())

    holding.released.set()

    assert eventually(gateway, public_id) == BILL


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with little patience, whose stub misbehaves."""
    folder: Path = tmp_path_factory.mktemp("strict")
    write_tls(folder)
    bounds = (
        "[bounds]\nprovider_idle_seconds = 0.5\nhead_seconds = 1.0\ndrain_seconds = 0.5\nmax_answer = 4096\n"
    )
    with running_stub(folder) as stub:
        stub.scripts |= {"silence": silence, "held": held_stream, "overbilling": overbilling}
        config = write_config(folder, stub.url, ["silence", "held", "overbilling"], bounds)
        # One worker, since its bound on connections is its own.
        text = config.read_text().replace("workers = 2", "workers = 1")
        text = text.replace(
            "[[models]]",
            '[[providers]]\nname = "nobody"\napi_key_file = "provider.key"\n'
            'base_url = "https://127.0.0.1:1/v1"\n'
            '[[providers]]\nname = "untrusted"\napi_key_file = "provider.key"\n'
            f'base_url = "{stub.url}"\n[[models]]',
            1,
        )
        for name in ("nobody", "untrusted"):
            text += (
                f'[[models]]\nname = "{name}"\nprovider = "{name}"\nmax_output_tokens = 100\n'
                'price = { prompt = "1", completion = "1" }\n'
            )
        config.write_text(text)
        with running_gateway(config) as gateway:
            yield gateway


def post(gateway: RunningGateway, key: str, body: dict[str, Any]) -> httpx.Response:
    with gateway.client(key) as client:
        return client.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("model", ["nobody", "untrusted"])
def test_a_provider_that_cannot_be_reached_costs_nothing(strict: RunningGateway, model: str) -> None:
    public_id, key = strict.new_key("1")

    answer = post(strict, key, chat(model))

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unreachable")
    assert strict.account(public_id)["usage"] == 0
    assert strict.account(public_id)["limit_remaining"] == 1


def test_a_provider_that_does_not_answer_is_charged_in_full(strict: RunningGateway) -> None:
    public_id, key = strict.new_key("1")

    answer = post(strict, key, chat("silence", max_tokens=5))

    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "provider_timeout")
    assert strict.account(public_id)["usage"] > BILL


def test_a_stream_that_stalls_ends_with_an_error_event(strict: RunningGateway) -> None:
    public_id, key = strict.new_key("1")

    answer = post(strict, key, HELD)

    events = [line for line in answer.text.splitlines() if line]
    assert json.loads(events[-2].removeprefix("data: "))["error"]["code"] == "provider_timeout"
    assert events[-1] == "data: [DONE]"
    assert strict.account(public_id)["usage"] > BILL


def test_a_provider_that_overbills_breaks_no_limit_and_is_suspended(strict: RunningGateway) -> None:
    public_id, key = strict.new_key("0.001")

    first = post(strict, key, chat("overbilling", max_tokens=5))
    second = post(strict, key, chat("overbilling", max_tokens=5))

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (503, "model_suspended")
    assert strict.account(public_id)["usage"] <= 0.001
    assert b'"provider_overrun"' in (strict.folder / "stdout").read_bytes()


@pytest.mark.parametrize("sent", [b"", b"POST /v1/chat", b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: "])
def test_a_head_that_does_not_arrive_is_hung_up_on(strict: RunningGateway, sent: bytes) -> None:
    with open_connection(strict) as tls:
        tls.sendall(sent)
        received = tls.recv(1000)

    assert received == b""
