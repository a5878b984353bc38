"""The second gateway keeps its promises: only then does a twin of it prove anything."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import openai
import pytest

from tests.hosts.conftest import MASTER, TINY, UPSTREAM_KEY, House, ask
from tests.hosts.second_order import order_of
from tests.hosts.second_store import PICO_PER_USD
from tests.hosts.stub_provider import COMPLETION_TOKENS, PROMPT_TOKENS

CANARY = "zqxcanary7431"
TRUE_COST = TINY.price(PROMPT_TOKENS, COMPLETION_TOKENS)
WORST = order_of(json.dumps(ask("hello")).encode(), {"tiny": TINY}).worst


def cents(pico: int) -> float:
    return pico * 100 / PICO_PER_USD


def wait_until(seen: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while not seen() and time.monotonic() < until:
        time.sleep(0.02)
    return seen()


def sdk(house: House, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=key,
        base_url=f"https://127.0.0.1:{house.gateway.port}/v1",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=house.tls),
    )


def raw(house: House, data: bytes) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", house.gateway.port), timeout=5) as plain,
        house.tls.wrap_socket(plain, server_hostname="127.0.0.1") as wire,
    ):
        wire.sendall(data)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def test_the_official_sdk_gets_an_answer(house: House) -> None:
    with sdk(house, house.key()["key"]) as client:
        answer = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hello"}])

    assert answer.choices[0].message.content == "a tiny tale"
    assert house.ledger.bodies[0]["model"] == "tiny-1"
    assert house.ledger.bodies[0]["max_tokens"] == TINY.max_output


def test_the_official_sdk_gets_a_stream_and_no_usage_that_it_did_not_ask_for(house: House) -> None:
    with sdk(house, house.key()["key"]) as client:
        chunks = list(
            client.chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "hello"}], stream=True
            )
        )

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "a tiny tale"
    assert house.ledger.bodies[0]["stream_options"] == {"include_usage": True}


def test_the_usage_chunk_reaches_a_caller_who_asked_for_it(house: House) -> None:
    reply = house.chat(house.key()["key"], "hello", stream=True, stream_options={"include_usage": True})

    assert b'"prompt_tokens": 7' in reply.body
    assert reply.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_charged_by_the_providers_count_and_shows_late(
    build: Callable[..., House], stream: bool
) -> None:
    house = build(usage_lag=0.3)
    key = house.key()

    house.chat(key["key"], "hello", stream=stream)

    assert house.spent(key["token"]) == TRUE_COST
    assert wait_until(lambda: house.shown(key["key"]) == cents(TRUE_COST))


def test_twenty_threads_cannot_spend_more_than_the_limit(house: House) -> None:
    limit = 3 * WORST
    key = house.key(max_budget=cents(limit))

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: house.chat(key["key"], "hello"), range(40)))

    assert {reply.status for reply in replies} == {200, 403}
    assert len(house.ledger.bodies) == sum(reply.status == 200 for reply in replies)
    assert house.spent(key["token"]) == len(house.ledger.bodies) * TRUE_COST <= limit


def test_a_limit_is_used_up_to_less_than_one_worst_case(house: House) -> None:
    limit = 2 * WORST
    key = house.key(max_budget=cents(limit))

    while house.chat(key["key"], "hello").status == 200:
        continue

    assert 0 <= limit - house.spent(key["token"]) < WORST


def test_a_users_limit_binds_all_keys_of_the_user(house: House) -> None:
    house.call("POST", "/user/new", body={"user_id": "ann", "max_budget": cents(WORST)})
    keys = [house.key(user_id="ann", max_budget=10)["key"] for _ in range(2)]

    statuses = [house.chat(key, "hello").status for key in keys]

    assert statuses == [200, 403]
    house.call("POST", "/user/update", body={"user_id": "ann", "max_budget": 10})
    assert house.chat(keys[1], "hello").status == 200


def test_a_refusal_over_budget_never_reaches_the_provider(house: House) -> None:
    reply = house.chat(house.key(max_budget=0)["key"], "hello")

    assert reply.status == 403
    assert reply.json == {"error": {"message": "budget exceeded", "type": "budget_exceeded", "code": "403"}}
    assert house.ledger.bodies == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_complete_refusal_by_the_provider_costs_nothing(house: House, stream: bool) -> None:
    key = house.key(max_budget=1)

    reply = house.chat(key["key"], f"fail {CANARY}", stream=stream)

    assert reply.status == 502
    assert CANARY.encode() not in reply.body
    assert house.spent(key["token"]) == 0


def test_a_stream_that_is_cut_costs_its_hold(house: House) -> None:
    key = house.key()

    with pytest.raises(http.client.IncompleteRead):
        house.chat(key["key"], "cut", stream=True)

    assert house.spent(key["token"]) > TRUE_COST
    assert house.gateway.store.keys[key["token"]].held == 0


def test_money_held_at_a_crash_counts_as_spent_after_it(build: Callable[..., House]) -> None:
    first = build()
    token = first.key()["token"]
    first.gateway.store.hold(first.gateway.store.keys[token], 1000, 1000)

    second = build()

    assert second.gateway.store.keys[token].spent == 1000
    assert second.gateway.store.keys[token].held == 0


def test_a_key_still_works_after_a_restart(build: Callable[..., House]) -> None:
    key = build().key(key_alias="kept")["key"]

    reply = build().call("GET", "/key/info", key)

    assert reply.json["info"]["key_alias"] == "kept"


@pytest.mark.parametrize("path", ["/key/block", "/key/delete", "/key/update"])
def test_a_key_dies_at_once_and_its_sibling_does_not(house: House, path: str) -> None:
    key, sibling = house.key(), house.key()
    assert house.chat(key["key"], "hello").status == 200

    house.call("POST", path, body={"key": key["token"], "keys": [key["token"]], "blocked": True})

    assert house.chat(key["key"], "hello").status == 401
    assert house.chat(sibling["key"], "hello").status == 200


def test_a_blocked_key_revives_when_unblocked(house: House) -> None:
    key = house.key()
    house.call("POST", "/key/block", body={"key": key["key"]})

    house.call("POST", "/key/unblock", body={"key": key["key"]})

    assert house.chat(key["key"], "hello").status == 200


def test_a_revocation_ends_an_open_stream_even_while_the_provider_is_silent(house: House) -> None:
    key = house.key()
    with closing(http.client.HTTPSConnection("127.0.0.1", house.gateway.port, context=house.tls)) as wire:
        body = json.dumps({**ask("hang"), "stream": True})
        wire.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key['key']}"})
        answer = wire.getresponse()
        answer.readline()

        house.call("POST", "/key/block", body={"key": key["token"]})

        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        answer.close()
    assert not house.ledger.silence.is_set()


def test_an_expired_key_looks_like_an_unknown_one(house: House) -> None:
    key = house.key(duration="1s")
    house.gateway.store.keys[key["token"]].expires = time.time() - 1

    replies = [house.chat(secret, "hello") for secret in (key["key"], "sk-unknown", key["token"], MASTER)]

    assert {(reply.status, reply.body) for reply in replies} == {(401, replies[0].body)}


def test_a_key_is_shown_once(house: House) -> None:
    made = house.key(key_alias="once")
    secret, token = made["key"], made["token"]

    replies = [
        house.call("GET", f"/key/info?key={token}"),
        house.call("GET", "/key/info", secret),
        house.call("GET", "/key/list?return_full_object=true&page=1&size=10"),
        house.call("POST", "/key/update", body={"key": token, "max_budget": 2}),
        house.call("POST", "/key/delete", body={"keys": [token]}),
    ]

    assert [reply.status for reply in replies] == [200] * 5
    assert all(secret.split("-", 2)[2].encode() not in reply.body for reply in replies)


def test_no_file_holds_a_secret_or_content(house: House) -> None:
    made = house.key()
    house.chat(made["key"], CANARY)
    house.chat(made["key"], f"fail {CANARY}")
    house.chat(made["key"], CANARY, stream=True)
    house.call("GET", f"/key/info?key={made['key']}")
    house.call("POST", f"/{CANARY}", CANARY, CANARY.encode())

    files = {path.name: path.read_text() for path in house.state.iterdir()}

    assert set(files) == {"accounts.json", "gateway.log"}
    assert "pbkdf2_sha256$1000$" in files["accounts.json"]
    assert house.log.count("msg=request ") >= 5
    secrets = (CANARY, made["key"], made["key"][20:], MASTER, UPSTREAM_KEY)
    assert [text for text in secrets for file in files.values() if text in file] == []


def test_the_log_counts_tokens_in_logfmt(house: House) -> None:
    token = (made := house.key())["token"]

    house.chat(made["key"], "hello")

    line = f"token={token} prompt_tokens={PROMPT_TOKENS} completion_tokens={COMPLETION_TOKENS}"
    assert wait_until(lambda: line in house.log)


def test_the_provider_gets_nothing_of_the_caller_but_the_body(house: House) -> None:
    made = house.key()

    house.chat(made["key"], "hello")

    assert sorted(house.ledger.headers[0].keys()) == [
        "Accept-Encoding",
        "Authorization",
        "Content-Length",
        "Content-Type",
        "Host",
    ]
    assert house.ledger.headers[0]["Authorization"] == f"Bearer {UPSTREAM_KEY}"


@pytest.mark.parametrize(
    ("route", "bearer", "body", "status"),
    [
        ("GET /health/liveliness", "", None, 200),
        ("GET /v1/models", MASTER, None, 200),
        ("POST /key/generate", MASTER, b"{", 400),
        ("POST /key/generate", MASTER, b"[" * 100_000, 400),
        ("GET /key/list", "sk-wrong", None, 401),
        (f"GET /{CANARY}", MASTER, None, 404),
        ("GET /key/generate", MASTER, None, 405),
        ("POST /key/generate", MASTER, b" " * (5 << 20), 413),
        ("DELETE /key/list", MASTER, None, 501),
    ],
)
def test_every_answer_carries_hsts_once_and_no_banner(
    house: House, route: str, bearer: str, body: bytes | None, status: int
) -> None:
    method, path = route.split()
    reply = house.call(method, path, bearer, body)

    assert reply.status == status
    assert reply.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    assert reply.headers["Server"] is None
    assert CANARY.encode() not in reply.body


def test_hsts_stands_on_403_and_on_streams_too(house: House) -> None:
    replies = [
        house.chat(house.key(max_budget=0)["key"], "hello"),
        house.chat(house.key()["key"], "hello", stream=True),
    ]

    assert [reply.status for reply in replies] == [403, 200]
    assert all(reply.headers["Strict-Transport-Security"] for reply in replies)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /v1/models HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/models HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /v1/models HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_constant_words(house: House, request_bytes: bytes) -> None:
    answer = raw(house, request_bytes)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert head.count(b"Strict-Transport-Security: max-age=31536000") == 1
    assert set(json.loads(body)) == {"error"}


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "unknown"},
        {"model": ["tiny"]},
        {"messages": []},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
        {"max_tokens": 0},
        {"max_tokens": -5},
        {"max_tokens": "5"},
        {"max_tokens": True},
        {"n": 0},
        {"n": 1.5},
        {"stream": 1},
        {"service_tier": "priority"},
    ],
    ids=str,
)
def test_what_cannot_be_priced_is_not_forwarded(house: House, fields: dict[str, object]) -> None:
    reply = house.call("POST", "/v1/chat/completions", house.key()["key"], {**ask("hello"), **fields})

    assert reply.status == 400
    assert house.ledger.bodies == []


def test_the_worst_case_grows_with_n_and_with_images() -> None:
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org"}}]}
    plain, many, seen = (
        order_of(json.dumps({**ask("hello"), **fields}).encode(), {"tiny": TINY}).worst
        for fields in ({"n": 1}, {"n": 3}, {"messages": [image]})
    )

    assert many == 3 * plain
    assert seen > plain + 40_000 * TINY.prompt_pico


@pytest.mark.parametrize("amount", ["-1", "NaN", "1e309", "true", '"5"', "9" * 5000])
def test_an_absurd_budget_is_refused(house: House, amount: str) -> None:
    reply = house.call("POST", "/key/generate", body=b'{"max_budget": ' + amount.encode() + b"}")

    assert reply.status == 400


def test_a_budget_is_read_back_as_it_was_set(house: House) -> None:
    token = house.key(max_budget=0.1)["token"]

    assert house.call("GET", f"/key/info?key={token}").json["info"]["max_budget"] == 0.1
    assert house.gateway.store.keys[token].limit == PICO_PER_USD // 1000


def test_lists_are_paged(house: House) -> None:
    tokens = [house.key()["token"] for _ in range(3)]

    page = house.call("GET", "/key/list?page=2&size=2").json

    assert page == {"keys": [tokens[2]], "total_count": 3, "current_page": 2, "total_pages": 2}


def test_keys_are_managed_on_a_listener_of_their_own_where_one_is_wanted(build: Callable[..., House]) -> None:
    house = build(admin_port=0)
    admin = house.gateway.admin_port

    made = house.call("POST", "/key/generate", body={}, port=admin).json
    there = [
        house.call("GET", f"/key/info?key={made['token']}", port=admin),
        house.chat(made["key"], "hello"),
        house.call("GET", "/key/info", made["key"]),
    ]
    elsewhere = [
        house.call("POST", "/key/generate", body={}),
        house.call("GET", "/key/generate"),
        house.call("POST", "/v1/chat/completions", made["key"], ask("hello"), port=admin),
        house.call("GET", "/v1/models", made["key"], port=admin),
    ]

    assert [reply.status for reply in there] == [200, 200, 200]
    assert [reply.status for reply in elsewhere] == [404, 404, 404, 404]
    assert len(house.ledger.bodies) == 1


def test_tls_below_1_3_is_refused(house: House) -> None:
    house.tls.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        house.call("GET", "/health/liveliness")


def test_a_provider_with_an_unknown_certificate_gets_nothing(build: Callable[..., House]) -> None:
    house = build(upstream_ca=None)
    key = house.key()

    reply = house.chat(key["key"], "hello")

    assert reply.status == 502
    assert house.ledger.bodies == []
    assert house.spent(key["token"]) == 0


def test_clear_text_gets_a_redirect_and_no_echo(build: Callable[..., House]) -> None:
    house = build(cleartext_port=0)
    with closing(http.client.HTTPConnection("127.0.0.1", house.gateway.cleartext_port)) as wire:
        wire.request("GET", f"/v1/models?key={CANARY}", headers={"Host": "elsewhere.example"})
        answer = wire.getresponse()
        body = answer.read()

    assert (answer.status, body) == (308, b"")
    assert answer.headers["Location"] == f"https://127.0.0.1:{house.gateway.port}/v1/models"
    assert answer.headers["Strict-Transport-Security"] is None


def test_the_command_says_its_port_and_stops_on_sigterm(house: House, tmp_path: Path) -> None:
    config = tmp_path / "gateway.json"
    config.write_text(json.dumps({**asdict(house.config), "state_dir": str(tmp_path / "other")}))
    command = [sys.executable, "-m", "tests.hosts.second_gateway", "--config", str(config)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", said["port"])):
            os.kill(process.pid, signal.SIGTERM)
            process.wait(10)

    assert said["event"] == "listening"
    assert said["admin_port"] == said["port"], "no listener of its own was wanted"
    assert process.returncode == 0


def test_a_broken_configuration_is_named_and_not_traced(tmp_path: Path) -> None:
    (tmp_path / "gateway.json").write_text('{"models": {}, "colour": "blue"}')
    command = [sys.executable, "-m", "tests.hosts.second_gateway", "--config", str(tmp_path / "gateway.json")]

    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)

    assert done.returncode == 1
    assert "colour" in done.stderr
    assert "Traceback" not in done.stderr
