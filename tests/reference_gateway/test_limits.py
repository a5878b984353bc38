"""Limits that cannot be exceeded: under races, restarts and kills."""

import asyncio
import os
import signal
import ssl
from pathlib import Path

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
from tests.reference_gateway.stub_provider import PROMPT_TOKENS, StubProvider, held_stream, running_stub

BILL = PROMPT_TOKENS * PROMPT_NANO + 50 * COMPLETION_NANO
WORST = 200 * PROMPT_NANO + 50 * COMPLETION_NANO


async def _race(gateway: RunningGateway, key: str, count: int, stream: bool) -> list[int]:
    context = ssl.create_default_context(cafile=gateway.ca)
    headers = {"authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(verify=context, headers=headers, timeout=30, limits=limits) as client:

        async def one() -> int:
            body = chat("slow" if not stream else "ordinary", max_tokens=50, stream=stream)
            answer = await client.post(f"{gateway.origin}/v1/chat/completions", json=body)
            return answer.status_code

        return list(await asyncio.gather(*(one() for _ in range(count))))


@pytest.mark.parametrize("stream", [True, False])
def test_fifty_at_once_never_exceed_one_limit(
    gateway: RunningGateway, stub: StubProvider, stream: bool
) -> None:
    limit = 10 * BILL
    public_id, key = gateway.new_key(f"{limit}e-9")
    seen = len(stub.seen)

    statuses = asyncio.run(_race(gateway, key, 50, stream))

    forwarded = len(stub.seen) - seen
    assert set(statuses) == {200, 402}
    assert forwarded == statuses.count(200)
    assert forwarded * BILL <= limit
    assert gateway.account(public_id)["usage"] == forwarded * BILL / NANO


def test_a_limit_is_used_up_to_one_worst_case(gateway: RunningGateway) -> None:
    limit = 5 * BILL
    public_id, key = gateway.new_key(f"{limit}e-9")

    with gateway.client(key) as client:
        statuses = [
            client.post("/v1/chat/completions", json=chat(max_tokens=50)).status_code for _ in range(8)
        ]

    spent = round(gateway.account(public_id)["usage"] * NANO)
    assert limit - WORST < spent <= limit
    assert statuses == sorted(statuses)


def test_raising_the_limit_revives_a_key(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("0")

    with gateway.client(key) as client, gateway.admin() as admin:
        before = client.post("/v1/chat/completions", json=chat()).status_code
        admin.patch(f"/api/v1/keys/{public_id}", json={"limit": 1})
        after = client.post("/v1/chat/completions", json=chat()).status_code

    assert (before, after) == (402, 200)


def test_a_limit_below_what_was_spent_is_allowed_and_final(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    with gateway.client(key) as client, gateway.admin() as admin:
        client.post("/v1/chat/completions", json=chat())
        data = admin.patch(f"/api/v1/keys/{public_id}", json={"limit": 0.000000001}).json()["data"]
        after = client.post("/v1/chat/completions", json=chat()).status_code

    assert (data["limit_remaining"], after) == (0, 402)


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    write_tls(tmp_path)
    return tmp_path


def test_a_killed_gateway_charges_what_was_open(own_folder: Path) -> None:
    with running_stub(own_folder) as stub:
        stub.scripts["held"] = held_stream
        config = write_config(own_folder, stub.url, ["held"])
        with running_gateway(config) as first:
            public_id, key = first.new_key("1")
            with (
                first.client(key) as client,
                client.stream(
                    "POST", "/v1/chat/completions", json=chat("held", stream=True, max_tokens=50)
                ) as answer,
            ):
                next(answer.iter_lines())
                os.kill(first.process.pid, signal.SIGKILL)
                first.process.wait(10)
        with running_gateway(config) as second:
            usage = round(second.account(public_id)["usage"] * NANO)

    assert BILL <= usage <= WORST
    assert b'"orphans_charged"' in (own_folder / "stdout").read_bytes()


def test_a_restart_forgets_neither_keys_nor_spending(own_folder: Path) -> None:
    with running_stub(own_folder) as stub:
        config = write_config(own_folder, stub.url, ["ordinary"])
        with running_gateway(config) as first:
            public_id, key = first.new_key("1")
            with first.client(key) as client:
                client.post("/v1/chat/completions", json=chat(max_tokens=50))
            before = first.account(public_id)
            assert first.stop() == 0
        with running_gateway(config) as second, second.client(key) as client:
            after = second.account(public_id)
            status = client.post("/v1/chat/completions", json=chat()).status_code

    assert (before, status) == (after, 200)


def test_a_stop_lets_running_answers_end(own_folder: Path) -> None:
    with running_stub(own_folder) as stub:
        stub.scripts["held"] = held_stream
        config = write_config(own_folder, stub.url, ["held"])
        with running_gateway(config) as gateway:
            _, key = gateway.new_key("1")
            with (
                gateway.client(key) as client,
                client.stream("POST", "/v1/chat/completions", json=chat("held", stream=True)) as answer,
            ):
                lines = answer.iter_lines()
                next(lines)
                gateway.process.terminate()
                stub.released.set()
                rest = list(lines)
            status = gateway.process.wait(15)

    assert "data: [DONE]" in rest
    assert status == 0
