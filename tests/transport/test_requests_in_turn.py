"""Requests one after another over as few connections as a server allows."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple

import pytest

from conformance.probes.raw_http import request, speak_in_turn
from tests.transport import deployments as d

ANSWER = d.answer("200 OK", b"{}")
LAST = d.answer("200 OK", b"{}", "Connection: close")
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\n{}"
_REQUESTS = 3


def _once(told: bytes, *, then: Callable[[ssl.SSLSocket], None]) -> Callable[[ssl.SSLSocket], None]:
    """Answer one request, then do something else."""

    def serve(connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.sendall(told)
        then(connection)

    return serve


def _leave(connection: ssl.SSLSocket) -> None:
    """Close without a word."""


def _ignore(connection: ssl.SSLSocket) -> None:
    while connection.recv(65536):
        pass


class Row(NamedTuple):
    """How a server serves, and how many connections three requests take."""

    name: str
    serve: Callable[[ssl.SSLSocket], None]
    connections: int


ROWS = (
    Row("keeps connections", d.speaks_http(lambda head: ANSWER), 1),
    Row("says that it is the last", d.speaks_http(lambda head: LAST), 3),
    Row("closes without saying so", _once(ANSWER, then=_leave), 3),
    Row("ends its answers by closing", _once(UNFRAMED, then=_leave), 3),
    Row("keeps connections and ignores what comes", _once(ANSWER, then=_ignore), 3),
)


def _asked(port: int, certificates: d.Certificates, wait: float) -> list[int]:
    told = asyncio.run(
        speak_in_turn(
            "127.0.0.1",
            port,
            host="localhost",
            trust=certificates.trust(),
            requests=[request("GET", f"https://localhost:{port}", "/")] * _REQUESTS,
            wait=wait,
        )
    )
    return [one.answer.status if one.answer else 0 for one in told]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_request_is_answered_whatever_becomes_of_connections(
    row: Row, certificates: d.Certificates
) -> None:
    numbers: list[int] = []
    secure = d.tls(certificates.context(0x0304, 0x0304), row.serve)

    def counted(connection: socket.socket, number: int) -> None:
        numbers.append(number)
        secure(connection, number)

    with d.listening(counted) as port:
        assert _asked(port, certificates, 5.0) == [200] * _REQUESTS

    assert len(numbers) == row.connections


def test_a_server_that_never_answers_is_not_waited_for_again_and_again(certificates: d.Certificates) -> None:
    numbers: list[int] = []
    secure = d.tls(certificates.context(0x0304, 0x0304), _ignore)

    def counted(connection: socket.socket, number: int) -> None:
        numbers.append(number)
        secure(connection, number)

    with d.listening(counted) as port:
        assert _asked(port, certificates, 0.3) == [0] * _REQUESTS

    assert len(numbers) == 1
