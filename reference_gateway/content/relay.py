"""Carries one request to its provider and the answer back, keeping nothing.

What a client got is never more than what the ledger knows of: a call is settled before its answer ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from reference_gateway.config import Bounds
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.envelope import Envelope
from reference_gateway.content.hold import Hold
from reference_gateway.content.meter import EventTooLargeError, StreamMeter, usage_of
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, CutError, NothingSentError, Outbound, Upstream
from reference_gateway.ledger.wire import Outcome, Standing
from reference_gateway.web.asgi import Request
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import JSON, HeaderList, Outlet

_EVENT_STREAM: Final = "text/event-stream"
_DONE: Final = b"data: [DONE]\n\n"
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
        outbound = Outbound(provider=envelope.model.provider, body=envelope.body, stream=envelope.stream)
        try:
            async with asyncio.timeout(self._bounds.request_seconds) as deadline:
                async with self._upstream.send(outbound) as answer:
                    if not 200 <= answer.status < 300:
                        await self._refused(answer, outlet, hold)
                    elif answer.media == _EVENT_STREAM:
                        stream = _Stream(request, outlet, hold, deadline, self._bounds)
                        with self._streams.entered(standing.key_id, stream.revoke):
                            await stream.relay(answer, StreamMeter(asked_usage=envelope.asked_usage))
                    else:
                        await self._whole(answer, outlet, hold)
        except NothingSentError as failure:
            await hold.settle(Outcome.NOTHING_SENT)
            fault = Fault.CONNECT_TIMEOUT if failure.timed_out else Fault.PROVIDER_UNREACHABLE
            raise RefusalError(fault) from None
        except (CutError, TimeoutError) as failure:
            await hold.settle(Outcome.UNKNOWN)
            raise RefusalError(_fault_of(failure)) from None

    async def _whole(self, answer: Answer, outlet: Outlet, hold: Hold) -> None:
        try:
            body = await _collected(answer, self._bounds.max_answer)
        except _AnswerTooLargeError:
            await hold.settle(Outcome.UNKNOWN)
            raise RefusalError(Fault.PROVIDER_TOO_LARGE) from None
        await hold.settle_by(usage_of(body))
        await outlet.whole(200, unsealed(body))

    async def _refused(self, answer: Answer, outlet: Outlet, hold: Hold) -> None:
        """A complete answer that is not a success costs nothing; an incomplete one proves nothing."""
        try:
            body = await _collected(answer, _MAX_ERROR_BODY)
        except _AnswerTooLargeError:
            await hold.settle(Outcome.UNKNOWN)
            raise RefusalError(Fault.PROVIDER_REFUSED) from None
        await hold.settle(Outcome.REFUSED)
        if answer.status in _CALLERS_FAULT and answer.media == JSON.decode():
            headers: HeaderList = [(b"content-type", JSON), (b"x-should-retry", b"false")]
            await outlet.whole(answer.status, unsealed(body), headers)
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
        self._ending: asyncio.Task[None] | None = None

    async def relay(self, answer: Answer, meter: StreamMeter) -> None:
        """Forwards events until `[DONE]`, settles, then ends the stream: well or with an error event."""
        await self._outlet.start(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
        fault: Fault | None = None
        async with self._watched(), aclosing(answer.pieces()) as pieces:
            try:
                await self._forward(pieces, meter)
            except (CutError, TimeoutError, _AnswerTooLargeError, EventTooLargeError) as failure:
                fault = _fault_of(failure)
            await self._hold.settle_by(meter.final_usage)
            if fault is None and meter.done:
                await self._outlet.finish(_DONE)
                await _drained(pieces)
            else:
                # A clean early end would be taken for success.
                await self._outlet.fault(fault or Fault.PROVIDER_CUT)

    def revoke(self) -> None:
        """Tells the client now; the provider is read on for the bill."""
        self._shorten()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._outlet.fault(Fault.KEY_REVOKED))

    async def _forward(self, pieces: AsyncIterator[Sealed], meter: StreamMeter) -> None:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > self._bounds.max_answer:
                raise _AnswerTooLargeError
            await self._outlet.write(unsealed(meter.feed(piece)))
            if meter.done:
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
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.pieces():
        size += len(piece)
        if size > most:
            raise _AnswerTooLargeError
        pieces.append(unsealed(piece))
    return Sealed(b"".join(pieces))


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
