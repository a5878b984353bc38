"""One part replaced changes one behaviour: the seam that flawed copies of the gateway are made at."""

import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.reference_gateway.gateway import RunningGateway, chat, running_gateway, write_config, write_tls
from tests.reference_gateway.stub_provider import StubProvider, held_stream, ordinary, running_stub

Start = Callable[[str], AbstractContextManager[RunningGateway]]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[StubProvider]:
    write_tls(tmp_path)
    with running_stub(tmp_path) as stub:
        stub.scripts |= {"ordinary": ordinary, "held": held_stream}
        yield stub


@pytest.fixture
def start(tmp_path: Path, provider: StubProvider) -> Start:
    config = write_config(tmp_path, provider.url, ["ordinary", "held"])

    @contextmanager
    def started(name: str) -> Iterator[RunningGateway]:
        with running_gateway(config, ["-m", "tests.reference_gateway.twin_process", name]) as gateway:
            yield gateway

    return started


def complete(gateway: RunningGateway) -> httpx.Response:
    with gateway.client(gateway.new_key("1")[1]) as client:
        return client.post("/v1/chat/completions", json=chat())


def test_nothing_replaced_is_the_gateway_itself(start: Start) -> None:
    with start("unchanged") as gateway:
        answer = complete(gateway)

    assert answer.status_code == 200
    assert "strict-transport-security" in answer.headers


def test_a_twin_without_hsts_serves_all_the_same(start: Start) -> None:
    with start("no-hsts") as gateway:
        answer = complete(gateway)

    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers


def test_a_twin_may_speak_an_older_tls(start: Start) -> None:
    with start("tls-1.2") as gateway:
        old = ssl.create_default_context(cafile=gateway.ca)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        answer = httpx.get(gateway.origin, verify=old)

    assert answer.status_code == 404


def test_a_twin_may_store_keys_without_salt(start: Start, tmp_path: Path) -> None:
    with start("unsalted") as gateway:
        answer = complete(gateway)

    database = sqlite3.connect(tmp_path / "ledger.sqlite3")
    salts = database.execute("SELECT salt FROM api_key").fetchall()
    database.close()
    assert answer.status_code == 200
    assert salts == [(b"",)]


def test_a_twin_may_let_open_streams_outlive_their_key(start: Start, provider: StubProvider) -> None:
    with start("deaf") as gateway:
        public_id, key = gateway.new_key("1")
        with (
            gateway.client(key) as client,
            client.stream("POST", "/v1/chat/completions", json=chat("held", stream=True)) as answer,
        ):
            lines = answer.iter_lines()
            next(lines)
            with gateway.admin() as admin:
                admin.delete(f"/api/v1/keys/{public_id}")
            provider.released.set()
            rest = [line for line in lines if line]

    assert rest == ["data: [DONE]"]


def test_a_ledger_that_cannot_write_means_refusal_and_never_a_free_ride(
    start: Start, provider: StubProvider
) -> None:
    with start("full-disk") as gateway:
        answer = complete(gateway)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
    assert provider.seen == []
