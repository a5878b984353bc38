"""The second gateway's way to its provider: one connection per request, verified, and cuttable."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

LARGEST_ANSWER = 16 << 20
BROKEN = (OSError, http.client.HTTPException)


class UnsentError(Exception):
    """The provider was not reached: nothing left this machine."""


class Provider:
    """An OpenAI-compatible provider; `url` ends where the path of an endpoint begins. Times in seconds."""

    def __init__(self, url: str, authority: str | None, timeout: float) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context(cafile=authority)
        self._timeout = timeout
        self._mutex = threading.Lock()
        self._open: dict[socket.socket, str] = {}
        self._closed = False

    @contextmanager
    def asked(
        self,
        owner: str,
        payload: bytes,
        headers: Mapping[str, str],
        may_send: Callable[[], bool],
        path: str = "/chat/completions",
    ) -> Iterator[http.client.HTTPResponse]:
        """The provider's answer, cut when its owner is; `UnsentError` if the request never left.

        `may_send` is asked once the connection can be cut, so that no revocation falls between the two.
        """
        connection = self._connection()
        try:
            wire = self._dial(connection, owner)
            try:
                if not may_send():
                    raise UnsentError
                with closing(self._send(connection, path, payload, headers)) as answer:
                    yield answer
            finally:
                with self._mutex:
                    self._open.pop(wire, None)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)

    def _dial(self, connection: http.client.HTTPConnection, owner: str) -> socket.socket:
        try:
            connection.connect()
        except OSError as error:
            raise UnsentError from error
        wire: socket.socket = connection.sock  # http.client forgets it once the provider says "close"
        with self._mutex:
            if self._closed:
                raise UnsentError
            self._open[wire] = owner
        return wire

    def _send(
        self, connection: http.client.HTTPConnection, path: str, payload: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        connection.request("POST", self._url.path.rstrip("/") + path, payload, dict(headers))
        return connection.getresponse()

    def cut(self, owner: str) -> None:
        """End the connections of an owner. Shut below TLS, the socket wakes the thread that reads it."""
        with self._mutex:
            _shut([wire for wire, name in self._open.items() if name == owner])

    def close(self) -> None:
        """End every connection, and open no other."""
        with self._mutex:
            self._closed = True
            _shut(list(self._open))


def _shut(wires: list[socket.socket]) -> None:
    for wire in wires:
        with suppress(OSError):
            socket.socket.shutdown(wire, socket.SHUT_RDWR)


def read_whole(answer: http.client.HTTPResponse) -> bytes:
    """A whole body, within bounds; IncompleteRead if it was cut (`read(n)` itself would not say)."""
    data = answer.read(LARGEST_ANSWER)
    if answer.read(1) or answer.length:
        raise http.client.IncompleteRead(b"")
    return data


def lines(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The lines of a stream, as they come."""
    while line := answer.readline(LARGEST_ANSWER):
        yield line
