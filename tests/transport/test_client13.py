"""Our own client of TLS 1.3 against OpenSSL, and against whatever anybody sends."""

import contextlib
import ssl
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.tls.certificates import described
from conformance.probes.tls.client13 import Client13, HandshakeError
from tests.transport.deployments import Certificates


class Row(NamedTuple):
    """What the server is told, and what the client must see of it."""

    name: str
    curve: str = ""
    alpn: tuple[str, ...] = ()
    group: int = 0x001D
    protocol: str = ""


ROWS = (
    Row("as usual"),
    Row("P-256", curve="prime256v1", group=0x0017),
    Row("P-384, after another hello", curve="secp384r1", group=0x0018),
    Row("P-521, after another hello", curve="secp521r1", group=0x0019),
    Row("HTTP/2", alpn=("h2", "http/1.1"), protocol="h2"),
    Row("HTTP/1.1", alpn=("http/1.1",), protocol="http/1.1"),
)


def _converse(client: Client13, context: ssl.SSLContext) -> bytes:
    """Both ends in memory, until the client has seen enough; what it sent to the server above TLS."""
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(inside, outside, server_side=True)
    inside.write(client.start())
    heard = b""
    for _ in range(6):
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
            heard += server.read()
        inside.write(client.receive(outside.read()))
    return heard


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_handshake_is_finished_and_told(row: Row, certificates: Certificates) -> None:
    context = certificates.context(0x0304, 0x0304, row.alpn)
    context.set_ecdh_curve(row.curve) if row.curve else None
    client = Client13(seed=7, sni="localhost")

    heard = _converse(client, context)

    assert heard.startswith(b"GET / ")  # the server's keys are ours
    assert (client.finished, client.over, client.group, client.protocol) == (
        True,
        True,
        row.group,
        row.protocol,
    )
    assert client.suite in {0x1301, 0x1302, 0x1303}
    assert all(ticket.lifetime == 7200 and ticket.early_data == 0 for ticket in client.tickets)
    assert client.tickets
    leaf = described(client.chain[0])
    assert leaf is not None
    assert "localhost" in leaf.names


def test_a_client_without_certificate_says_so_when_asked(certificates: Certificates) -> None:
    context = certificates.context(0x0304, 0x0304)
    context.verify_mode = ssl.CERT_OPTIONAL
    client = Client13(seed=7, sni="")

    assert _converse(client, context).startswith(b"GET / ")


def test_a_server_that_knows_no_tls13_is_told_by_its_alert(certificates: Certificates) -> None:
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.context(0x0303, 0x0303).wrap_bio(inside, outside, server_side=True)
    client = Client13(seed=7, sni="localhost")
    inside.write(client.start())
    with contextlib.suppress(ssl.SSLError):
        server.do_handshake()

    with pytest.raises(HandshakeError, match="alert 70"):
        client.receive(outside.read())


def test_a_record_that_was_changed_is_not_believed(certificates: Certificates) -> None:
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.context(0x0304, 0x0304).wrap_bio(inside, outside, server_side=True)
    client = Client13(seed=7, sni="localhost")
    inside.write(client.start())
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    flight = bytearray(outside.read())
    flight[-1] ^= 1

    with pytest.raises(HandshakeError, match="do not open"):
        client.receive(bytes(flight))


@given(
    data=st.binary(max_size=300),
    head=st.sampled_from([b"", b"\x16\x03\x03", b"\x15\x03\x03\x00\x02", b"\x17\x03\x03"]),
)
def test_nothing_that_is_sent_raises_but_what_it_says(data: bytes, head: bytes) -> None:
    client = Client13(seed=7, sni="localhost")
    client.start()

    with contextlib.suppress(HandshakeError):
        client.receive(head + data)

    assert not client.finished


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_no_damage_in_a_server_hello_breaks_the_client(at: int, damage: bytes) -> None:
    hello = b"\x02\x00\x00\x56\x03\x03" + bytes(32) + b"\x20" + bytes(32) + b"\x13\x01\x00\x00\x2e"
    hello += b"\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x24\x00\x1d\x00\x20" + bytes(32)
    at %= len(hello)
    changed = hello[:at] + damage + hello[at + len(damage) :]
    client = Client13(seed=7, sni="localhost")
    client.start()

    with contextlib.suppress(HandshakeError):
        client.receive(b"\x16\x03\x03" + len(changed).to_bytes(2, "big") + changed)

    assert not client.finished
