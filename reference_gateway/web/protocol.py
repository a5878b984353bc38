"""uvicorn's HTTP/1.1 protocol with a bound on all that a caller can make it keep or wait for.

llhttp and uvicorn bound little: heads, trailers and rows of pipelined requests of any size are kept, a head
or an unwanted body that never ends is waited for, and so is a caller who does not read. What makes no sense
is refused in the shape of the application's errors.
"""

import asyncio
import secrets
import socket
import struct
from contextlib import suppress
from enum import Enum
from typing import Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from reference_gateway.config_file import Bounds
from reference_gateway.web.asgi import App
from reference_gateway.web.faults import Fault, error_body
from reference_gateway.web.listener import Place
from reference_gateway.web.old_http import until_close

_MOST_FIELDS: Final = 256  # of a head and its trailer: each is several objects, however short
_MOST_QUEUED: Final = 16  # requests behind the one that is being served
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_RESET: Final = struct.pack("ii", 1, 0)  # struct linger: on, and for no second


class _UnacceptableError(Exception):
    """Raised inside a parser callback, which makes the parser give up. Holds nothing of what came."""


class _Awaited(Enum):
    """What a connection waits for with its clock running, and which of the bounds says how long."""

    HEAD = "head_seconds"
    REST_OF_BODY = "body_seconds"  # of a request that has been answered already
    READER = "write_seconds"


