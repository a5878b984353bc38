"""A server of HTTP/3 whose answers carry what they are told to."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

Fields = tuple[tuple[bytes, bytes], ...]


@contextmanager
def http3_listening(chain: Path, key: Path, fields: Fields, port: int) -> Iterator[None]:
    """Answer every request with 404 and these fields, on a UDP port of loopback."""
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(chain, key, fields, port, ready)))
    thread.start()
    loop, stopping = ready.result()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


async def _serve(
    chain: Path,
    key: Path,
    fields: Fields,
    port: int,
    ready: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]",
) -> None:
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(str(chain), str(key))

    def made(*args: Any, **more: Any) -> QuicConnectionProtocol:
        return _Answering(fields, *args, **more)

    stopping = asyncio.Event()
    server = await serve("127.0.0.1", port, configuration=configuration, create_protocol=made)
    ready.set_result((asyncio.get_running_loop(), stopping))
    await stopping.wait()
    server.close()


class _Answering(QuicConnectionProtocol):
    def __init__(self, fields: Fields, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._fields = fields
        self._http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        for heard in self._http.handle_event(event):
            if isinstance(heard, HeadersReceived):
                answer = [(b":status", b"404"), *self._fields]
                self._http.send_headers(heard.stream_id, answer, end_stream=True)
                self.transmit()
