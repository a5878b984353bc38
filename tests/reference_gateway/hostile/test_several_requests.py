"""Several requests on one connection: in order, none lost, none served or billed twice, none smuggled."""

import json

import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, PROMPT_NANO
from tests.reference_gateway.hostile.conftest import Attacked
from tests.reference_gateway.hostile.talking import (
    CHAT,
    JSON,
    answers,
    asked,
    call,
    last_call,
    said,
    send,
)
from tests.reference_gateway.hostile.unharmed import settled, spent
from tests.reference_gateway.raw_tls import RawAnswer, end_of, open_connection, request
from tests.reference_gateway.stub_provider import PROMPT_TOKENS

MOST_AT_ONCE = 17  # one that is served, and those behind it
STREAM = b'{"model":"ordinary","messages":[{"role":"user","content":"hello"}],"max_tokens":5,"stream":true}'
HELD = STREAM.replace(b"ordinary", b"held")


def asking_for(tokens: int) -> bytes:
    return CHAT.replace(b'"max_tokens":5', b'"max_tokens":%d' % tokens)


def tokens_of(answer: RawAnswer) -> int:
    return int(json.loads(answer.body)["usage"]["completion_tokens"])


def bill(tokens: int) -> int:
    return PROMPT_TOKENS * PROMPT_NANO + tokens * COMPLETION_NANO


@pytest.mark.parametrize("in_pieces", [False, True])
def test_calls_in_a_row_are_answered_in_order_and_billed_once(patient: Attacked, in_pieces: bool) -> None:
    row = [*(call(patient.key, asking_for(tokens)) for tokens in range(1, 9)), last_call(patient.key, CHAT)]
    before, seen = spent(patient.gateway), len(patient.provider.seen)

    answered = said(patient.gateway, *(row if in_pieces else [b"".join(row)]))

    assert [tokens_of(answer) for answer in answered] == [*range(1, 9), 5]
    assert [one.body["max_tokens"] for one in patient.provider.seen[seen:]] == [*range(1, 9), 5]
    assert settled(patient.gateway, patient.key)
    assert spent(patient.gateway) - before == sum(bill(tokens) for tokens in [*range(1, 9), 5])


def test_a_call_behind_a_stream_waits_for_its_end(patient: Attacked) -> None:
    stream, whole = said(patient.gateway, call(patient.key, STREAM) + last_call(patient.key, asking_for(9)))

    assert stream.body.endswith(b"data: [DONE]\n\n")
    assert tokens_of(whole) == 9


def test_a_row_that_is_too_long_is_answered_up_to_where_it_is_said_to_end(patient: Attacked) -> None:
    seen = len(patient.provider.seen)

    answered = said(patient.gateway, call(patient.key) * 60)

    assert [answer.status for answer in answered] == [200] * MOST_AT_ONCE
    assert [answer.all("connection") for answer in answered] == [[]] * (MOST_AT_ONCE - 1) + [["close"]]
    assert len(patient.provider.seen) - seen == MOST_AT_ONCE


def test_whoever_says_that_it_is_the_last_has_asked_for_nothing_more(patient: Attacked) -> None:
    seen = len(patient.provider.seen)

    answered = said(patient.gateway, last_call(patient.key) + call(patient.key), call(patient.key))

    assert [answer.status for answer in answered] == [200]
    assert len(patient.provider.seen) - seen == 1


def test_what_is_whole_is_answered_before_what_is_no_http(patient: Attacked) -> None:
    answered = said(patient.gateway, call(patient.key) * 2 + b"no HTTP\r\n\r\n" + call(patient.key))

    assert [answer.status for answer in answered] == [200, 200, 400]


def test_a_stream_is_not_disturbed_by_what_is_no_http(patient: Attacked) -> None:
    with open_connection(patient.gateway) as tls:
        send(tls, call(patient.key, HELD))
        begun = tls.recv(65_536)
        send(tls, b"no HTTP\r\n\r\n")
        patient.provider.released.set()
        stream, refused = answers(begun + end_of(tls))

    assert stream.body.endswith(b"data: [DONE]\n\n")
    assert (stream.status, refused.status) == (200, 400)