class BoundedProtocol(HttpToolsProtocol):
    """One connection. It is hung up on when its caller lets a clock run out.

    Requests are answered in their order. When one makes no sense, those before it are answered first.
    """

    # With more names than a shared table of keys has room for, each connection would have a table of its own.
    __slots__ = (
        "_awaited", "_bounds", "_clock", "_deaf", "_fields", "_head_bytes", "_in_body", "_in_head", "_newest", "_place",
        "_refused", "_serving", "_unseen_bytes",
    )  # fmt: skip

    def __init__(
        self, config: uvicorn.Config, server_state: ServerState, bounds: Bounds, place: Place
    ) -> None:
        super().__init__(config, server_state, {})
        self._place = place
        self._bounds = bounds
        self._awaited: _Awaited | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._newest: RequestResponseCycle | None = None
        self._serving: RequestResponseCycle | None = None  # the newest, or one before it
        self._in_head = self._in_body = False
        self._head_bytes = self._unseen_bytes = self._fields = 0
        self._deaf = False  # what comes from now on is dropped
        self._refused: Fault | None = None  # to be said when all before it are answered

    # --- what the event loop tells ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The handshake is done; the first head is awaited."""
        super().connection_made(transport)
        self._place.leave = self._hang_up
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being served, which is not always the latest."""
        self._place.free()
        self._await(None)
        serving = self._serving
        if serving is not None and not serving.response_complete:
            serving.disconnected = True
            serving.message_event.set()
        self.pipeline.clear()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """The caller says no more, and what it has not read by now it reads soon or never."""
        self._await(_Awaited.READER)

    def pause_writing(self) -> None:
        """The caller does not keep up."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser."""
        if self._deaf or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._unseen_bytes += len(data)
        try:
            self.parser.feed_data(data)
            # A field is shown when it is whole; until then the parser keeps it all the same.
            if (self._in_head or self._in_body) and self._too_large():
                self._refuse()
        except httptools.HttpParserUpgrade:
            # The parser takes the body for another protocol, so what follows is in no known state.
            self._deaf = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse()
        self._watch()

    # --- what the parser tells ---

    def on_message_begin(self) -> None:
        """A new head begins, unless the one before it was the last (RFC 9112, 9.6)."""
        if self._newest is not None and not self._newest.keep_alive:
            raise _UnacceptableError
        self._in_head = True
        self._head_bytes = self._unseen_bytes = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of a trailer, which is dropped: it is no part of the head (RFC 9110, 6.5.1)."""
        self._fields += 1
        self._count(len(name) + len(value) + 4)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: serves the request, or puts it in the queue."""
        self._require_sense()
        super().on_headers_complete()
        self._newest = self.cycle
        self._in_head, self._in_body = False, True
        if len(self.pipeline) >= _MOST_QUEUED:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which has a bound of its own."""
        self._unseen_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """So is the body."""
        self._in_body = False
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        self._unseen_bytes = 0
        if self._head_bytes > self._bounds.max_head or self._fields > _MOST_FIELDS:
            raise _UnacceptableError

    def _too_large(self) -> bool:
        return self._head_bytes + self._unseen_bytes > self._bounds.max_head or self._fields > _MOST_FIELDS

    def _require_sense(self) -> None:
        """What llhttp lets through: other versions and codings, targets with fragments, not exactly one host.

        RFC 9112, 3.2: a request of HTTP/1.1 without a host, and any with two, must be refused with 400.
        RFC 9112, 6.1: what nobody here decodes must not be taken for what it encodes.
        """
        version = self.parser.get_http_version()
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if version not in _VERSIONS or hosts > 1 or (version == "1.1" and not hosts) or b"#" in self.url:
            raise _UnacceptableError
        if b"transfer-encoding" in names and self._codings() != [b"chunked"]:
            raise _UnacceptableError

    def _codings(self) -> list[bytes]:
        return [value.lower() for name, value in self.headers if name == b"transfer-encoding"]

    # --- what is served ---

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: App) -> None:  # type: ignore[override]
        self._serving = cycle
        self._place.work()
        old = cycle.scope["http_version"] == "1.0"
        super()._start_asgi_task(cycle, until_close(cycle, app) if old else app)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        """Goes on with the next in the queue, or says what is wrong with what came after it."""
        super().on_response_complete()
        if self._serving is not None and self._serving.response_complete:
            self._place.wait()
            if self._refused is not None and not self.transport.is_closing():
                self._say(self._refused)
        elif self.pipeline:
            # uvicorn reads on at every answer; whoever sends faster than we answer would fill the memory.
            self.flow.pause_reading()
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for a while."""
        super().timeout_keep_alive_handler()
        self._watch()

    def shutdown(self) -> None:
        """No more requests."""
        super().shutdown()
        self._watch()

    # --- what is refused ---

    def _refuse(self) -> None:
        """Whatever comes from here on makes no sense, and is dropped."""
        self._deaf = True
        newest = self._newest
        fault = Fault.HEAD_TOO_LARGE if self._too_large() else Fault.MALFORMED
        if self._in_body and newest is not None and newest is self._serving:
            self._cut(newest, fault)
        elif self._in_body:
            self.pipeline.popleft()
            self._refused = fault
        elif newest is None or (newest.response_complete and newest.keep_alive):
            self._say(fault)
        elif newest.keep_alive:
            self._refused = fault

    def _cut(self, cycle: RequestResponseCycle, fault: Fault) -> None:
        """The body of the request that is being served makes no sense."""
        if cycle.response_started:
            self.transport.close()
        else:
            self._say(fault)
        cycle.disconnected = True
        cycle.message_event.set()

    def _say(self, fault: Fault) -> None:
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

    # --- what is waited for ---

    def _watch(self) -> None:
        self._await(self._awaits())

    def _await(self, awaited: _Awaited | None) -> None:
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if awaited is not None:
            self._clock = self.loop.call_later(getattr(self._bounds, awaited.value), self._hang_up)

    def _hang_up(self) -> None:
        """With a reset: the kernel would keep what is not sent yet for as long as the caller does not read it."""
        connected = self.transport.get_extra_info("socket")
        if connected is not None:  # or it is closed already, and the event loop is about to tell
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _awaits(self) -> _Awaited | None:
        """None: the application has bounds of its own, and uvicorn one for who has nothing to ask."""
        if self.transport.is_closing() or self.flow.write_paused:
            return _Awaited.READER
        if self._serving is not None and not self._serving.response_complete:
            return None
        if self._in_body:
            return _Awaited.REST_OF_BODY
        return None if self.timeout_keep_alive_task is not None else _Awaited.HEAD
