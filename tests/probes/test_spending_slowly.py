"""A caller that reads slowly: how long it stops, what it tells of others, and that it always comes to an end."""

import asyncio
import ssl

import pytest

from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.slowly import Slowly
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes import servers
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENTS, _SIZE = 64, 32_768
_SWALLOWED = 1_500_000  # bytes that a connection takes in of which nobody reads, at the most


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Pouring:
    """A server that pours a stream out, and counts what was taken off its hands."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers.request(reader)
        writer.write(HEAD)
        for _ in range(_EVENTS):
            writer.write(_chunk(b"data: " + b"." * _SIZE + b"\n\n"))
            await writer.drain()
            self.taken += _SIZE
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _nobody() -> bool:
    return True


def _sent(opened: Opened, script: Script, reader: Slowly, tls: ssl.SSLContext | None = None) -> Reply:
    """What one call brings back; its provider never has it."""

    async def scene() -> Reply:
        witness = Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted())
        async with (
            listening(script, tls) as port,
            opened(target(port, "https" if tls else "http"), witness=witness) as session,
        ):
            return await reader.send(session, order(session, "a-key", Shape(stream=True)))

    return run(scene)


@pytest.mark.parametrize("secure", [False, True])
def test_a_slow_reader_holds_a_stream_up_and_then_reads_it_to_its_end(
    opened: Opened, tls: ssl.SSLContext, secure: bool
) -> None:
    pouring = _Pouring()
    taken: list[int] = []

    async def meanwhile() -> bool:
        taken.append(pouring.taken)
        return True

    reader = Slowly(leaves=False, patience=0.3, meanwhile=meanwhile)
    reply = _sent(opened, pouring, reader, tls if secure else None)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.truncated, reader.beside) == (200, False, [True])
    assert taken[0] < _SWALLOWED
    assert pouring.taken == _EVENTS * _SIZE


def test_a_slow_reader_may_leave_instead(opened: Opened) -> None:
    pouring = _Pouring()

    reply = _sent(opened, pouring, Slowly(leaves=True, patience=0.05, meanwhile=_nobody))

    assert isinstance(reply, Answer)
    assert reply.truncated
    assert pouring.taken < _EVENTS * _SIZE


def test_that_nobody_else_was_served_meanwhile_is_told(opened: Opened) -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    reader = Slowly(leaves=False, patience=0.05, meanwhile=never)
    _sent(opened, _Pouring(), reader)

    assert reader.beside == [False]


def test_a_refusal_is_read_at_once(opened: Opened) -> None:
    refusing = servers.saying(b"HTTP/1.1 402 Payment Required\r\ncontent-length: 4\r\n\r\nover")
    reader = Slowly(leaves=False, patience=60.0, meanwhile=_nobody)

    reply = _sent(opened, refusing, reader)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.body, reader.beside) == (402, b"over", [])


@pytest.mark.parametrize(
    "script",
    [servers.saying(HEAD + _chunk(b"data: {}\n\n")), servers.saying(b"nothing that anybody speaks\r\n")],
)
def test_what_breaks_off_is_no_answer(opened: Opened, script: Script) -> None:
    reply = _sent(opened, script, Slowly(leaves=False, patience=0.05, meanwhile=_nobody))

    assert isinstance(reply, NoAnswer)
    assert reply.kind == "reset"


def test_a_server_that_says_nothing_more_is_not_waited_for_longer_than_a_timeout(opened: Opened) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers.request(reader)
        writer.write(HEAD + _chunk(b"data: {}\n\n"))
        await reader.read()

    reply = _sent(opened, silent, Slowly(leaves=False, patience=0.05, meanwhile=_nobody))

    assert isinstance(reply, NoAnswer)
    assert reply.kind == "timeout"