def test_a_queued_request_whose_body_is_no_http_is_refused_in_its_turn(patient: Attacked) -> None:
    seen = len(patient.provider.seen)
    broken = call(patient.key, b"", "transfer-encoding: chunked\r\n").replace(b"content-length: 0\r\n", b"")

    answered = said(patient.gateway, call(patient.key) + broken + b"no chunk\r\n")

    assert [answer.status for answer in answered] == [200, 400]
    assert len(patient.provider.seen) - seen == 1


def test_a_body_that_is_not_wanted_is_no_request(patient: Attacked) -> None:
    smuggled = call(patient.key)
    refused = asked("POST", "/v1/chat/completions", JSON, smuggled)
    seen = len(patient.provider.seen)

    with open_connection(patient.gateway) as tls:
        send(tls, refused[: -len(smuggled)])
        first = tls.recv(65_536)
        send(tls, smuggled + last_call(patient.key, asking_for(3)))
        first_answer, second_answer = answers(first + end_of(tls))

    assert (first_answer.status, tokens_of(second_answer)) == (401, 3)
    assert len(patient.provider.seen) - seen == 1


@pytest.mark.parametrize("wanted", ["websocket", "h2c", "TLS/1.3"])
@pytest.mark.parametrize("in_pieces", [False, True])
def test_the_body_of_a_request_for_another_protocol_is_no_request(
    patient: Attacked, wanted: str, in_pieces: bool
) -> None:
    smuggled = call(patient.key)
    upgrade = call(patient.key, smuggled, f"connection: upgrade\r\nupgrade: {wanted}\r\n")
    pieces = [upgrade[: -len(smuggled)], smuggled] if in_pieces else [upgrade]
    seen = len(patient.provider.seen)

    (answer,) = said(patient.gateway, *pieces)

    assert (answer.status, answer.all("connection")) == (400, ["close"])
    assert len(patient.provider.seen) == seen


@pytest.mark.parametrize(
    ("trailer", "head", "status"),
    [
        ("authorization: Bearer KEY", JSON, 401),
        ("content-type: application/json", "authorization: Bearer KEY\r\n", 415),
        ("content-encoding: gzip", "authorization: Bearer KEY\r\n" + JSON, 200),
    ],
)
def test_a_trailer_is_no_part_of_the_head(patient: Attacked, trailer: str, head: str, status: int) -> None:
    data = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n{head}"
        f"connection: close\r\n\r\n{len(CHAT):x}\r\n{CHAT.decode()}\r\n0\r\n{trailer}\r\n\r\n"
    )

    (answer,) = said(patient.gateway, data.replace("KEY", patient.key).encode())

    assert answer.status == status


def test_a_stream_for_an_old_client_has_no_chunks_and_lasts_until_the_end(patient: Attacked) -> None:
    (answer,) = said(patient.gateway, call(patient.key, STREAM, version="1.0"))

    assert answer.all("transfer-encoding") == []
    assert answer.all("connection") == ["close"]
    assert answer.body.startswith(b"data: {")
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_a_whole_answer_for_an_old_client_has_its_length(patient: Attacked) -> None:
    (answer,) = said(patient.gateway, call(patient.key, version="1.0"))

    assert answer.all("content-length") == [str(len(answer.body))]
    assert tokens_of(answer) == 5


def test_the_body_is_asked_for_where_it_is_wanted_only(patient: Attacked) -> None:
    expecting = "expect: 100-continue\r\nconnection: close\r\n"
    large = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {patient.key}\r\n"
        f"{JSON}{expecting}content-length: 9000000\r\n\r\n"
    ).encode()

    wanted = said(patient.gateway, call(patient.key, CHAT, expecting))
    keyless = said(patient.gateway, request("POST", "/v1/chat/completions", JSON + expecting, CHAT))
    too_large = said(patient.gateway, large)

    assert [answer.status for answer in wanted] == [100, 200]
    assert [answer.status for answer in keyless] == [401]
    assert [answer.status for answer in too_large] == [413]
