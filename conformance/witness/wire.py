"""One accepted connection: HTTP/1.1 and 1.0 by h11 over asyncio streams. It knows requests, not providers."""

import asyncio
import socket
import struct
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import h11

MAX_BODY = 64 * 2**20
_MAX_HEAD = 256 * 2**10
_READ = 64 * 2**10
_AHEAD = 2**20  # most bytes of further, pipelined requests read while an answer is under way
_FLUSH_SECONDS = 2.0

T = TypeVar("T")


class RequestError(Exception):
    """The peer sent something that is not a request the witness can take; the text says what."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A complete request."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Wire:
    """Requests come in, answers go out, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes over an accepted connection whose TLS handshake, if any, is done."""
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._bodiless = False  # the answer to HEAD has a head only

    async def receive(self) -> Received | None:
        """The next complete request; None when the peer closed between requests. Raises `RequestError`."""
        request: h11.Request | None = None
        body = bytearray()
        try:
            while True:
                event = await self._event()
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > MAX_BODY:
                        raise RequestError(413, f"the body is longer than {MAX_BODY} bytes")
                elif isinstance(event, h11.EndOfMessage) and request is not None:
                    return self._received(request, bytes(body))
                else:
                    return None
        except h11.RemoteProtocolError as wrong:
            raise RequestError(wrong.error_status_hint, str(wrong)) from wrong

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_READ))
        return event

    def _received(self, request: h11.Request, body: bytes) -> Received:
        self._bodiless = request.method == b"HEAD"
        return Received(
            method=request.method.decode("ascii"),
            target=request.target.decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.headers.raw_items()
            ),
            body=body,
        )

    def head(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Begin an answer. Without content-length it is chunked, or for HTTP/1.0 ends with the connection."""
        self._send(h11.Response(status_code=status, headers=list(headers)))

    def data(self, data: bytes) -> None:
        """Write a part of the body, without waiting for the peer to take it."""
        if data and not self._bodiless:
            self._send(h11.Data(data=data))

    def end(self) -> None:
        """End an answer properly."""
        self._send(h11.EndOfMessage())

    async def flush(self) -> None:
        """Wait while the peer takes less than is written; raises ConnectionError when it is gone."""
        await self._writer.drain()

    def next_request(self) -> bool:
        """Make ready for a further request; False when this connection takes none."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def unless_peer_leaves(self, work: Coroutine[None, None, T], left: T) -> T:
        """What `work` returns, or `left` when the peer closed its side before; then the work is cancelled.

        A peer that merely shuts its sending side counts as gone: no gateway waits for an answer like that.
        """
        working = asyncio.create_task(work)
        leaving = asyncio.create_task(self._peer_leaves())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else left
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _peer_leaves(self) -> None:
        ahead = 0
        while ahead < _AHEAD:
            data = await self._reader.read(_READ)
            self._http.receive_data(data)
            if not data:
                return
            ahead += len(data)
        await asyncio.Event().wait()

    async def reset(self) -> None:
        """Drop the connection by RST instead of FIN; the pause lets the peer read what was written before."""
        await asyncio.sleep(0.05)
        raw = self._writer.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def agreed(self) -> tuple[str, str]:
        """TLS version and suite of the connection; empty where it has none."""
        cipher = self._writer.get_extra_info("cipher")
        return (cipher[1], cipher[0]) if cipher else ("", "")

    def abort(self) -> None:
        """Close at once; what was not yet written is lost."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Write what is left, if the peer takes it in time, and close."""
        self._writer.close()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._writer.wait_closed()
        except TimeoutError:
            self.abort()
        except OSError:
            return  # the peer was faster

    def _send(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    def refuse(self, trouble: RequestError) -> None:
        """Tell the peer what was wrong, where HTTP still allows an answer; close the connection after."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        text = str(trouble).encode()
        headers = [
            ("content-type", "text/plain"),
            ("content-length", str(len(text))),
            ("connection", "close"),
        ]
        self.head(trouble.status, headers)
        self.data(text)
        self.end()
