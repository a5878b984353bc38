"""The client's end of TLS without a network: every byte by hand."""

import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.tls_end import TlsEnd
from tests.reference_gateway.streaming import cut
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.upstream.certificates import Authority


class Server:
    """The other end."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake_hands(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()

    def says(self, plaintext: bytes) -> bytes:
        """It as ciphertext."""
        self.tls.write(plaintext)
        return self.outgoing.read()

    def goodbye(self) -> bytes:
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()


def client(authority: Authority, hostname: str = "localhost") -> TlsEnd:
    return TlsEnd(ssl.create_default_context(cafile=authority.root), hostname)


def secured(
    authority: Authority, context: ssl.SSLContext, hostname: str = "localhost"
) -> tuple[TlsEnd, Server]:
    """Both ends after the handshake; the server's tickets are still on their way."""
    ours, theirs = client(authority, hostname), Server(context)
    while not ours.shake_hands():
        theirs.incoming.write(ours.outgoing())
        theirs.shake_hands()
        ours.receive(theirs.outgoing.read())
    theirs.incoming.write(ours.outgoing())
    theirs.shake_hands()
    return ours, theirs


def everything(end: TlsEnd) -> bytes:
    """What can be read by now."""
    read = b""
    while piece := end.read():
        read += piece
    return read


@pytest.fixture
def ends(authority: Authority, good: ssl.SSLContext) -> tuple[TlsEnd, Server]:
    return secured(authority, good)


@pytest.mark.parametrize("hostname", ["localhost", "127.0.0.1", "::1"])
def test_a_provider_is_known_by_its_name_or_its_address(
    authority: Authority, good: ssl.SSLContext, hostname: str
) -> None:
    ours, theirs = secured(authority, good, hostname)
    ours.receive(theirs.says(b"hello"))

    assert everything(ours) == b"hello"


@pytest.mark.parametrize("hostname", ["example.org", "127.0.0.2", "::2", "a.localhost"])
def test_another_name_or_address_is_refused_and_the_provider_hears_why(
    authority: Authority, good: ssl.SSLContext, hostname: str
) -> None:
    ours, theirs = client(authority, hostname), Server(good)
    ours.shake_hands()
    theirs.incoming.write(ours.outgoing())
    theirs.shake_hands()
    ours.receive(theirs.outgoing.read())

    with pytest.raises(ssl.SSLCertVerificationError):
        ours.shake_hands()
    theirs.incoming.write(ours.outgoing())
    with pytest.raises(ssl.SSLError, match="ALERT"):
        theirs.tls.do_handshake()


def test_what_is_written_is_read_whole_at_the_other_end(ends: tuple[TlsEnd, Server]) -> None:
    ours, theirs = ends
    body = bytes(range(256)) * 1000
    ours.write(memoryview(body))
    theirs.incoming.write(ours.outgoing())
    read = b""
    while len(read) < len(body):
        read += theirs.tls.read(len(body))

    assert read == body


@UNHURRIED
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40_000), max_size=4),
    cuts=st.lists(st.integers(0, 100_000)),
)
def test_the_same_is_read_however_the_ciphertext_was_cut(
    authority: Authority, good: ssl.SSLContext, pieces: list[bytes], cuts: list[int]
) -> None:
    ours, theirs = secured(authority, good)
    read = b""
    for ciphertext in cut(b"".join(map(theirs.says, pieces)), cuts):
        ours.receive(ciphertext)
        read += everything(ours)

    assert read == b"".join(pieces)
    assert ours.read() is None


def test_tickets_and_parts_of_records_are_nothing_to_read(ends: tuple[TlsEnd, Server]) -> None:
    ours, theirs = ends
    ours.receive(theirs.outgoing.read())
    after_tickets = ours.read()
    record = theirs.says(b"hello")
    ours.receive(record[:-1])
    after_a_part = ours.read()
    ours.receive(record[-1:])

    assert (after_tickets, after_a_part, ours.read(), ours.read()) == (None, None, b"hello", None)


def test_a_goodbye_is_an_empty_piece_behind_all_others(ends: tuple[TlsEnd, Server]) -> None:
    ours, theirs = ends
    ours.receive(theirs.says(b"hello") + theirs.goodbye())

    assert (ours.read(), ours.read()) == (b"hello", b"")


def test_our_goodbye_does_not_wait_for_theirs(ends: tuple[TlsEnd, Server]) -> None:
    ours, theirs = ends
    ours.say_goodbye()
    theirs.incoming.write(ours.outgoing())

    assert theirs.tls.read(1) == b""


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_record_that_was_changed_on_the_way_is_an_error(ends: tuple[TlsEnd, Server], at: int) -> None:
    ours, theirs = ends
    record = bytearray(theirs.says(b"hello"))
    record[at] ^= 0x40
    ours.receive(bytes(record) + theirs.says(b"more"))

    with pytest.raises(ssl.SSLError):
        everything(ours)


def test_what_is_not_tls_is_an_error(authority: Authority) -> None:
    ours = client(authority)
    ours.shake_hands()
    ours.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(ssl.SSLError):
        ours.shake_hands()
