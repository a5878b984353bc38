"""The tripwire: whoever comes to it is noted, by HTTP in clear where TLS is spoken, and by DNS."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import httpx
import pytest

from conformance.witness.server import Witness
from conformance.witness.tripwire import Tripwire, is_address, telling
from tests.witness.conftest import CANARIES, Play, Stage, chat, until
from tests.witness.test_dns import query

ZONE = "trip.example"


async def in_clear(stage: Stage, sent: bytes) -> bytes:
    """What the witness's listener of TLS says to somebody who speaks without it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port)
    try:
        writer.write(sent)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def test_who_comes_without_tls_is_noted_and_refused(play: Play[bytes]) -> None:
    words: list[tuple[str, str, str]] = []

    async def scene(stage: Stage) -> bytes:
        said = await in_clear(stage, b"GET /t/abc?d=e HTTP/1.1\r\nHost: h.example:9\r\nCookie: c=1\r\n\r\n")
        words.extend((trace.by, trace.source, trace.words) for trace in stage.witness.tripwire.traces)
        return said

    said = play(scene)

    assert said.startswith(b"HTTP/1.1 404 ")
    assert words == [("http", "127.0.0.1", "GET /t/abc?d=e HTTP/1.1\nh.example:9")]


def test_content_in_clear_is_not_a_call(play: Play[int]) -> None:
    async def scene(stage: Stage) -> int:
        await in_clear(stage, b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
        return len(stage.witness.calls)

    assert play(scene) == 0


@pytest.mark.parametrize("sent", [b"GET /t/abc HTTP/1.1\r\nHost:", b"\0\0\0\x08\x04\xd2\x16\x2f"])
def test_who_breaks_off_is_noted_as_far_as_it_came(play: Play[int], sent: bytes) -> None:
    async def scene(stage: Stage) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port)
        writer.write(sent)
        writer.write_eof()
        await until(lambda: stage.witness.tripwire.traces)
        writer.close()
        await writer.wait_closed()
        return len(stage.witness.tripwire.traces)

    assert play(scene) == 1


def test_a_head_without_end_fills_no_memory(play: Play[int]) -> None:
    async def scene(stage: Stage) -> int:
        await in_clear(stage, b"GET /t/abc HTTP/1.1\r\nx: " + b"a" * 100_000)
        return len(stage.witness.tripwire.traces[0].words)

    assert play(scene) < 10_000


def test_tls_is_served_as_before_and_a_link_followed_by_it_is_a_call(play: Play[str]) -> None:
    async def scene(stage: Stage) -> str:
        async with stage.client() as client:
            await client.get(f"https://127.0.0.1:{stage.witness.port}/t/abc")
        assert not stage.witness.tripwire.traces
        return (await stage.ended(1)).path

    assert play(scene) == "/t/abc"


def test_an_answer_is_copied_while_somebody_asks_for_it(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        async with stage.client() as client:
            with stage.witness.copying("the-token"):
                copied = await client.post("/chat/completions", json=chat("the-token"))
                await client.post("/chat/completions", json=chat("another"))
            await client.post("/chat/completions", json=chat("the-token"))
        answers = [(await stage.ended(number)).answer for number in (1, 2, 3)]

        assert answers == [copied.content, b"", b""]

    play(scene)


# --- names -------------------------------------------------------------------------------------------------


def with_names(scene: Callable[[Tripwire], Awaitable[None]]) -> None:
    """Play a scene with a tripwire that answers names."""

    async def playing() -> None:
        tripwire = Tripwire(listen=("127.0.0.1", 0), zone=ZONE, address="192.0.2.1")
        await tripwire.start()
        try:
            async with asyncio.timeout(10):
                await scene(tripwire)
        finally:
            await tripwire.stop()

    asyncio.run(playing())


def test_a_look_up_by_udp_is_noted_and_answered() -> None:
    async def scene(tripwire: Tripwire) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(type=socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.connect(("127.0.0.1", tripwire.port))
            await loop.sock_sendall(asking, query("QZXabc.trip.example"))
            answer = await loop.sock_recv(asking, 512)

        assert answer.endswith(bytes([192, 0, 2, 1]))
        assert [(trace.by, trace.words) for trace in tripwire.traces] == [("dns", "qzxabc.trip.example")]

    with_names(scene)


def test_a_look_up_by_tcp_is_noted_and_answered() -> None:
    async def scene(tripwire: Tripwire) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", tripwire.port)
        asked = query("abc.trip.example")
        writer.write(len(asked).to_bytes(2) + asked)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        writer.close()
        await writer.wait_closed()

        assert answer.endswith(bytes([192, 0, 2, 1]))
        assert [trace.words for trace in tripwire.traces] == ["abc.trip.example"]

    with_names(scene)


def test_names_elsewhere_are_refused_and_not_noted() -> None:
    async def scene(tripwire: Tripwire) -> None:
        answer = tripwire.looked_up(query("abc.other.example"), "127.0.0.1")

        assert answer is not None
        assert answer[3] & 0x0F == 5
        assert not tripwire.traces

    with_names(scene)


def test_whoever_comes_all_the_time_fills_no_memory() -> None:
    async def scene(tripwire: Tripwire) -> None:
        for number in range(10_050):
            tripwire.note("dns", "127.0.0.1", str(number))

        assert len(tripwire.traces) == 10_000

    with_names(scene)


def test_a_witness_starts_and_stops_its_tripwire() -> None:
    async def scene() -> bool:
        tripwire = Tripwire(listen=("127.0.0.1", 0), zone=ZONE)
        witness = Witness(host="127.0.0.1", port=0, tls=None, canaries=CANARIES, tripwire=tripwire)
        async with witness, httpx.AsyncClient(trust_env=False) as client:
            port = tripwire.port
            await client.get(f"{witness.url}/models")
        with socket.socket(type=socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", port))
        return port > 0 and len(witness.calls) == 1

    assert asyncio.run(scene())


def test_a_head_tells_where_it_goes_and_nothing_of_what_it_carries() -> None:
    head = b"GET /t/a HTTP/1.1\r\nHOST: h\r\nAuthorization: Basic eA==\r\nReferer: r\r\nCookie: c\r\nUser-Agent: u\r\n\r\n"

    assert telling(head) == "GET /t/a HTTP/1.1\nh\nBasic eA==\nr"


@pytest.mark.parametrize(
    ("host", "there"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_an_address_can_be_the_answer_to_a_name(host: str, there: bool) -> None:
    assert is_address(host) is there


def test_a_peer_that_stays_silent_is_let_go_of_with_the_witness(play: Play[None]) -> None:
    async def scene(stage: Stage) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.witness.port)
        await until(lambda: stage.witness.connections == 1)
        await stage.witness.stop()
        writer.close()
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncio.open_connection("127.0.0.1", stage.witness.port)

    play(scene)
