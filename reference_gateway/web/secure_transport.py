"""TLS below a protocol that knows nothing of it, on a connection that was accepted.

See `tls_end` for why the event loop's own is not used.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any, Final, cast

from reference_gateway.tls_end import AT_ONCE, TlsEnd

_LINGER_SECONDS: Final = 2.0
_NOBODY: Final = asyncio.Protocol()
_NOTHING: Final = memoryview(b"")


class SecureTransport(asyncio.Transport, asyncio.Protocol):
    """To the event loop a protocol, to `protocol` the transport. Made and used inside one event loop."""

    __slots__ = (
        "_ahead", "_clock", "_closing", "_context", "_due", "_due_bytes", "_loop", "_paused", "_protocol", "_raw",
        "_secure", "_secured", "_tls",
    )  # fmt: skip

    def __init__(self, context: ssl.SSLContext, protocol: asyncio.Protocol) -> None:
        self._context = context
        self._tls = TlsEnd(context)
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._secured: asyncio.Future[None] = self._loop.create_future()
        self._raw: asyncio.Transport | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._ahead = _NOTHING  # ciphertext that TLS has not had yet
        self._due: list[bytes] = []
        self._due_bytes = 0
        self._secure = False
        self._paused = False
        self._closing = False

    async def open(self, accepted: socket.socket, seconds: float) -> None:
        """Shakes hands. Raises OSError, of which TLS errors and a handshake that takes too long are kinds."""
        try:
            async with asyncio.timeout(seconds):
                await self._loop.connect_accepted_socket(lambda: self, accepted)
                await self._secured
        except BaseException:  # also where it is called off: a half-made connection is closed
            self._secured.cancel()
            if not self._closing:
                self.abort()
            raise

    # --- what the protocol asks ---

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection, and its `sslcontext`."""
        if name == "sslcontext":
            return self._context
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether nothing is read or written any more."""
        return self._closing

    def write(self, data: bytes) -> None:  # type: ignore[override]  # nobody here writes views
        """Soon, in one record with what else is written in this turn of the loop."""
        if self._closing or not data:
            return
        self._due.append(data)
        self._due_bytes += len(data)
        if self._due_bytes >= AT_ONCE:
            self._flush()
        elif len(self._due) == 1:
            self._loop.call_soon(self._flush)

    def pause_reading(self) -> None:
        """The protocol gets no more; what was deciphered already waits below."""
        if not self._paused and not self._closing and self._raw is not None:
            self._paused = True
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """It does again, though not within this call."""
        if self._paused and not self._closing and self._raw is not None:
            self._paused = False
            self._raw.resume_reading()
            self._loop.call_soon(self._digest)

    def close(self) -> None:
        """Says goodbye, and hangs up when the client has, or a little later.

        RFC 9112, 9.6: hung up on while it still sends, a client would lose the answer to the reset.
        """
        if self._closing or self._raw is None:
            return
        self._say_goodbye()
        if not self._closing:
            self._closing = True
            if self._paused:
                self._raw.resume_reading()
            self._raw.write_eof()
            # Told when all is written: only then the wait begins.
            self._raw.set_write_buffer_limits(high=0)
            if not self._raw.get_write_buffer_size():
                self._linger()

    def abort(self) -> None:
        """Hangs up."""
        self._closing = True
        if self._raw is not None:
            self._raw.abort()

    # --- what the event loop tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake begins."""
        self._raw = cast("asyncio.Transport", transport)
        if self._closing:
            self._raw.abort()

    def data_received(self, data: bytes) -> None:
        """Ciphertext."""
        if not self._closing:
            self._ahead = memoryview(b"".join((self._ahead, data)) if self._ahead else data)
            self._digest()

    def eof_received(self) -> None:
        """The client is gone, or has heard our goodbye."""
        if self._secure:
            self._protocol.eof_received()
        self._flush()
        self._let_go()

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._protocol.resume_writing()
        if self._closing:
            self._linger()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._closing = True
        self._ahead = _NOTHING
        self._due.clear()
        if self._clock is not None:
            self._clock.cancel()
        if not self._secured.done():
            self._secured.set_exception(ConnectionResetError())
        protocol, self._protocol = self._protocol, _NOBODY
        if self._secure:
            protocol.connection_lost(exc)

    # --- in between ---

    def _digest(self) -> None:
        try:
            while not self._paused and not self._closing:
                plaintext = self._tls.read() if self._secure or self._shaken_hands() else None
                if plaintext is not None:
                    self._pass_on(plaintext)
                elif self._ahead:
                    self._tls.receive(self._ahead[:AT_ONCE])
                    self._ahead = self._ahead[AT_ONCE:] or _NOTHING
                else:
                    break
        except ssl.SSLError as fault:
            self._fail(fault)
        else:
            self._push()

    def _shaken_hands(self) -> bool:
        if self._tls.shake_hands() and not self._secured.done():
            self._secured.set_result(None)
            self._secure = True
            self._protocol.connection_made(self)
        return self._secure

    def _pass_on(self, plaintext: bytes) -> None:
        if plaintext:
            self._protocol.data_received(plaintext)
        else:
            self._protocol.eof_received()
            self._say_goodbye()
            self._let_go()

    def _flush(self) -> None:
        if self._closing or not self._due:
            return
        data = b"".join(self._due)
        self._due.clear()
        self._due_bytes = 0
        try:
            for begin in range(0, len(data), AT_ONCE):
                self._tls.write(data[begin : begin + AT_ONCE])
                self._push()
        except ssl.SSLError as fault:
            self._fail(fault)

    def _say_goodbye(self) -> None:
        self._flush()
        if not self._closing:
            with suppress(ssl.SSLError):  # what the client still had to say
                self._tls.say_goodbye()
            self._push()

    def _push(self) -> None:
        ciphertext = self._tls.outgoing()
        if ciphertext and self._raw is not None and not self._raw.is_closing():
            self._raw.write(ciphertext)

    def _fail(self, fault: ssl.SSLError) -> None:
        """TLS is broken; the client is told by an alert."""
        self._push()
        if not self._secured.done():
            self._secured.set_exception(fault)
        self._let_go()

    def _let_go(self) -> None:
        """Hangs up when what is written has gone out, if that is soon."""
        self._closing = True
        if self._raw is not None:
            self._raw.close()
        self._linger()

    def _linger(self) -> None:
        if self._clock is None:
            self._clock = self._loop.call_later(_LINGER_SECONDS, self.abort)
