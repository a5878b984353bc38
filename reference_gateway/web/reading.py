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


def presented_key(request: Request) -> str:
    """The caller's API key: a bearer token, or Anthropic's `x-api-key`; both at once are refused."""
    value = request.header(b"x-api-key")
    if value is None:
        return bearer(request)
    if any(name == b"authorization" for name, _ in request.headers):
        raise RefusalError(Fault.NO_KEY)
    return value.strip().decode("latin-1")


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
    # One buffer, because a list of very small pieces would be many times as large as what is in them.
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise RefusalError(Fault.BODY_CUT)
        body += message.get("body", b"")
        if len(body) > most:
            raise RefusalError(Fault.BODY_TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)
