"""Answers to HTTP/1.0, which knows no chunks."""

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from reference_gateway.web.asgi import App, Message, Receive, Scope, Send


def until_close(cycle: RequestResponseCycle, app: App) -> App:
    """Lets an answer without a length last until the connection ends (RFC 9112, 6.1 and 6.3).

    uvicorn would send it in chunks, whatever the caller speaks.
    """

    async def spoken(scope: Scope, receive: Receive, send: Send) -> None:
        sized = True

        async def unchunked(message: Message) -> None:
            nonlocal sized
            if message["type"] == "http.response.start":
                sized = any(name == b"content-length" for name, _ in message["headers"])
                if not sized:
                    cycle.chunked_encoding = False
            elif not sized:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, unchunked)

    return spoken
