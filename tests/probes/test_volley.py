"""A volley: requests that arrive at once, whatever comes back."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.door import MAX_BODY, Answer, NoAnswer
from conformance.probes.meter import LimitReached
from conformance.probes.volley import Shot, fire
from conformance.session import Session
from conformance.target import Limits, Target
from tests.probes import servers
from tests.probes.conftest import PRICE, Opened, run, target
from tests.probes.servers import Script, answering, listening, saying

SIZE = 8


def _volley(
    opened: Opened,
    script: Script,
    *,
    size: int = SIZE,
    tls: ssl.SSLContext | None = None,
    make: Callable[[int], Target] | None = None,
) -> tuple[Shot, ...]:
    """Fire at a server that plays a script."""

    async def scene() -> tuple[Shot, ...]:
        async with listening(script, tls) as port:
            the_target = make(port) if make else target(port, "https" if tls else "http")
            async with opened(the_target) as session:
                return await fire(session, _salvo(session, size))

    return run(scene)


def _salvo(session: Session, size: int) -> list[Asked]:
    return [calls.chat(session, f"key-{number}", "race") for number in range(size)]


def _told(shots: Sequence[Shot]) -> set[str]:
    return {calls.told(shot.reply) for shot in shots}


@pytest.mark.parametrize("secure", [False, True])
def test_every_request_arrives_whole_and_is_answered_in_its_place(
    opened: Opened, tls: ssl.SSLContext, secure: bool
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await servers.request(reader)
        assert b"POST /v1/chat/completions HTTP/1.1\r\n" in head
        key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))
        said = key + b" " + body
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(said) + said)

    shots = _volley(opened, echo, tls=tls if secure else None)
    assert len(shots) == SIZE
    for number, shot in enumerate(shots):
        assert isinstance(shot.reply, Answer)
        assert shot.reply.body.startswith(f"Authorization: Bearer key-{number} ".encode())
        assert shot.reply.body.endswith(msgspec.json.encode(shot.asked.body))
        assert shot.left <= shot.answered


def test_no_request_is_whole_before_all_connections_stand(opened: Opened) -> None:
    heads: list[bytes] = []
    heads_before_a_whole_request: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(servers.length_of(heads[-1]))
        heads_before_a_whole_request.append(len(heads))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    assert _told(_volley(opened, script)) == {"200"}
    assert heads_before_a_whole_request == [SIZE] * SIZE


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (answering(status="402 Payment Required"), "402"),
        (servers.silence, "timeout"),
        (servers.slow_headers, "timeout"),
        (servers.slow_body, "timeout"),
        (servers.endless_headers, "reset"),
        (servers.reset, "reset"),
        (servers.half_close, "reset"),
        (saying(), "reset"),
        (saying(b"SSH-2.0-OpenSSH_9.9\r\n"), "reset"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"), "reset"),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a chunk"), "reset"),
        (saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"), "403"),
        (saying(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), "200"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_whatever_a_server_does_every_shot_has_its_reply(opened: Opened, script: Script, told: str) -> None:
    assert _told(_volley(opened, script, size=3)) == {told}


def test_an_endless_body_is_cut_and_marked(opened: Opened) -> None:
    (shot,) = _volley(opened, servers.endless_body, size=1)
    assert isinstance(shot.reply, Answer)
    assert len(shot.reply.body) == MAX_BODY
    assert shot.reply.truncated


def test_a_port_that_nobody_listens_on_is_unreachable(opened: Opened) -> None:
    async def scene() -> tuple[Shot, ...]:
        async with listening(servers.silence) as port:
            pass
        async with opened(target(port)) as session:
            return await fire(session, _salvo(session, 2))

    assert _told(run(scene)) == {"unreachable"}


def test_a_certificate_that_nobody_trusts_gets_no_request(opened: Opened, stranger: ssl.SSLContext) -> None:
    heard: list[tuple[bytes, bytes]] = []
    shots = _volley(opened, saying(heard=heard), tls=stranger, size=2)
    assert _told(shots) == {"unreachable"}
    assert heard == []


def test_one_broken_connection_does_not_spoil_the_others(opened: Opened) -> None:
    numbers = iter(range(100))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        play: Callable[..., Awaitable[None]] = servers.reset if next(numbers) == 0 else answering()
        await play(reader, writer)

    shots = _volley(opened, script)
    assert sorted(calls.told(shot.reply) for shot in shots) == ["200"] * (SIZE - 1) + ["reset"]


def test_a_volley_is_paid_for_before_it_leaves(opened: Opened) -> None:
    async def scene() -> int:
        async with (
            listening(answering()) as port,
            opened(target(port, limits=Limits(requests=100, rate=1e5))) as session,
        ):
            salvo = _salvo(session, 3)
            await fire(session, salvo)
            assert session.meter.requests == 3
            assert session.meter.money == sum(calls.worst_case(session, asked) for asked in salvo)
            return session.meter.money

    assert run(scene) >= 3 * PRICE.completion * calls.MAX_TOKENS


def test_a_volley_beyond_the_limits_never_leaves(opened: Opened) -> None:
    heard: list[tuple[bytes, bytes]] = []

    async def scene() -> None:
        async with (
            listening(saying(heard=heard)) as port,
            opened(target(port, limits=Limits(requests=2))) as session,
        ):
            with pytest.raises(LimitReached):
                await fire(session, _salvo(session, 3))

    run(scene)
    assert heard == []


def test_no_volley_is_no_shot(opened: Opened) -> None:
    assert _volley(opened, servers.silence, size=0) == ()


def test_what_is_not_an_answer_has_no_status(opened: Opened) -> None:
    (shot,) = _volley(opened, servers.reset, size=1)
    assert isinstance(shot.reply, NoAnswer)
    assert not calls.admitted(shot.reply)
    assert not calls.whole(shot.reply)
