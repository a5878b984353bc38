"""Clients who go away at some point of a call: with a word, by hanging up, or by a reset."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.reference_gateway.gateway import COMPLETION_NANO, PROMPT_NANO
from tests.reference_gateway.hostile.conftest import Attacked, attacked
from tests.reference_gateway.hostile.talking import CHAT, call
from tests.reference_gateway.hostile.unharmed import settled, spent, unharmed
from tests.reference_gateway.raw_tls import open_connection
from tests.reference_gateway.stub_provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Seen,
    StubProvider,
    chunked,
    delta,
    event,
    slow,
    usage,
)
from tests.reference_gateway.stub_shapes import everywhere

BILL = PROMPT_TOKENS * PROMPT_NANO + 5 * COMPLETION_NANO
SLOW = CHAT.replace(b"ordinary", b"slow")
TRICKLE = CHAT.replace(b"ordinary", b"trickle").replace(b"}]", b'}],"stream":true')


async def trickle(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """A stream that takes half a second."""
    writer.write(STREAM_HEAD)
    for _ in range(10):
        writer.write(chunked(event(delta("word "))))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(chunked(event({**delta(""), "choices": [], "usage": usage(seen.body)})))
    writer.write(chunked(event("[DONE]")) + b"0\r\n\r\n")


@pytest.fixture(scope="module")
def gateway_with_slow_answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    scripts = {"ordinary": everywhere, "slow": slow, "trickle": trickle}
    with attacked(tmp_path_factory.mktemp("left"), scripts=scripts) as left:
        yield left


@pytest.fixture
def left(gateway_with_slow_answers: Attacked) -> Iterator[Attacked]:
    with unharmed(gateway_with_slow_answers.gateway, gateway_with_slow_answers.key):
        yield gateway_with_slow_answers


def with_a_word(tls: ssl.SSLSocket) -> None:
    with suppress(OSError):
        tls.unwrap()


def hanging_up(tls: ssl.SSLSocket) -> None:
    tls.close()


def by_a_reset(tls: ssl.SSLSocket) -> None:
    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tls.close()


WAYS = [with_a_word, hanging_up, by_a_reset]
every_way = pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__)
Leave = Callable[[ssl.SSLSocket], None]


@every_way
@pytest.mark.parametrize("part", [0.0, 0.2, 0.6, 0.99], ids=["nothing", "the target", "the head", "the body"])
def test_who_leaves_before_the_request_is_whole_has_asked_for_nothing(
    left: Attacked, leave: Leave, part: float
) -> None:
    request, seen = call(left.key), len(left.provider.seen)

    with open_connection(left.gateway) as tls:
        tls.sendall(request[: int(len(request) * part)])
        leave(tls)

    assert settled(left.gateway, left.key)
    assert len(left.provider.seen) == seen


@every_way
def test_who_leaves_while_the_answer_is_awaited_pays_for_it(left: Attacked, leave: Leave) -> None:
    before, seen = spent(left.gateway), len(left.provider.seen)

    with open_connection(left.gateway) as tls:
        tls.sendall(call(left.key, SLOW))
        until_seen(left, seen + 1)
        leave(tls)

    assert settled(left.gateway, left.key)
    assert spent(left.gateway) - before >= BILL


@every_way
def test_who_leaves_in_a_stream_pays_for_all_of_it(left: Attacked, leave: Leave) -> None:
    before = spent(left.gateway)

    with open_connection(left.gateway) as tls:
        tls.sendall(call(left.key, TRICKLE))
        tls.recv(65_536)
        leave(tls)

    assert settled(left.gateway, left.key)
    assert spent(left.gateway) - before == BILL


@every_way
def test_who_leaves_a_row_of_calls_pays_for_what_was_begun(left: Attacked, leave: Leave) -> None:
    before, seen = spent(left.gateway), len(left.provider.seen)

    with open_connection(left.gateway) as tls:
        tls.sendall(call(left.key, TRICKLE) * 3)
        tls.recv(65_536)
        leave(tls)

    assert settled(left.gateway, left.key)
    assert len(left.provider.seen) == seen + 1
    assert spent(left.gateway) - before == BILL


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_who_leaves_within_the_handshake_is_forgotten(left: Attacked, sent: bytes) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", left.gateway.port), timeout=15) as plain:
            plain.sendall(sent)


def until_seen(left: Attacked, count: int) -> None:
    """Asks for other things until the provider has seen so many calls."""
    with left.gateway.client(left.key) as client:
        for _ in range(500):
            if len(left.provider.seen) >= count:
                return
            client.get("/v1/key")
    raise AssertionError("the provider has not seen the call")
