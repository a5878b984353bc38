"""TLS below a protocol, with clients that are blocking sockets: what they send, and what becomes of it."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

import pytest

from reference_gateway.tls_end import TlsEnd
from reference_gateway.web.secure_transport import SecureTransport
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import play

LARGE = 12_000_000  # bytes: more than the kernel buffers for anybody
DATA_RECORD = 23  # RFC 8446, 5.1: application_data, which is what tickets look like as well
Client = Callable[[socket.socket], object]


class Heard(asyncio.Protocol):
    """Remembers what it was told; `on_data` is what it does about each piece."""

    def __init__(self, on_data: "Callable[[Heard], object]" = lambda _heard: None) -> None:
        self.on_data = on_data
        self.received = b""
        self.told: list[str] = []
        self.over = asyncio.get_running_loop().create_future()
        self.transport: SecureTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("SecureTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.on_data(self)

    def eof_received(self) -> None:
        self.told.append("eof")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.over.set_result(None)


def meeting(
    context: ssl.SSLContext,
    client: Client,
    on_data: Callable[[Heard], object] = lambda _heard: None,
    seconds: float = 10.0,
) -> tuple[Heard, object]:
    """One client, served until the end. Raises what `open` raises."""

    async def scene() -> tuple[Heard, object]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            came = asyncio.ensure_future(asyncio.to_thread(_called, listening.getsockname(), client))
            accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
        heard = Heard(on_data)
        try:
            await SecureTransport(context, heard).open(accepted, seconds)
            await heard.over
        finally:
            accepted.close()
            told = await came
        return heard, told

    return play(scene())


def _called(address: tuple[str, int], client: Client) -> object:
    with socket.create_connection(address, timeout=15) as plain:
        return client(plain)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> ssl.SSLContext:
    return authority.issue()


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.root)


def to_the_end(tls: ssl.SSLSocket) -> bytes:
    """What comes until the server's close_notify; without one this fails."""
    received = b""
    while piece := tls.recv(65_536):
        received += piece
    return received


@contextmanager
def below(tls: ssl.SSLSocket, last: bytes) -> Iterator[socket.socket]:
    """The socket under a TLS connection that says no more than `last`."""
    tls.sendall(last)
    with socket.socket(fileno=tls.detach()) as bare:
        bare.settimeout(15)
        yield bare


def until_closed(bare: socket.socket) -> bytes:
    """What comes until the server says no more."""
    received = b""
    while piece := bare.recv(65_536):
        received += piece
    return received


def data_records(ciphertext: bytes) -> list[int]:
    """The lengths of the application data records, one after another."""
    lengths, at = [], 0
    while at < len(ciphertext):
        kind, _, length = struct.unpack_from(">BHH", ciphertext, at)
        lengths += [length] if kind == DATA_RECORD else []
        at += 5 + length
    return lengths


# --- writing -----------------------------------------------------------------------------------------------


def test_what_is_written_in_one_turn_of_the_loop_is_one_record(
    authority: Authority, theirs: ssl.SSLContext
) -> None:
    ticketless = authority.issue()
    ticketless.num_tickets = 0

    def client(plain: socket.socket) -> bytes:
        end, received = TlsEnd(theirs, "localhost"), b""
        while not end.shake_hands():
            plain.sendall(end.outgoing())
            end.receive(plain.recv(65_536))
        end.write(b"question")
        plain.sendall(end.outgoing())
        while len(data_records(received)) < 1:
            received += plain.recv(65_536)
        return received

    def answer(heard: Heard) -> None:
        for word in (b"head", b"and", b"body"):
            heard.transport.write(word)

    _, received = meeting(ticketless, client, answer)

    assert isinstance(received, bytes)
    assert data_records(received) == [len("headandbody") + 1 + 16]  # a type and a tag, RFC 8446, 5.2


def test_who_does_not_keep_up_is_waited_for(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    written = threading.Event()

    def client(plain: socket.socket) -> int:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"question")
            written.wait(10)  # reads nothing before: else all might fit as it is written
            return len(to_the_end(tls))

    def answer(heard: Heard) -> None:
        heard.transport.write(b"a" * LARGE)
        heard.told.append("written")
        written.set()
        heard.transport.close()

    heard, received = meeting(ours, client, answer)

    assert received == LARGE
    assert heard.told[:2] == ["pause", "written"]
    assert heard.told[2] == "resume"


# --- reading -----------------------------------------------------------------------------------------------


