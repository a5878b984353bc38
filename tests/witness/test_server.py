"""The witness as HTTP clients see it, and what it keeps of them."""

import asyncio
import re
import ssl
from pathlib import Path

import httpx
import pytest
import uvloop

from conformance.witness.ledger import Outcome, WitnessCall, overlap
from conformance.witness.pki import Authority, make_authority
from conformance.witness.server import Witness, address
from conformance.witness.tls import server_context
from tests.witness.conftest import CANARIES, Play, Stage, chat, until


async def talk(stage: Stage, *sent: bytes) -> bytes:
    """All the witness says on one connection until it closes; each part waits for an answer to the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port, ssl=stage.trust)
    said = b""
    try:
        for part in sent[:-1]:
            writer.write(part)
            said += await reader.read(65536)
        writer.write(sent[-1])
        return said + await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def test_a_call_is_recorded_as_it_arrived(play: Play[WitnessCall]) -> None:
    body = b'{"model": "m",  "stream": false, "messages": []}'

    async def scene(stage: Stage) -> WitnessCall:
        async with stage.client() as client:
            headers = [("X-Twice", "1"), ("x-twice", "2"), ("Authorization", "Bearer k")]
            await client.post("/chat/completions?a=b", content=body, headers=headers)
        return await stage.ended(1)

    call = play(scene)

    assert (call.number, call.connection, call.method) == (1, 1, "POST")
    assert (call.path, call.endpoint) == ("/v1/chat/completions?a=b", "chat")
    assert (call.body, call.model, call.stream) == (body, "m", False)
    assert [pair for pair in call.headers if pair[0].lower() == "x-twice"] == [
        ("X-Twice", "1"),
        ("x-twice", "2"),
    ]
    assert call.ended is not None
    assert call.begun <= call.ended
    assert call.outcome is Outcome.COMPLETE


def test_a_fresh_connection_can_be_told_from_a_reused_one(play: Play[list[int]]) -> None:
    async def scene(stage: Stage) -> list[int]:
        for _ in range(2):
            async with stage.client() as client:
                await client.get("/models")
                await client.get("/models")
        return [call.connection for call in stage.witness.calls]

    assert play(scene) == [1, 1, 2, 2]


def test_an_unknown_path_is_refused_and_recorded(play: Play[WitnessCall]) -> None:
    async def scene(stage: Stage) -> WitnessCall:
        async with stage.client() as client:
            answer = await client.post("/files", content=b"a file")
            assert answer.json()["error"]["type"] == "not_found_error"
        return await stage.ended(1)

    call = play(scene)

    assert (call.endpoint, call.body, call.outcome) == ("other", b"a file", Outcome.REFUSED)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/chat/completions", b"", 405),
        ("POST", "/models", b"{}", 405),
        ("HEAD", "/models", b"", 200),
        ("HEAD", "/chat/completions", b"", 405),
        ("POST", "/chat/completions", b"no json", 400),
        ("POST", "/embeddings", b'{"stream": true}', 400),
        ("POST", "/embeddings", b'{"input": ["a"' + b',"a"' * 2048 + b"]}", 400),
    ],
)
def test_a_request_that_cannot_be_served_is_told_so(
    play: Play[int], method: str, path: str, body: bytes, status: int
) -> None:
    async def scene(stage: Stage) -> int:
        async with stage.client() as client:
            answer = await client.request(method, path, content=body)
            assert (await client.get("/models")).status_code == 200
        return answer.status_code

    assert play(scene) == status


def test_calls_carrying_a_token_are_found_after_a_mark(play: Play[list[int]]) -> None:
    async def scene(stage: Stage) -> list[int]:
        async with stage.client() as client:
            await client.post("/chat/completions", json=chat("tok-é"))
            since = stage.witness.mark()
            await client.post("/chat/completions", json=chat("other"))
            await client.post("/chat/completions", content=rb'{"messages": "tok-\u00E9"}')
        return [call.number for call in stage.witness.carrying("tok-é", since)]

    assert play(scene) == [3]


def test_a_chunked_body_arrives_whole(play: Play[bytes]) -> None:
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
        b'3\r\n{"n\r\n6\r\n": 2 }\r\n0\r\n\r\n'
    )

    async def scene(stage: Stage) -> bytes:
        said = await talk(stage, request)
        assert said.startswith(b"HTTP/1.1 200")
        return stage.witness.calls[0].body

    assert play(scene) == b'{"n": 2 }'


def test_a_client_that_expects_100_gets_it(play: Play[bytes]) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nConnection: close\r\nExpect: 100-continue\r\n"
    said = play(lambda stage: talk(stage, head + b"Content-Length: 2\r\n\r\n", b"{}"))

    assert said.startswith(b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200")


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(play: Play[bytes]) -> None:
    body = b'{"stream": true}'
    head = b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    said = play(lambda stage: talk(stage, head + body))

    assert b"transfer-encoding" not in said.lower()
    assert said.endswith(b"data: [DONE]\n\n")


def test_pipelined_requests_are_answered_in_order(play: Play[bytes]) -> None:
    first = b"GET /v1/models HTTP/1.1\r\nHost: w\r\n\r\n"
    slow = b'{"model": "fault-slow-50"}'
    second = b"POST /v1/completions HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n" % len(slow)
    last = b"GET /v1/files HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"
    said = play(lambda stage: talk(stage, first + second + slow + last))

    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"200", b"404"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no http at all\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: w\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: w\r\nX: " + b"x" * 300_000, b"431"),
    ],
)
def test_what_is_no_request_is_refused_and_no_call(play: Play[bytes], sent: bytes, status: bytes) -> None:
    async def scene(stage: Stage) -> bytes:
        said = await talk(stage, sent)
        assert stage.witness.calls == []
        return said

    assert play(scene).split(b" ")[1] == status


def test_a_peer_that_leaves_in_the_middle_of_a_request_made_no_call(play: Play[int]) -> None:
    async def scene(stage: Stage) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port, ssl=stage.trust)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n{")
        writer.close()
        await writer.wait_closed()
        async with stage.client() as client:
            await client.get("/models")
        return stage.witness.calls[0].connection

    assert play(scene) == 2


def test_sixty_four_calls_held_back_are_proven_to_overlap(play: Play[tuple[bool, int]]) -> None:
    async def scene(stage: Stage) -> tuple[bool, int]:
        limits = httpx.Limits(max_connections=64)
        url = f"{stage.witness.url}/chat/completions"
        async with (
            stage.witness.holding("race", until=64, limit=8) as barrier,
            httpx.AsyncClient(verify=stage.trust, limits=limits, timeout=10, trust_env=False) as client,
        ):
            answers = await asyncio.gather(*(client.post(url, json=chat(f"race {n}")) for n in range(64)))
        assert {answer.status_code for answer in answers} == {200}
        return barrier.met, overlap(stage.witness.carrying("race"))

    assert play(scene) == (True, 64)


def test_calls_are_let_go_when_too_few_come(play: Play[tuple[bool, bool]]) -> None:
    async def scene(stage: Stage) -> tuple[bool, bool]:
        async with stage.client() as client, stage.witness.holding("race", until=2, limit=0.05) as barrier:
            first = await client.post("/chat/completions", json=chat("race"))
            second = await client.post("/chat/completions", json=chat("race"))
        return first.is_success and second.is_success, barrier.met

    assert play(scene) == (True, False)


def test_a_barrier_lets_others_pass_and_ends_with_its_block(play: Play[list[Outcome]]) -> None:
    async def scene(stage: Stage) -> list[Outcome]:
        async with stage.client() as client, asyncio.TaskGroup() as tasks:
            async with stage.witness.holding("race", until=2, limit=60):
                held = tasks.create_task(client.post("/chat/completions", json=chat("race")))
                await client.post("/chat/completions", json=chat("walk"))
                await until(lambda: stage.witness.carrying("race"))
                assert not held.done()
            await held
        return [call.outcome for call in stage.witness.calls]

    assert play(scene) == [Outcome.COMPLETE, Outcome.COMPLETE]


def test_a_held_call_whose_peer_left_no_longer_counts(play: Play[bool]) -> None:
    async def scene(stage: Stage) -> bool:
        async with stage.client() as client, stage.witness.holding("race", until=2, limit=0.5) as barrier:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/chat/completions", json=chat("race"), timeout=0.1)
            assert (await stage.ended(1)).outcome is Outcome.LOST
            await client.post("/chat/completions", json=chat("race"))
        return barrier.met

    assert play(scene) is False


def test_models_are_listed_with_exact_prices(play: Play[httpx.Response]) -> None:
    async def scene(stage: Stage) -> httpx.Response:
        async with stage.client() as client:
            return await client.get(f"https://127.0.0.1:{stage.witness.port}/models")

    (model,) = play(scene).json()["data"]

    assert (model["id"], model["pricing"]) == (
        "witness-1",
        {"prompt": "0.00000015", "completion": "0.0000006"},
    )


def test_a_certificate_can_be_swapped_for_new_connections(
    tmp_path: Path, play: Play[tuple[bytes, bytes]]
) -> None:
    other = make_authority(tmp_path)

    async def presented(stage: Stage) -> bytes:
        blind = ssl.create_default_context()
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port, ssl=blind)
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return certificate

    async def scene(stage: Stage) -> tuple[bytes, bytes]:
        before = await presented(stage)
        stage.witness.present(server_context(other.certificate, other.private_key))
        return before, await presented(stage)

    before, after = play(scene)

    assert before != after
    assert ssl.DER_cert_to_PEM_cert(after) == other.certificate.read_text()


def test_a_client_that_does_not_trust_us_costs_a_connection_and_no_call(play: Play[tuple[int, int]]) -> None:
    async def scene(stage: Stage) -> tuple[int, int]:
        async with httpx.AsyncClient(trust_env=False) as stranger:
            with pytest.raises(httpx.ConnectError):
                await stranger.get(f"{stage.witness.url}/models")
        return stage.witness.connections, stage.witness.mark()

    assert play(scene) == (1, 0)


def test_plain_http_is_served_where_there_is_no_tls() -> None:
    async def scene() -> tuple[str, int]:
        async with (
            Witness(host="127.0.0.1", port=0, tls=None, canaries=CANARIES, models={}) as witness,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            return witness.url, (await client.get(f"{witness.url}/models")).status_code

    url, status = asyncio.run(scene())

    assert url.startswith("http://127.0.0.1:")
    assert status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_whoever_has_the_last_byte_sees_the_bill(play: Play[list[Outcome]], stream: bool) -> None:
    async def scene(stage: Stage) -> list[Outcome]:
        seen = []
        async with stage.client() as client:
            for _ in range(20):
                await client.post("/chat/completions", json=chat(stream=stream, max_tokens=500))
                seen.append(stage.witness.calls[-1].outcome)
        return seen

    assert set(play(scene)) == {Outcome.COMPLETE}


def test_it_runs_in_an_event_loop_of_another_make(authority: Authority) -> None:
    async def scene() -> list[int]:
        tls = server_context(authority.certificate, authority.private_key)
        trust = ssl.create_default_context(cafile=authority.root)
        async with (
            Witness(host="127.0.0.1", port=0, tls=tls, canaries=CANARIES) as witness,
            httpx.AsyncClient(verify=trust, base_url=witness.url, trust_env=False) as client,
        ):
            answers = [
                await client.post("/chat/completions", json=chat(stream=each)) for each in (False, True)
            ]
        return [answer.status_code for answer in answers]

    assert uvloop.run(scene()) == [200, 200]


def test_a_port_in_use_is_said_at_start(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        rival = Witness(host="127.0.0.1", port=stage.witness.port, tls=None, canaries=CANARIES)
        with pytest.raises(OSError, match="in use"):
            await rival.start()
        await rival.stop()

    play(scene)


def test_stopping_closes_what_is_in_the_middle_of_anything(play: Play[bytes]) -> None:
    async def scene(stage: Stage) -> bytes:
        place = ("127.0.0.1", stage.witness.port)
        silent = await asyncio.open_connection(*place)
        halfway = await asyncio.open_connection(*place, ssl=stage.trust)
        halfway[1].write(b"POST /v1/chat/completions HTTP/1.1\r\n")
        await until(lambda: stage.witness.connections == 2)
        await stage.witness.stop()
        left = b"".join([await reader.read() for reader, _ in (silent, halfway)])
        for _, writer in (silent, halfway):
            writer.close()
            await writer.wait_closed()
        return left

    assert play(scene) == b""


def test_answers_depend_on_nothing_but_the_requests(play: Play[list[bytes]]) -> None:
    async def scene(stage: Stage) -> list[bytes]:
        async with stage.client() as client:
            bodies = [chat("a", n=2), chat("b", stream=True)]
            return [(await client.post("/chat/completions", json=body)).content for body in bodies]

    assert play(scene) == play(scene)


@pytest.mark.parametrize(
    ("listen", "place"),
    [("127.0.0.1:9443", ("127.0.0.1", 9443)), ("[::1]:0", ("::1", 0)), ("host:1", ("host", 1))],
)
def test_an_address_is_host_and_port(listen: str, place: tuple[str, int]) -> None:
    assert address(listen) == place


@pytest.mark.parametrize("listen", ["", "9443", ":9443", "host:", "host:x", "host:65536", "host:-1"])
def test_a_wrong_address_says_what_was_expected(listen: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        address(listen)
