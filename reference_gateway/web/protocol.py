"""uvicorn's HTTP/1.1 protocol with a bound on the request head, in bytes and in seconds.

llhttp and uvicorn bound neither: 200 kB of headers were accepted, and a head that never ends
would be buffered for ever.
"""

import asyncio
import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from reference_gateway.config import Bounds
from reference_gateway.web.faults import Fault, error_body


class _HeadTooLargeError(Exception):
    """Raised inside a parser callback, which makes the parser give up."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head above its bound, and hangs up on one that does not arrive.

    Connections above their bound are hung up on as well: each may cost a head and a piece of a body.
    """

    bounds = Bounds()
    _head_bytes = 0
    _reading_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock for the first head."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.max_connections:
            transport.abort()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser; a head still unfinished after it counts the whole piece."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._reading_head and not self.transport.is_closing():
            if self._head_timer is None:
                self._arm()
            self._head_bytes += len(data)
            if self._head_bytes > self.bounds.max_head:
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new head begins."""
        self._reading_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: its size is now known exactly."""
        self._reading_head = False
        self._disarm()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._head_bytes = size
        if size > self.bounds.max_head:
            raise _HeadTooLargeError
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """The server's own refusals, in the same shape as the application's."""
        fault = Fault.HEAD_TOO_LARGE if self._head_bytes > self.bounds.max_head else Fault.MALFORMED
        body = error_body(fault)
        request_id = f"req_{secrets.randbits(128):032x}".encode()
        own: list[tuple[bytes, bytes]] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-should-retry", b"false"),
            (b"x-request-id", request_id),
            (b"request-id", request_id),
            (b"connection", b"close"),
        ]
        lines = [name + b": " + value + b"\r\n" for name, value in [*self.server_state.default_headers, *own]]
        self.transport.write(b"".join([STATUS_LINE[fault.value.status], *lines, b"\r\n", body]))
        self.transport.close()

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(self.bounds.head_seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def bounded_protocol(bounds: Bounds) -> type[BoundedProtocol]:
    """The protocol class with its bounds set; uvicorn makes the instances."""
    members: dict[str, Any] = {"bounds": bounds}
    return type("BoundedProtocol", (BoundedProtocol,), members)
