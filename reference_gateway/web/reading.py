"""Reading what a caller sends, within bounds."""

import asyncio

from reference_gateway.web.asgi import Request
from reference_gateway.web.faults import Fault, RefusalError


def bearer(request: Request) -> str:
    """The bearer token of the request (RFC 6750, 2.1); a missing or repeated header is refused."""
    value = request.header(b"authorization")
    if value is None:
        raise RefusalError(Fault.NO_KEY)
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer":
        raise RefusalError(Fault.NO_KEY)
    return token.strip().decode("latin-1")


def require_json(request: Request) -> None:
    """Refuses a body that is not plain JSON: a compressed one has no bounded size or cost."""
    if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in request.headers):
        raise RefusalError(Fault.ENCODED_BODY)
    media = (request.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if media != b"application/json":
        raise RefusalError(Fault.NOT_JSON_TYPE)


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """The whole body, at most `most` bytes within `seconds`; refuses larger, slower or cut ones."""
    declared = request.header(b"content-length")
    if declared is not None and declared.isdigit() and int(declared[:19]) > most:
        raise RefusalError(Fault.BODY_TOO_LARGE)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request, most)
    except TimeoutError:
        raise RefusalError(Fault.SLOW_BODY) from None


async def _collect(request: Request, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise RefusalError(Fault.BODY_CUT)
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise RefusalError(Fault.BODY_TOO_LARGE)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
