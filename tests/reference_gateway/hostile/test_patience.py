"""Clients who drip, who do not read and who only stand in the way: each is waited for, but not for long.

The gateway here waits a second. What drips does so for ten, unless it is hung up on.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.reference_gateway.gateway import running_gateway, write_config, write_tls
from tests.reference_gateway.hostile.conftest import Attacked
from tests.reference_gateway.hostile.talking import CHAT, JSON, answers, asked, call, send
from tests.reference_gateway.hostile.unharmed import served, settled
from tests.reference_gateway.raw_tls import end_of, open_connection
from tests.reference_gateway.stub_provider import running_stub

DRIPS = 100
PAUSE = 0.1  # seconds
MOST_CONNECTIONS = 20
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # how a handshake begins


def dripped(connection: socket.socket, drop: bytes) -> int:
    """How many drops were taken before the gateway hung up."""
    pause = threading.Event()
    for count in range(DRIPS):
        try:
            connection.sendall(drop)
        except (ConnectionError, ssl.SSLError):
            return count
        pause.wait(PAUSE)
    return DRIPS


def dripped_until_answered(tls: ssl.SSLSocket, drop: bytes) -> bytes:
    """What the gateway says, until it hangs up or there are no more drops."""
    received = b""
    tls.settimeout(PAUSE)
    for _ in range(DRIPS):
        try:
            tls.sendall(drop)
            piece = tls.recv(65_536)
        except TimeoutError:
            continue
        except (ConnectionError, ssl.SSLError):
            break
        received += piece
        if not piece:
            break
    return received


def chunked_call(key: str) -> bytes:
    return call(key, b"", "transfer-encoding: chunked\r\n").replace(b"content-length: 0\r\n", b"")


def unwanted(key: str) -> bytes:
    """A refused call; its body is still to come."""
    return asked("POST", "/v1/chat/completions", JSON, b"").replace(b"length: 0", b"length: 1000")


DRIPPING = {
    "empty lines": (b"", b"\r\n"),
    "a method": (b"", b"G"),
    "a target": (b"GET /", b"a"),
    "a name": (b"GET / HTTP/1.1\r\n", b"a"),
    "a field": (b"GET / HTTP/1.1\r\nx: ", b"a"),
    "fields": (b"GET / HTTP/1.1\r\n", b"x: y\r\n"),
    "empty lines after an answer": (asked("GET", "/health"), b"\r\n"),
    "a second head": (asked("GET", "/health"), b"G"),
    "a body that nobody wants": (unwanted(""), b"a"),
}


@pytest.mark.parametrize("case", DRIPPING)
def test_who_drips_is_hung_up_on(impatient: Attacked, case: str) -> None:
    before, drop = DRIPPING[case]

    with open_connection(impatient.gateway) as tls:
        send(tls, before)
        assert dripped(tls, drop) < DRIPS


BODIES = {
    "a body": lambda key: call(key, CHAT)[: -len(CHAT)],
    "chunks": lambda key: chunked_call(key) + b"ff\r\n",
    "a chunk extension": lambda key: chunked_call(key) + b"ff;",
    "a trailer": lambda key: chunked_call(key) + b"0\r\nx: ",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_drips_is_refused(impatient: Attacked, case: str) -> None:
    seen = len(impatient.provider.seen)

    with open_connection(impatient.gateway) as tls:
        send(tls, BODIES[case](impatient.key))
        received = dripped_until_answered(tls, b" " if case == "a body" else b"a")

    assert [answer.status for answer in answers(received)] == [408]
    assert len(impatient.provider.seen) == seen


@pytest.mark.parametrize("sent", [b"", HELLO[:1], HELLO])
def test_a_handshake_that_does_not_end_is_hung_up_on(impatient: Attacked, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient.gateway.port), timeout=15) as plain:
        plain.sendall(sent)
        assert end_of(plain) == b""


def test_a_handshake_that_drips_is_hung_up_on(impatient: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", impatient.gateway.port), timeout=15) as plain:
        plain.sendall(HELLO)
        assert dripped(plain, b"\0") < DRIPS


def test_who_stands_in_the_way_gives_way_to_who_comes_later(impatient: Attacked) -> None:
    with ExitStack() as stack:
        half_open = [
            stack.enter_context(socket.create_connection(("127.0.0.1", impatient.gateway.port), timeout=15))
            for _ in range(3 * MOST_CONNECTIONS)
        ]
        idle = [stack.enter_context(open_connection(impatient.gateway)) for _ in range(2 * MOST_CONNECTIONS)]
        begun = [stack.enter_context(open_connection(impatient.gateway)) for _ in range(2 * MOST_CONNECTIONS)]
        for tls in begun:
            send(tls, b"GET / HTTP/1.1\r\nhost: a\r\n")
        assert served(impatient.gateway, impatient.key)
        assert [end_of(plain) for plain in half_open] == [b""] * len(half_open)
        assert [end_of(tls) for tls in idle[:MOST_CONNECTIONS]] == [b""] * MOST_CONNECTIONS


def test_who_is_being_served_does_not_give_way(impatient: Attacked) -> None:
    stream = CHAT.replace(b"ordinary", b"held").replace(b"}]", b'}],"stream":true')
    impatient.provider.released.clear()

    with ExitStack() as stack:
        tls = stack.enter_context(open_connection(impatient.gateway))
        send(tls, call(impatient.key, stream, "connection: close\r\n"))
        received = tls.recv(65_536)
        for _ in range(2 * MOST_CONNECTIONS):
            stack.enter_context(open_connection(impatient.gateway))
        impatient.provider.released.set()
        received += end_of(tls)

    (answer,) = answers(received)
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_where_all_places_are_served_who_comes_is_hung_up_on(impatient: Attacked) -> None:
    stream = CHAT.replace(b"ordinary", b"held").replace(b"}]", b'}],"stream":true')
    impatient.provider.released.clear()

    with ExitStack() as stack:
        taken = [stack.enter_context(open_connection(impatient.gateway)) for _ in range(MOST_CONNECTIONS)]
        for tls in taken:
            send(tls, call(impatient.key, stream, "connection: close\r\n"))
            tls.recv(65_536)
        with socket.create_connection(("127.0.0.1", impatient.gateway.port), timeout=15) as late:
            turned_away = end_of(late)
        impatient.provider.released.set()
        ends = [end_of(tls) for tls in taken]

    assert turned_away == b""
    assert all(b"data: [DONE]\n\n" in end for end in ends)


@pytest.fixture
def with_few_descriptors(tmp_path: Path) -> Iterator[Attacked]:
    write_tls(tmp_path)
    with running_stub(tmp_path) as provider:
        config = write_config(tmp_path, provider.url, ["ordinary"], "[bounds]\nhead_seconds = 1.0\n")
        with running_gateway(config, ["-m", "tests.reference_gateway.hostile.few_descriptors"]) as gateway:
            yield Attacked(gateway, provider, gateway.new_key()[1])


def test_a_process_without_descriptors_goes_on_accepting(with_few_descriptors: Attacked) -> None:
    gateway, key = with_few_descriptors.gateway, with_few_descriptors.key
    with ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=15))
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.admin_port), timeout=15))

        assert served(gateway, key)
        assert gateway.new_key()[1] != key
    assert settled(gateway, key)
