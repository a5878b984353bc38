"""A connection of one's own: requests on it, and every way to leave it."""

import asyncio
import ssl
from typing import Literal

import pytest

from conformance.probes import calls
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.spending.orders import Order, Shape, order
from conformance.probes.spending.sending import Anew, Leaving, Send, pooled
from conformance.probes.volley import pipeline
from conformance.session import Session
from tests.probes import servers
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening

EVENT = b"data: {}\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _sent(opened: Opened, script: Script, send: Send, tls: ssl.SSLContext | None = None) -> Reply:
    """What one call brings back."""

    async def scene() -> Reply:
        async with (
            listening(script, tls) as port,
            opened(target(port, "https" if tls else "http")) as session,
        ):
            return await send(session, order(session, "a-key", Shape(stream=True)))

    return run(scene)


class _Streaming:
    """A server that sends events until its caller leaves; `ending` is how it noticed."""

    def __init__(self) -> None:
        self.ending = ""
        self.told = 0
        self.over = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers.request(reader)
        writer.write(HEAD)
        leaving = asyncio.ensure_future(reader.read(1))
        while not leaving.done():
            writer.write(_chunk(EVENT))
            self.told += 1
            await asyncio.wait([leaving], timeout=0.005)
        self.ending = "RST" if isinstance(leaving.exception(), ConnectionResetError) else "FIN"
        self.over.set()


@pytest.mark.parametrize("by", ["FIN", "RST"])
@pytest.mark.parametrize("events", [1, 3])
def test_a_caller_leaves_a_stream_after_so_many_events(
    opened: Opened, by: Literal["FIN", "RST"], events: int
) -> None:
    streaming = _Streaming()

    async def leave(session: Session, wanted: Order) -> Reply:
        reply = await Leaving(events=events, by=by).send(session, wanted)
        await streaming.over.wait()
        return reply

    reply = _sent(opened, streaming, leave)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.truncated, reply.body) == (200, True, b"")
    assert streaming.told >= events
    assert streaming.ending == by


def test_a_caller_that_would_leave_hears_a_refusal_to_its_end(opened: Opened) -> None:
    refusal = servers.answering(b'{"error":"spent"}', status="402 Payment Required")

    reply = _sent(opened, refusal, Leaving(events=1, by="FIN").send)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.body) == (402, b'{"error":"spent"}')


def test_a_caller_that_would_leave_notices_that_nobody_answers(opened: Opened) -> None:
    reply = _sent(opened, servers.silence, Leaving(events=1, by="FIN").send)

    assert isinstance(reply, NoAnswer)
    assert reply.kind == "timeout"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("send", [pooled, Anew(("127.0.0.1",)).send], ids=["pooled", "anew"])
def test_a_call_is_sent_as_it_was_ordered(
    opened: Opened, tls: ssl.SSLContext, secure: bool, send: Send
) -> None:
    heard: list[tuple[bytes, bytes]] = []
    script = servers.saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", heard=heard)

    reply = _sent(opened, script, send, tls if secure else None)

    assert calls.told(reply) == "200"
    (head, body) = heard[0]
    assert head.lower().count(b"content-type: application/json") == 1
    assert b"a-key" in head
    assert body.endswith(b',"stream":true,"max_tokens":64}')


def test_each_call_on_a_new_connection_goes_to_the_next_address(opened: Opened) -> None:
    met: list[str] = []

    async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer.get_extra_info("sockname")[0])
        await servers.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async def scene() -> None:
        async with listening(noting) as port, opened(target(port)) as session:
            anew = Anew(("127.0.0.1", "127.0.0.1"))
            for _ in range(3):
                await anew.send(session, order(session, "a-key", Shape()))

    run(scene)
    assert met == ["127.0.0.1"] * 3


def _pipelined(opened: Opened, script: Script, size: int) -> list[str]:
    async def scene() -> list[str]:
        async with listening(script) as port, opened(target(port)) as session:
            shots = await pipeline(session, _salvo(session, size))
            return [calls.told(shot.reply) for shot in shots]

    return run(scene)


def _salvo(session: Session, size: int) -> list[calls.Asked]:
    return [calls.chat(session, "a-key", "race") for _ in range(size)]


def _answering(times: int) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await servers.request(reader)
            writer.write(b"HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}")

    return script


@pytest.mark.parametrize(("answers", "told"), [(3, ["402"] * 3), (1, ["402", "reset", "reset"])])
def test_requests_on_one_connection_are_answered_in_order_until_it_ends(
    opened: Opened, answers: int, told: list[str]
) -> None:
    assert _pipelined(opened, _answering(answers), 3) == told
