"""A provider that follows its script, and connections to it as the gateway has them."""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from reference_gateway.content.http_answer import Head
from reference_gateway.content.opener import unsealed
from reference_gateway.content.provider_connection import ProviderConnection
from reference_gateway.tls_end import TlsEnd
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.provider import Provider, Script, Talk, providing

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"
PATIENCE = 5.0


class Stage:
    """A provider that follows its script, and connections to it."""

    def __init__(self, authority: Authority, provider: Provider) -> None:
        self._trust = ssl.create_default_context(cafile=authority.root)
        self._opened: list[ProviderConnection] = []
        self.provider = provider

    def made(self, patience: float = PATIENCE) -> ProviderConnection:
        plain = socket.create_connection(("127.0.0.1", self.provider.port))
        return ProviderConnection(plain, TlsEnd(self._trust, "localhost"), patience)

    async def opened(self) -> ProviderConnection:
        connection = self.made()
        await connection.open()
        self._opened.append(connection)
        return connection

    async def clear(self) -> None:
        for connection in self._opened:
            connection.abort()
            await connection.gone()


@asynccontextmanager
async def staged(
    authority: Authority, context: ssl.SSLContext | None, script: Script
) -> AsyncIterator[Stage]:
    async with providing(script, context) as provider:
        stage = Stage(authority, provider)
        try:
            yield stage
        finally:
            await stage.clear()


async def ask(connection: ProviderConnection, body: bytes = b"{}", patience: float = PATIENCE) -> Head:
    return await connection.ask(REQUEST % len(body), body, patience)


async def rest_of(connection: ProviderConnection, head: Head) -> bytes:
    body = b""
    while (piece := await connection.piece(head)) is not None:
        body += unsealed(piece)
    return body


async def exchanged(connection: ProviderConnection, body: bytes = b"{}") -> tuple[int, bytes]:
    head = await ask(connection, body)
    return head.status, await rest_of(connection, head)


async def nothing(_talk: Talk) -> None:
    """Hangs up at once."""


async def silence(talk: Talk) -> None:
    """Says nothing until the other side leaves."""
    while await talk.read():
        continue


async def steady(talk: Talk) -> None:
    """A good answer to every request."""
    while True:
        await talk.request()
        talk.write(HELLO)


def answering(answer: bytes, then: str = "") -> Script:
    """One answer, and one thing more: the name of a method of `Talk`."""

    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(answer)
        if then:
            getattr(talk, then)()
        await silence(talk)

    return script


def told(request: bytes) -> tuple[str, Mapping[str, str], bytes]:
    """The first line, the fields and the body of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines)
    return first, fields, body
