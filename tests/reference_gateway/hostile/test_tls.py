"""What is no TLS, or an odd kind of it."""

import socket
import ssl

import pytest

from tests.reference_gateway.hostile.conftest import Attacked
from tests.reference_gateway.hostile.talking import call, send
from tests.reference_gateway.raw_tls import end_of, parsed, request

ALERT = 0x15
NO_TLS = {
    "HTTP in clear": request("GET", "/health"),
    "a call in clear": call("key"),
    "an SSH greeting": b"SSH-2.0-OpenSSH_9.9\r\n",
    "NULs": b"\0" * 1000,
    "all ones": b"\xff" * 1000,
    "an empty record": b"\x16\x03\x01\x00\x00",
    "a hundred empty records": b"\x16\x03\x01\x00\x00" * 100,
    "empty application data": b"\x17\x03\x03\x00\x00" * 100,
    "a record that is too large": b"\x16\x03\x01\xff\xff" + b"\1" * 70_000,
    "a greeting that is too large": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\1" * 16_380,
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "a heartbeat": b"\x18\x03\x02\x00\x03\x01\x40\x00",
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\1" * 37,
    "the end of a handshake": b"\x16\x03\x03\x00\x04\x14\x00\x00\x00",
}


@pytest.mark.parametrize("case", NO_TLS)
def test_what_is_no_tls_gets_an_alert_at_most(patient: Attacked, case: str) -> None:
    with socket.create_connection(("127.0.0.1", patient.gateway.port), timeout=15) as plain:
        send(plain, NO_TLS[case])
        plain.shutdown(socket.SHUT_WR)
        received = end_of(plain)

    assert received == b"" or (received[0] == ALERT and len(received) == 7)


@pytest.mark.parametrize(
    "name", ["elsewhere.example", "xn--bcher-kva.example", "a" * 63 + ".b", "127.0.0.1", None]
)
def test_whatever_name_is_asked_for_the_same_gateway_answers(patient: Attacked, name: str | None) -> None:
    context = ssl.create_default_context(cafile=patient.gateway.ca)
    context.check_hostname = False

    with (
        socket.create_connection(("127.0.0.1", patient.gateway.port), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        tls.sendall(request("GET", "/health"))
        assert parsed(end_of(tls)).status == 200


def test_other_protocols_are_not_agreed_upon(patient: Attacked) -> None:
    context = ssl.create_default_context(cafile=patient.gateway.ca)
    context.set_alpn_protocols(["h2", "spdy/3", "http/1.1"])

    with (
        socket.create_connection(("127.0.0.1", patient.gateway.port), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert (tls.compression(), tls.version()) == (None, "TLSv1.3")


def test_who_speaks_other_protocols_only_is_not_served(patient: Attacked) -> None:
    context = ssl.create_default_context(cafile=patient.gateway.ca)
    context.set_alpn_protocols(["h2"])

    with (
        socket.create_connection(("127.0.0.1", patient.gateway.port), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        assert parsed(end_of(tls)).status == 400


def test_a_resumed_session_has_to_authenticate_again(patient: Attacked) -> None:
    context = ssl.create_default_context(cafile=patient.gateway.ca)
    session, statuses = None, []
    for key in (patient.key, "none"):
        with (
            socket.create_connection(("127.0.0.1", patient.gateway.port), timeout=15) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(call(key, headers="connection: close\r\n"))
            statuses.append((tls.session_reused, parsed(end_of(tls)).status))
            session = tls.session

    assert statuses == [(False, 200), (True, 401)]
