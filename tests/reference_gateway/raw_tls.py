"""Bytes over TLS, for requests that no client library would send."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.reference_gateway.gateway import RunningGateway


@dataclass
class RawAnswer:
    """A response as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def exchange(gateway: RunningGateway, data: bytes) -> RawAnswer:
    """Sends `data` on a new connection and reads one response until its end, with `connection: close`."""
    with open_connection(gateway) as tls:
        tls.sendall(data)
        return parsed(end_of(tls))


@contextmanager
def open_connection(gateway: RunningGateway) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=gateway.ca)
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=True) as tls,
    ):
        yield tls


def end_of(tls: socket.socket) -> bytes:
    """What the server sends until it hangs up, politely or not."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := tls.recv(65536):
            received += piece
    return received


def parsed(received: bytes) -> RawAnswer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return RawAnswer(int(first.split()[1]), headers, body)


def request(method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
