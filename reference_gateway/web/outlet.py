"""The only way bytes leave towards a client: in order, and closable once."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from reference_gateway.web.asgi import Message, Send
from reference_gateway.web.faults import Fault, RefusalError, error_body, error_event

JSON: Final = b"application/json"
HeaderList = list[tuple[bytes, bytes]]
FaultBody = Callable[[Fault, str | None], bytes]
InBand = Callable[[Fault], bytes]

# The event loop takes whatever it is given at once, so a large answer is given piece by piece.
_PIECE: Final = 65_536


class Outlet:
    """Writes one response. After `abandon` or an end, further writes vanish without error.

    How long a client may leave what is written unread is the protocol's to bound: it hangs up, and `send`
    returns. Faults are said in OpenAI's shape until `speak` names another one.
    """

    def __init__(self, send: Send, request_id: int) -> None:
        self._send = send
        self._request_id = f"req_{request_id:032x}".encode()
        self._lock = asyncio.Lock()
        self._body: FaultBody = error_body
        self._in_band: InBand = error_event
        self.status: int | None = None
        self.ended = False

    def abandon(self) -> None:
        """The client is gone: stop writing, keep counting."""
        self.ended = True

    def speak(self, body: FaultBody | None = None, in_band: InBand | None = None) -> None:
        """Says faults in another shape from here on: as a whole answer, or inside a stream."""
        self._body = body or self._body
        self._in_band = in_band or self._in_band

    async def start(self, status: int, headers: HeaderList) -> None:
        """Sends status and headers, with the request id in both spellings that SDKs read."""
        self.status = status
        ids = [(b"x-request-id", self._request_id), (b"request-id", self._request_id)]
        await self._put([{"type": "http.response.start", "status": status, "headers": [*headers, *ids]}])

    async def write(self, data: bytes) -> None:
        """Sends a piece of a body."""
        if data and not self.ended:
            await self._put(_pieces(data, more=True))

    async def finish(self, data: bytes = b"") -> None:
        """Sends the last piece."""
        if not self.ended:
            self.ended = True
            await self._put(_pieces(data, more=False))

    async def whole(self, status: int, body: bytes, headers: HeaderList | None = None) -> None:
        """Sends a complete response with its length; JSON unless `headers` says otherwise."""
        typed = headers if headers is not None else [(b"content-type", JSON)]
        await self.start(status, [*typed, (b"content-length", str(len(body)).encode())])
        await self.finish(body)

    async def fault(self, fault: Fault) -> None:
        """Ends with a fault, wherever the response is."""
        await self.refuse(RefusalError(fault))

    async def refuse(self, refusal: RefusalError) -> None:
        """Ends with a refusal: as a response if none was started, else as an event in the stream."""
        if self.status is None:
            fault = refusal.fault
            await self.whole(fault.value.status, self._body(fault, refusal.param), _headers(refusal))
        else:
            await self.finish(self._in_band(refusal.fault))

    async def _put(self, messages: Iterable[Message]) -> None:
        """Whole, whatever else is to be written meanwhile."""
        async with self._lock:
            for message in messages:
                await self._send(message)


def _pieces(data: bytes, *, more: bool) -> Iterable[Message]:
    last = max(0, len(data) - 1) // _PIECE * _PIECE
    for begin in range(0, last, _PIECE):
        yield {"type": "http.response.body", "body": data[begin : begin + _PIECE], "more_body": True}
    yield {"type": "http.response.body", "body": data[last:], "more_body": more}


def _headers(refusal: RefusalError) -> HeaderList:
    headers: HeaderList = [(b"content-type", JSON)]
    if not refusal.fault.value.transient:
        headers.append((b"x-should-retry", b"false"))
    if refusal.fault.value.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.allow is not None:
        headers.append((b"allow", refusal.allow.encode()))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    return headers
