"""One connection to a provider: TLS and HTTP/1.1 over a socket that somebody else connected.

One exchange at a time. While it rests, a connection goes on reading, so that one which the provider closed
is never used again. Errors and idle connections hold nothing of what was sent or received.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from reference_gateway.content.http_answer import Head, HttpAnswer, RefusedAnswerError
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import CutError, NothingSentError
from reference_gateway.tls_end import AT_ONCE, TlsEnd

# Body bytes that nobody took yet; above it reading is paused. What the event loop had read by then (uvloop:
# at most 256 KiB at once) is still added, so that a connection holds less than 400 KiB.
_HELD_AT_MOST: Final = 131_072


class ProviderConnection(asyncio.Protocol):
    """Made and used inside one event loop. `patience`: seconds without a sign of life, from anywhere."""

    def __init__(self, sock: socket.socket, tls: TlsEnd, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._secure = False
        self._lost = False
        self._timed_out = False
        self._sent = False
        self._full = False
        self._paused = False
        self._answer: HttpAnswer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._on_lost: Callable[[ProviderConnection], None] | None = None
        self._patience = patience
        self._seen_at = self._loop.time()
        self._clock = self._loop.call_at(self._seen_at + patience, self._tick)

    # --- what its owner does with it ---

    async def open(self) -> None:
        """Takes the socket and shakes hands. Raises NothingSentError, or OSError; the socket is closed then."""
        try:
            await self._loop.create_connection(lambda: self, sock=self._socket)
            while not self._secure and not self._lost:
                await self._changed()
        except BaseException:  # also where it is called off: nobody else ends the connection
            self.abort()
            raise
        if self._lost:
            raise NothingSentError(timed_out=self._timed_out)

    async def ask(self, request: bytes, body: bytes, patience: float) -> Head:
        """Sends a request, once, and waits for the head of its answer, which is the ticket to its body.

        Raises CutError, or NothingSentError when the connection had ended before.
        """
        if self._lost:
            raise NothingSentError(timed_out=self._timed_out)
        self._on_lost = None
        self._sent = False
        self._answer = answer = HttpAnswer()
        self._endure(patience)
        await self._send(request, body)
        del body
        while answer.head is None:
            await self._news()
        return answer.head

    async def piece(self, head: Head) -> Sealed | None:
        """What has come of this answer's body since the last piece, None at its end. Raises CutError."""
        answer = self._answer
        if answer is None or answer.head is not head:
            # It was settled: what comes now belongs to somebody else.
            raise CutError(timed_out=False)
        while not answer.held:
            if answer.complete:
                return None
            await self._news()
        taken = Sealed(answer.take())
        self._resume()
        return taken

    def settle(self) -> bool:
        """Ends the exchange; whether the connection can serve another one. If not it is closed."""
        answer, self._answer = self._answer, None
        fresh = (
            answer is not None
            and answer.head is not None
            and answer.head.kept_alive
            and answer.complete
            and not answer.held
            and not answer.surplus
            and self._sent
            and not self._lost
        )
        if answer is not None:
            answer.discard()
        if not fresh:
            self.abort()
        return fresh

    def rest(self, patience: float, on_lost: Callable[["ProviderConnection"], None]) -> None:
        """Waits for its next exchange; calls `on_lost` when there can be none."""
        self._on_lost = on_lost
        self._endure(patience)

    def untouched(self) -> bool:
        """Whether the network brought nothing that the event loop has not seen yet, its end included."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self._lost
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Says goodbye and hangs up, for a connection at rest."""
        with suppress(OSError):
            self._tls.say_goodbye()
            # Past the transport, which has nothing to write: a provider that does not read is not waited for.
            self._socket.send(self._tls.outgoing())
        self.abort()

    def abort(self) -> None:
        """Hangs up."""
        self._lose()

    async def gone(self) -> None:
        """Waits until the socket is closed."""
        while self._transport is not None:
            await self._changed()

    # --- what the event loop tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake begins."""
        self._transport = cast("asyncio.Transport", transport)
        if self._lost:
            self._transport.abort()
        else:
            self._digest()

    def data_received(self, data: bytes) -> None:
        """Ciphertext."""
        self._seen_at = self._loop.time()
        for begin in range(0, len(data), AT_ONCE):
            if not self._lost:
                self._tls.receive(data[begin : begin + AT_ONCE])
                self._digest()

    def eof_received(self) -> None:
        """The end without a close_notify: whatever was to come is cut."""
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._lose(timed_out=isinstance(exc, TimeoutError))
        self._transport = None
        self._wake()

    def pause_writing(self) -> None:
        """The provider does not keep up."""
        self._full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        self._seen_at = self._loop.time()
        self._wake()

    # --- receiving ---

    def _digest(self) -> None:
        try:
            self._secure = self._secure or self._tls.shake_hands()
            while self._secure and not self._lost and (plaintext := self._tls.read()) is not None:
                self._take_in(plaintext)
        except (ssl.SSLError, RefusedAnswerError):
            self._flush()
            self._lose()
        else:
            self._flush()
        self._wake()

    def _take_in(self, plaintext: bytes) -> None:
        answer = self._answer
        if answer is None or not plaintext:
            if answer is not None:
                answer.end()
            self._lose()
            return
        answer.feed(plaintext)
        if answer.held > _HELD_AT_MOST and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._seen_at = self._loop.time()
            if self._transport is not None and not self._lost:
                self._transport.resume_reading()

    # --- sending ---

    async def _send(self, request: bytes, body: bytes) -> None:
        """Returns early when the rest is of no use: the connection is lost, or the provider refused already."""
        if len(body) <= AT_ONCE:
            self._put(request + body)
            self._sent = True
            return
        self._put(request)
        rest = memoryview(body)
        del body
        try:
            for start in range(0, len(rest), AT_ONCE):
                while self._full and self._worth_sending():
                    await self._changed()
                if not self._worth_sending():
                    return
                self._put(rest[start : start + AT_ONCE])
            self._sent = True
        finally:
            rest.release()

    def _worth_sending(self) -> bool:
        # RFC 9112, 9.3: who sends a body watches for an error, and then stops and closes.
        head = self._answer.head if self._answer else None
        return not self._lost and (head is None or 200 <= head.status < 300)

    def _put(self, plaintext: bytes | memoryview) -> None:
        if not self._lost:
            self._seen_at = self._loop.time()
            try:
                self._tls.write(plaintext)
            except ssl.SSLError:
                self._lose()
            self._flush()

    def _flush(self) -> None:
        ciphertext = self._tls.outgoing()
        if ciphertext and self._transport is not None and not self._lost:
            self._transport.write(ciphertext)

    # --- waiting ---

    async def _news(self) -> None:
        """Raises CutError where none can come."""
        if self._lost:
            raise CutError(timed_out=self._timed_out)
        await self._changed()

    async def _changed(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _endure(self, patience: float) -> None:
        """From now on `patience` counts. The clock is set anew only where it would ring too late."""
        self._patience = patience
        self._seen_at = self._loop.time()
        if self._seen_at + patience < self._clock.when():
            self._clock.cancel()
            self._clock = self._loop.call_at(self._seen_at + patience, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if self._paused and self._sent:
            self._seen_at = now  # it is we who do not read; while sending, the provider might wait for ever
        if now < self._seen_at + self._patience:
            self._clock = self._loop.call_at(self._seen_at + self._patience, self._tick)
        elif self._answer is None and self._secure:
            self.close()
        else:
            self._lose(timed_out=True)

    def _lose(self, *, timed_out: bool = False) -> None:
        if self._lost:
            return
        self._lost, self._timed_out = True, timed_out
        self._clock.cancel()
        if self._transport is not None:
            self._transport.abort()
        if self._on_lost is not None:
            self._on_lost(self)
        self._wake()