def test_reading_is_paused_below_tls_and_nothing_is_lost(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    pieces = [b"first", b"second", b"third"]

    def client(plain: socket.socket) -> None:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            for piece in pieces:
                tls.sendall(piece)
            tls.unwrap()

    def hold(heard: Heard) -> None:
        heard.told.append(heard.received.decode())
        heard.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.05, heard.transport.resume_reading)

    heard, _ = meeting(ours, client, hold)

    assert heard.received == b"".join(pieces)
    assert heard.told == ["first", "firstsecond", "firstsecondthird", "eof", "lost"]


def test_reading_goes_on_after_the_call_that_resumes_it(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    def client(plain: socket.socket) -> None:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"first")
            tls.sendall(b"second")
            tls.unwrap()

    def pause_and_resume(heard: Heard) -> None:
        before = heard.received
        heard.transport.pause_reading()
        heard.transport.resume_reading()
        assert heard.received == before

    assert meeting(ours, client, pause_and_resume)[0].received == b"firstsecond"


# --- ends --------------------------------------------------------------------------------------------------


def test_who_still_sends_when_we_hang_up_gets_the_answer(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    def client(plain: socket.socket) -> bytes:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            for _ in range(100):
                tls.sendall(b"a" * 10_000)
            return to_the_end(tls)

    def refuse(heard: Heard) -> None:
        heard.transport.write(b"too large")
        heard.transport.close()

    assert meeting(ours, client, refuse)[1] == b"too large"


def test_who_does_not_hang_up_when_we_do_is_not_waited_for_long(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    def client(plain: socket.socket) -> None:
        with below(theirs.wrap_socket(plain, server_hostname="localhost"), b"question") as bare:
            until_closed(bare)
            # Our half of the connection stays open.
            with suppress(ConnectionError):
                while True:
                    bare.sendall(b"a" * 10_000)

    def hang_up(heard: Heard) -> None:
        heard.transport.close()

    assert meeting(ours, client, hang_up)[0].told[-1] == "lost"


def test_a_goodbye_is_told_and_answered(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    def client(plain: socket.socket) -> None:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.unwrap().close()  # which waits for the server's

    assert meeting(ours, client)[0].told == ["eof", "lost"]


def test_nothing_is_written_or_read_any_more_once_we_hang_up(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    def client(plain: socket.socket) -> bytes:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"question")
            received = to_the_end(tls)
            tls.sendall(b"another")
            return received

    def close_first(heard: Heard) -> None:
        heard.transport.close()
        heard.transport.write(b"too late")
        heard.transport.pause_reading()
        heard.transport.resume_reading()
        heard.transport.close()

    heard, received = meeting(ours, client, close_first)

    assert (heard.received, received) == (b"question", b"")


@pytest.mark.parametrize("record", [b"no TLS at all" * 10, b"\x17\x03\x03\x00\x20" + b"a" * 32])
def test_what_is_no_tls_ends_the_connection_with_an_alert(
    ours: ssl.SSLContext, theirs: ssl.SSLContext, record: bytes
) -> None:
    def client(plain: socket.socket) -> bytes:
        with below(theirs.wrap_socket(plain, server_hostname="localhost"), b"") as bare:
            bare.sendall(record)
            return until_closed(bare)

    heard, received = meeting(ours, client)

    assert heard.told == ["lost"]
    assert received  # enciphered


# --- handshakes --------------------------------------------------------------------------------------------


def test_a_handshake_that_fails_ends_with_an_alert(
    authority: Authority,
) -> None:
    newest_only, old = authority.issue(), ssl.create_default_context(cafile=authority.root)
    newest_only.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
    heard = []

    def client(plain: socket.socket) -> None:
        try:
            old.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLError as fault:
            heard.append(fault.reason)

    with pytest.raises(ssl.SSLError):
        meeting(newest_only, client)
    assert heard == ["TLSV1_ALERT_PROTOCOL_VERSION"]


def test_who_leaves_within_the_handshake_is_an_error_of_the_network(ours: ssl.SSLContext) -> None:
    with pytest.raises(ConnectionError):
        meeting(ours, lambda plain: plain.sendall(b"\x16\x03\x01"))


def test_a_handshake_that_does_not_end_is_hung_up_on(ours: ssl.SSLContext) -> None:
    def client(plain: socket.socket) -> None:
        with suppress(ConnectionResetError):
            assert plain.recv(1) == b""

    with pytest.raises(TimeoutError):
        meeting(ours, client, seconds=0.1)


def test_its_facts_are_those_of_the_connection(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    facts: list[object] = []

    def look(heard: Heard) -> None:
        names = ("sslcontext", "peername", "no such thing")
        facts.extend(heard.transport.get_extra_info(name, "?") for name in names)

    def client(plain: socket.socket) -> object:
        with theirs.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"question")
            return tls.getsockname()

    _, name = meeting(ours, client, look)

    assert facts == [ours, name, "?"]
