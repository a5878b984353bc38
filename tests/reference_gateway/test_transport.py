"""What every answer has, whoever gave it and why."""

import json
import socket
import ssl
from collections.abc import Callable

import pytest

from tests.reference_gateway.gateway import RunningGateway, chat
from tests.reference_gateway.raw_tls import exchange, request

HSTS = ["max-age=63072000; includeSubDomains"]
JSON = "content-type: application/json\r\n"


def chat_request(key: str, body: bytes, extra: str = JSON) -> bytes:
    return request("POST", "/v1/chat/completions", f"authorization: Bearer {key}\r\n{extra}", body)


@pytest.fixture(scope="module")
def key(gateway: RunningGateway) -> str:
    return gateway.new_key()[1]


def body_of(**fields: object) -> bytes:
    return json.dumps(chat(**fields)).encode()  # type: ignore[arg-type]


REQUESTS: dict[str, tuple[int, Callable[[str], bytes]]] = {
    "a good one": (200, lambda key: chat_request(key, body_of())),
    "a stream": (200, lambda key: chat_request(key, body_of(stream=True))),
    "bad JSON": (400, lambda key: chat_request(key, b"{")),
    "no HTTP at all": (400, lambda _: b"\x16\x03\x01 what?\r\n\r\n"),
    "both length and chunked": (
        400,
        lambda key: chat_request(key, b"0\r\n\r\n", JSON + "transfer-encoding: chunked\r\n"),
    ),
    "a space in a header name": (400, lambda _: b"GET / HTTP/1.1\r\nhost : a\r\n\r\n"),
    "no key": (401, lambda _: request("POST", "/v1/chat/completions", JSON, body_of())),
    "two keys": (401, lambda key: chat_request(key, body_of(), JSON + "authorization: Bearer other\r\n")),
    "another's key": (401, lambda _: chat_request("sk-other", body_of())),
    "no such path": (404, lambda _: request("GET", "/nothing")),
    "an encoded path": (
        404,
        lambda key: request("POST", "/v1/chat%2Fcompletions", f"authorization: Bearer {key}\r\n"),
    ),
    "no such model": (404, lambda key: chat_request(key, body_of(model="other"))),
    "wrong method": (405, lambda _: request("GET", "/v1/chat/completions")),
    "a preflight": (405, lambda _: request("OPTIONS", "/v1/chat/completions")),
    "a large body": (413, lambda key: chat_request(key, b" " * 20_001)),
    "a large chunked body": (
        413,
        lambda key: (
            (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{JSON}"
                f"authorization: Bearer {key}\r\ntransfer-encoding: chunked\r\n\r\n"
            ).encode()
            + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 2
            + b"0\r\n\r\n"
        ),
    ),
    "not JSON by its type": (415, lambda key: chat_request(key, body_of(), "content-type: text/plain\r\n")),
    "compressed": (415, lambda key: chat_request(key, body_of(), JSON + "content-encoding: gzip\r\n")),
    "large headers": (431, lambda _: request("GET", "/v1/models", f"x-large: {'a' * 200_000}\r\n")),
    "many headers": (431, lambda _: request("GET", "/v1/models", "x-a: b\r\n" * 20_000)),
    "a long path": (431, lambda _: request("GET", "/" + "a" * 40_000)),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_every_answer_has_its_headers_once(gateway: RunningGateway, key: str, case: str) -> None:
    status, make = REQUESTS[case]

    answer = exchange(gateway, make(key))

    assert answer.status == status
    assert answer.all("strict-transport-security") == HSTS
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert len(answer.all("x-request-id")) == 1
    assert answer.all("request-id") == answer.all("x-request-id")
    assert answer.all("server") == []
    assert len(answer.all("date")) == 1


@pytest.mark.parametrize("case", [case for case, (status, _) in REQUESTS.items() if status >= 400])
def test_every_refusal_is_openai_shaped_and_not_to_be_repeated(
    gateway: RunningGateway, key: str, case: str
) -> None:
    answer = exchange(gateway, REQUESTS[case][1](key))

    assert set(json.loads(answer.body)["error"]) == {"message", "type", "param", "code"}
    assert answer.all("x-should-retry") == ["false"]


def test_a_wrong_method_is_told_the_right_one(gateway: RunningGateway) -> None:
    assert exchange(gateway, request("PUT", "/v1/chat/completions")).all("allow") == ["POST"]


def test_a_head_request_has_no_body(gateway: RunningGateway) -> None:
    answer = exchange(gateway, request("HEAD", "/v1/models"))

    assert (answer.status, answer.body) == (405, b"")


def test_an_upgrade_is_not_taken(gateway: RunningGateway) -> None:
    upgrade = request("GET", "/v1/models", "upgrade: websocket\r\nsec-websocket-version: 13\r\n")
    data = upgrade.replace(b"connection: close", b"connection: upgrade, close")

    assert exchange(gateway, data).status == 401


def test_the_description_is_for_those_who_may_list_the_models(gateway: RunningGateway, key: str) -> None:
    narrow = gateway.new_key(endpoints=["chat/completions"])[1]

    answers = {}
    for holder in (None, narrow, key):
        with gateway.client(holder) as client:
            answers[holder] = client.get("/openapi.json")

    assert [answer.status_code for answer in answers.values()] == [401, 403, 200]
    assert answers[key].json()["openapi"] == "3.1.0"


def test_tls_1_2_is_refused_where_1_3_is_served(gateway: RunningGateway) -> None:
    old = ssl.create_default_context(cafile=gateway.ca)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = ssl.create_default_context(cafile=gateway.ca)

    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain, server_hostname="localhost")
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
        new.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.version() == "TLSv1.3"


def test_nothing_that_the_caller_typed_comes_back_in_an_error(gateway: RunningGateway, key: str) -> None:
    canary = "zebra7351"
    bodies = [
        body_of(model=canary),
        body_of(**{canary: 1}),
        body_of(n=canary),
        body_of(messages=[{"role": "user", "content": [{"type": canary}]}]),
        b'{"model": "' + canary.encode() + b'\xff"}',
    ]
    limited = gateway.new_key("1")[1]

    answers = [exchange(gateway, chat_request(limited, body)) for body in bodies]
    answers.append(exchange(gateway, request("GET", f"/{canary}?{canary}", f"x-{canary}: {canary}\r\n")))
    answers.append(exchange(gateway, chat_request(canary, body_of())))

    assert all(400 <= answer.status < 500 for answer in answers)
    assert all(canary.encode() not in answer.body for answer in answers)
    assert all(canary not in str(answer.headers) for answer in answers)
