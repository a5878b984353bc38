"""What callers and the bill see when one of the gateway's processes is killed, replaced or told to stop."""

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.reference_gateway.stub_provider import PROMPT_TOKENS, StubProvider, held_stream, running_stub, slow

BILL = PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO
HELD = chat("held", stream=True, max_tokens=5)
SHORT = chat("ordinary", max_tokens=5)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[StubProvider]:
    write_tls(tmp_path)
    with running_stub(tmp_path) as stub:
        stub.scripts |= {"held": held_stream, "slow": slow}
        yield stub


@pytest.fixture
def gateway(tmp_path: Path, provider: StubProvider) -> Iterator[RunningGateway]:
    config = write_config(tmp_path, provider.url, ["ordinary", "held", "slow"])
    with running_gateway(config) as gateway:
        yield gateway
        provider.released.set()


def events(gateway: RunningGateway, kind: str) -> list[dict[str, Any]]:
    lines = (gateway.folder / "stdout").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def workers(gateway: RunningGateway) -> list[int]:
    """Those that live, oldest first."""
    started = [event["process"] for event in events(gateway, "worker_started")]
    return [pid for pid in started if pid in children(gateway)]


def children(gateway: RunningGateway) -> set[int]:
    pid = gateway.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def ledger_and_dialer(gateway: RunningGateway) -> tuple[int, int]:
    """They are started in this order, before any worker."""
    ledger, dialer = sorted(children(gateway) - set(workers(gateway)))
    return ledger, dialer


def served_again(gateway: RunningGateway, key: str) -> bool:
    """Whether calls are served after a while, each on a connection of its own; the bound is on calls."""
    return any(status(gateway, key, SHORT) == 200 for _ in range(400))


def status(gateway: RunningGateway, key: str, body: dict[str, Any]) -> int | None:
    with gateway.client(key) as client:
        try:
            return client.post("/v1/chat/completions", json=body).status_code
        except httpx.TransportError:
            return None


@contextmanager
def held_open(gateway: RunningGateway, key: str) -> Iterator[Iterator[str]]:
    """The lines of a stream after its first."""
    with gateway.client(key) as client, client.stream("POST", "/v1/chat/completions", json=HELD) as answer:
        lines = answer.iter_lines()
        assert "first" in next(lines)
        yield lines


def usage_nano(gateway: RunningGateway, public_id: str) -> int:
    usage: float = gateway.account(public_id)["usage"]
    return round(usage * NANO)


def test_streams_of_killed_workers_break_off_and_are_charged_in_full(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    with held_open(gateway, key) as lines:
        for pid in workers(gateway):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            list(lines)
    again = served_again(gateway, key)

    assert again
    assert usage_nano(gateway, public_id) > 2 * BILL  # the hold of the first, the bill of the second
    assert len(events(gateway, "worker_lost")) == 2
    assert sum(event["count"] for event in events(gateway, "orphans_charged")) == 1


def test_without_its_ledger_the_gateway_refuses_and_runs_on_what_it_began(
    gateway: RunningGateway, provider: StubProvider
) -> None:
    public_id, key = gateway.new_key("1")

    with held_open(gateway, key) as lines:
        os.kill(ledger_and_dialer(gateway)[0], signal.SIGKILL)
        again = served_again(gateway, key)
        provider.released.set()
        rest = [line for line in lines if line]

    assert again
    assert rest[-1] == "data: [DONE]"
    assert len(events(gateway, "ledger_lost")) == 1
    assert usage_nano(gateway, public_id) >= len(provider.seen) * BILL
    assert sum(event["count"] for event in events(gateway, "orphans_charged")) == 1


def test_without_its_dialer_nothing_is_charged_and_service_resumes(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")

    os.kill(ledger_and_dialer(gateway)[1], signal.SIGKILL)
    again = served_again(gateway, key)

    assert again
    assert usage_nano(gateway, public_id) == BILL
    assert len(events(gateway, "dialer_lost")) == 1


def test_replacing_the_workers_cuts_no_stream(gateway: RunningGateway, provider: StubProvider) -> None:
    public_id, key = gateway.new_key("1")
    before = workers(gateway)

    with held_open(gateway, key) as lines:
        gateway.process.send_signal(signal.SIGHUP)
        while len(events(gateway, "worker_started")) < 2 * len(before):
            assert gateway.process.poll() is None
        provider.released.set()
        rest = [line for line in lines if line]
    again = served_again(gateway, key)

    assert again
    assert rest[-1] == "data: [DONE]"
    assert usage_nano(gateway, public_id) == 2 * BILL
    assert events(gateway, "worker_lost") == []


@pytest.mark.parametrize("seed", range(3))
def test_processes_killed_at_random_give_no_free_ride_and_no_overrun(
    gateway: RunningGateway, provider: StubProvider, seed: int
) -> None:
    chosen = random.Random(seed)
    limit = 40 * BILL
    public_id, key = gateway.new_key(f"{limit}e-9")
    callers = [
        threading.Thread(
            target=lambda: [status(gateway, key, chat("slow", max_tokens=5)) for _ in range(6)], daemon=True
        )
        for _ in range(6)
    ]

    for caller in callers:
        caller.start()
    for caller in callers:
        os.kill(chosen.choice(sorted(children(gateway))), signal.SIGKILL)
        caller.join(30)
    again = served_again(gateway, gateway.new_key("1")[1])

    forwarded = len(provider.seen) - 1
    assert again
    assert forwarded * BILL <= usage_nano(gateway, public_id) <= limit
    assert gateway.stop() == 0
