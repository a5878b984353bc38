"""Carries one request to its provider and the answer back, keeping nothing.

What a client got is never more than what the ledger knows of: a call is settled before its answer ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from reference_gateway.config_file import Bounds
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.envelope import Envelope, EventReader
from reference_gateway.content.hold import Hold
from reference_gateway.content.meter import EventTooLargeError
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, CutError, NothingSentError, Outbound, Upstream
from reference_gateway.ledger.wire import Outcome, Standing
from reference_gateway.web.asgi import Request
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import JSON, HeaderList, Outlet

_EVENT_STREAM: Final = "text/event-stream"
_MAX_ERROR_BODY: Final = 65_536
_LINGER_SECONDS: Final = 1.0
# What the caller can mend is passed on in the provider's words; the rest is between us and the provider.
_CALLERS_FAULT: Final = frozenset({400, 413, 422})


class _AnswerTooLargeError(Exception):
    """The provider's answer exceeds its bound."""


class Relay:
    """Sends what `envelope` says and relays what comes back."""

    def __init__(self, upstream: Upstream, streams: OpenStreams, bounds: Bounds) -> None:
        self._upstream = upstream
        self._streams = streams
        self._bounds = bounds

    async def carry(
        self, request: Request, outlet: Outlet, envelope: Envelope, standing: Standing, hold: Hold
    ) -> None:
        """One attempt. Raises RefusalError as long as no answer was started."""
        outbound = Outbound(
            provider=envelope.model.provider,
            offer=envelope.offer,
            body=envelope.body,
            stream=envelope.stream,
        )
        try:
            async with asyncio.timeout(self._bounds.request_seconds) as deadline:
                stream = _Stream(request, outlet, hold, deadline, self._bounds)
                # Before it is sent: a key may be revoked while the provider still thinks.
                with self._streams.entered(standing.key_id, stream.revoke):
                    async with self._upstream.send(outbound) as answer:
                        if not 200 <= answer.status < 300:
                            await self._refused(answer, outlet, envelope, hold)
                        elif answer.media == _EVENT_STREAM:
                            await stream.relay(answer, envelope.form.stream())
                        else:
                            await self._whole(answer, outlet, envelope, hold)
        except NothingSentError as failure:
            hold.settle(Outcome.NOTHING_SENT)
            fault = Fault.CONNECT_TIMEOUT if failure.timed_out else Fault.PROVIDER_UNREACHABLE
            raise RefusalError(fault) from None
        except (CutError, TimeoutError) as failure:
            hold.settle(Outcome.UNKNOWN)
            raise RefusalError(_fault_of(failure)) from None

    async def _whole(self, answer: Answer, outlet: Outlet, envelope: Envelope, hold: Hold) -> None:
        try:
            body = await _collected(answer, self._bounds.max_answer)
        except _AnswerTooLargeError:
            hold.settle(Outcome.UNKNOWN)
            raise RefusalError(Fault.PROVIDER_TOO_LARGE) from None
        shown, usage = envelope.form.whole(body)
        hold.settle_by(usage)
        await outlet.whole(200, unsealed(shown))

    async def _refused(self, answer: Answer, outlet: Outlet, envelope: Envelope, hold: Hold) -> None:
        """A complete answer that is not a success costs nothing; an incomplete one proves nothing."""
        try:
            body = await _collected(answer, _MAX_ERROR_BODY)
        except _AnswerTooLargeError:
            hold.settle(Outcome.UNKNOWN)
            raise RefusalError(Fault.PROVIDER_REFUSED) from None
        hold.settle(Outcome.REFUSED)
        if answer.status in _CALLERS_FAULT and answer.media == JSON.decode():
            headers: HeaderList = [(b"content-type", JSON), (b"x-should-retry", b"false")]
            shown = envelope.form.refused(answer.status, body)
            await outlet.whole(answer.status, unsealed(shown), headers)
        elif answer.status == 429:
            raise RefusalError(Fault.PROVIDER_LIMITED, retry_after=answer.retry_after)
        else:
            raise RefusalError(Fault.PROVIDER_FAILED if answer.status >= 500 else Fault.PROVIDER_REFUSED)


class _Stream:
    """One event stream to one client. When the client goes, reading goes on for the bill, bounded."""

    def __init__(
        self, request: Request, outlet: Outlet, hold: Hold, deadline: asyncio.Timeout, bounds: Bounds
    ) -> None:
        self._request = request
        self._outlet = outlet
        self._hold = hold
        self._deadline = deadline
        self._bounds = bounds
        self._started = False
        self._revoked = False
        self._ending: asyncio.Task[None] | None = None

    async def relay(self, answer: Answer, reader: EventReader) -> None:
        """Forwards events until the last, settles, then ends the stream: well or with an error event."""
        self._outlet.speak(in_band=reader.fault)
        await self._outlet.start(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
        self._started = True
        if self._revoked:
            self._end_revoked()
        fault: Fault | None = None
        async with self._watched(), aclosing(answer.pieces()) as pieces:
            try:
                await self._forward(pieces, reader)
            except (CutError, _AnswerTooLargeError, EventTooLargeError) as failure:
                fault = _fault_of(failure)
            finally:
                # Also where the time is up: it may be the client who took it, when all was said and counted.
                self._hold.settle_by(reader.final_usage)
            fault = Fault.KEY_REVOKED if self._revoked else fault
            if fault is None and reader.done:
                await self._outlet.finish(unsealed(reader.end()))
                await _drained(pieces)
            else:
                # A clean early end would be taken for success.
                await self._outlet.fault(fault or Fault.PROVIDER_CUT)

    def revoke(self) -> None:
        """Nothing more reaches the client, who is told as soon as there is a stream to tell it in.

        The provider is read on for the bill. An answer that is no stream is not touched.
        """
        self._revoked = True
        if self._started:
            self._end_revoked()

    def _end_revoked(self) -> None:
        self._shorten()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._outlet.fault(Fault.KEY_REVOKED))

    async def _forward(self, pieces: AsyncIterator[Sealed], reader: EventReader) -> None:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > self._bounds.max_answer:
                raise _AnswerTooLargeError
            forwarded = reader.feed(piece)
            if not self._revoked:
                await self._outlet.write(unsealed(forwarded))
            if self._outlet.ended:
                self._shorten()  # the client left, or does not read
            if reader.done:
                return

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        watcher = asyncio.ensure_future(self._watch())
        try:
            yield
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            if self._ending is not None:
                await self._ending

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            continue
        self._outlet.abandon()
        self._shorten()

    def _shorten(self) -> None:
        latest = asyncio.get_running_loop().time() + self._bounds.drain_seconds
        present = self._deadline.when()
        if not self._deadline.expired() and (present is None or latest < present):
            self._deadline.reschedule(latest)


async def _collected(answer: Answer, most: int) -> Sealed:
    body = bytearray()
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            if len(body) + len(piece) > most:
                raise _AnswerTooLargeError
            body += unsealed(piece)
    return Sealed(bytes(body))


async def _drained(pieces: AsyncIterator[Sealed]) -> None:
    """Reads the few bytes after `[DONE]`, so that the connection can serve again."""
    with suppress(CutError, TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            async for _ in pieces:
                continue


def _fault_of(failure: Exception) -> Fault:
    match failure:
        case TimeoutError() | CutError(timed_out=True):
            return Fault.PROVIDER_TIMEOUT
        case _AnswerTooLargeError() | EventTooLargeError():
            return Fault.PROVIDER_TOO_LARGE
        case _:
            return Fault.PROVIDER_CUT
