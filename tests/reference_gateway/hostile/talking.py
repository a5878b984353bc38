"""Bytes over TLS, several requests on one connection, and answers as they came, one by one."""

import socket
import ssl
from contextlib import suppress

from tests.reference_gateway.gateway import RunningGateway
from tests.reference_gateway.raw_tls import RawAnswer, end_of, open_connection, parsed

JSON = "content-type: application/json\r\n"
CHAT = b'{"model":"ordinary","messages":[{"role":"user","content":"hello"}],"max_tokens":5}'


def asked(method: str, path: str, headers: str = "", body: bytes = b"", version: str = "1.1") -> bytes:
    """A request that leaves the connection open."""
    head = (
        f"{method} {path} HTTP/{version}\r\nhost: localhost\r\n{headers}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


def call(key: str, body: bytes = CHAT, headers: str = "", version: str = "1.1") -> bytes:
    """A chat completion that leaves the connection open."""
    headers = f"authorization: Bearer {key}\r\n{JSON}{headers}"
    return asked("POST", "/v1/chat/completions", headers, body, version)


def last_call(key: str, body: bytes = CHAT, headers: str = "") -> bytes:
    """One after which the server hangs up."""
    return call(key, body, f"connection: close\r\n{headers}")


def said(gateway: RunningGateway, *pieces: bytes) -> list[RawAnswer]:
    """What the gateway answers to these bytes on one connection, until it hangs up."""
    with open_connection(gateway) as tls:
        for piece in pieces:
            send(tls, piece)
        return answers(end_of(tls))


def send(tls: ssl.SSLSocket | socket.socket, data: bytes) -> None:
    """As much of it as is taken: the gateway may have hung up."""
    with suppress(ConnectionError, ssl.SSLError):
        tls.sendall(data)


def answers(received: bytes) -> list[RawAnswer]:
    """All the answers in what was received. Fails on what is none."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        answer = parsed(head + b"\r\n\r\n")
        if answer.all("transfer-encoding") == ["chunked"]:
            answer.body, received = _unchunked(rest)
        elif length := answer.all("content-length"):
            answer.body, received = rest[: int(length[0])], rest[int(length[0]) :]
            assert len(answer.body) == int(length[0])
        elif answer.status >= 200:
            answer.body, received = rest, b""
        else:
            received = rest
        found.append(answer)
    return found


def _unchunked(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line, 16)
        body += rest[:size]
        assert rest[size : size + 2] == b"\r\n"
        rest = rest[size + 2 :]
        if not size:
            return body, rest
