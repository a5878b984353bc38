"""The ClientHello we make and the server flight we read, as bytes."""

import contextlib
import ssl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conformance.model.transport import OLD, Version
from conformance.probes.tls.flight import Flight, ServerHello, read_answer_to, read_flight
from conformance.probes.tls.hello import OLD_SUITES, SIZE, client_hello
from tests.transport.deployments import Certificates
from tests.transport.hellos import parse_hello

NAMES = st.sampled_from(["", "localhost", "a.example", "xn--bcher-kva.example"])
TLS = st.sampled_from([version for version in Version if version is not Version.SSL2])
ALPN = st.sampled_from([(), ("h2", "http/1.1")])


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return bytes((kind,)) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def hello_body(version: int, suite: int = 0xC02F, selected: int | None = None) -> bytes:
    extension = b"" if selected is None else b"\x00\x06\x00\x2b\x00\x02" + selected.to_bytes(2, "big")
    return version.to_bytes(2, "big") + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00" + extension


FLIGHT_12 = record(22, message(2, hello_body(0x0303))) + record(
    22, message(11, bytes(700)) + message(14, b"")
)


@given(TLS, st.integers(0, 2**32 - 1), NAMES, ALPN)
def test_a_hello_is_one_whole_record_of_fixed_size(
    offered: Version, seed: int, sni: str, alpn: tuple[str, ...]
) -> None:
    hello = client_hello(offered, seed=seed, sni=sni, alpn=alpn)

    assert hello == client_hello(offered, seed=seed, sni=sni, alpn=alpn)
    assert len(hello) == 5 + int.from_bytes(hello[3:5], "big") == 9 + int.from_bytes(hello[6:9], "big")
    assert len(hello) == SIZE or (offered is Version.SSL3 and not sni and not alpn)


@given(TLS, NAMES, ALPN)
def test_a_hello_offers_what_it_says(offered: Version, sni: str, alpn: tuple[str, ...]) -> None:
    seen = parse_hello(client_hello(offered, seed=1, sni=sni, alpn=alpn))

    assert (seen.version, seen.sni, seen.alpn) == (offered.wire, sni, bool(alpn))


@given(st.integers(0, 2**32 - 1))
def test_a_hello_of_sslv2_is_one_whole_record_without_name(seed: int) -> None:
    hello = client_hello(Version.SSL2, seed=seed, sni="localhost", alpn=("h2",))

    assert len(hello) == 2 + (int.from_bytes(hello[:2], "big") & 0x7FFF) + len(b"\r\n\r\n")
    assert hello == client_hello(Version.SSL2, seed=seed)
    assert parse_hello(hello).version == Version.SSL2.wire


@given(st.binary(max_size=80), st.integers(0, 80))
@example(b"\0", 2)  # an empty record
def test_no_prefix_of_an_answer_to_sslv2_settles_otherwise_than_the_whole(data: bytes, cut: int) -> None:
    answered = b"\x80" + data

    early = read_answer_to(Version.SSL2, answered[:cut])

    assert not early.settled or read_answer_to(Version.SSL2, answered) == early


def test_every_kind_of_old_suite_is_offered_once() -> None:
    assert len(OLD_SUITES) == len(set(OLD_SUITES)) >= 80
    rc4, triple_des, null, anonymous, camellia, aria = 0x0005, 0x000A, 0x0002, 0xC018, 0x0041, 0xC050
    assert {rc4, triple_des, null, anonymous, camellia, aria} <= set(OLD_SUITES)


READ = (
    (b"", Flight()),
    (record(21, b"\x02\x46"), Flight(alert=70)),
    (record(21, b"\x01\x00"), Flight(alert=0)),
    (record(21, b"\x01\x70"), Flight(warnings=(112,))),
    (record(21, b"\x01\x70") + record(21, b"\x02\x28"), Flight(warnings=(112,), alert=40)),
    (record(21, b"\x02\x46")[:6], Flight()),
    (FLIGHT_12, Flight(hello=ServerHello(0x0303, 0xC02F), done=True)),
    (FLIGHT_12[:60], Flight(hello=ServerHello(0x0303, 0xC02F))),
    (
        record(22, message(2, hello_body(0x0303))) + record(21, b"\x02\x28"),
        Flight(ServerHello(0x0303, 0xC02F), alert=40),
    ),
    (record(22, message(2, hello_body(0x0303, 0x1301, 0x0304))), Flight(hello=ServerHello(0x0304, 0x1301))),
    (record(22, message(2, hello_body(0x0300, 0x0005)), 0x0300), Flight(hello=ServerHello(0x0300, 0x0005))),
    (record(22, message(1, bytes(40))), Flight(garbage=True)),
    (record(22, message(2, bytes(10))), Flight(garbage=True)),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", Flight(garbage=True)),
    (b"SSH-2.0-x\r\n", Flight(garbage=True)),
    (b"\x00", Flight(garbage=True)),
    (b"\x16", Flight()),
    (record(22, b""), Flight(garbage=True)),
)


@pytest.mark.parametrize(("data", "flight"), READ)
def test_a_flight_is_read(data: bytes, flight: Flight) -> None:
    assert read_flight(data) == flight


@given(st.binary(max_size=400))
def test_any_bytes_make_a_flight(data: bytes) -> None:
    read_flight(data)
    read_flight(record(22, data))
    read_flight(record(22, message(2, data)))


@given(st.sampled_from([data for data, _ in READ] + [FLIGHT_12 + b"more"]), st.integers(0, 900))
def test_what_was_settled_stays_settled_wherever_the_stream_is_cut(data: bytes, cut: int) -> None:
    early = read_flight(data[:cut])

    if early.settled:
        assert read_flight(data) == early


@given(st.integers(1, 60))
def test_messages_may_be_split_over_records(size: int) -> None:
    stream = message(2, hello_body(0x0302)) + message(11, bytes(90)) + message(14, b"")
    data = b"".join(record(22, stream[i : i + size]) for i in range(0, len(stream), size))

    assert read_flight(data) == Flight(hello=ServerHello(0x0302, 0xC02F), done=True)


@pytest.mark.parametrize("offered", [*OLD[2:], Version.TLS13], ids=lambda version: version.value)
def test_openssl_understands_every_hello(offered: Version, certificates: Certificates) -> None:
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.context(0x0301, 0x0304).wrap_bio(inside, outside, server_side=True)
    inside.write(client_hello(offered, seed=3, sni="localhost", alpn=("h2", "http/1.1")))
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()

    flight = read_flight(outside.read())

    assert flight.complete
    assert flight.hello is not None
    assert flight.hello.wire == offered.wire
