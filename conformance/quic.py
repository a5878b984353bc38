"""A few GETs over HTTP/3. Imported only where it is needed: the library behind it is optional."""

import asyncio
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent

Headers = tuple[tuple[bytes, bytes], ...]


async def get_all(
    address: str, port: int, host: str, authority: Path | None, paths: tuple[str, ...]
) -> dict[str, Headers]:
    """The headers of each answer, by path, over one connection whose certificate is verified for `host`.

    Raises OSError where there is no connection, or one that breaks off.
    """
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=True, server_name=host)
    if authority is not None:
        configuration.load_verify_locations(cafile=str(authority))
    async with connect(
        address, port, configuration=configuration, create_protocol=_Client, wait_connected=True
    ) as client:
        assert isinstance(client, _Client)  # noqa: S101 - it makes what it is told to make
        return {path: await client.get(host, port, path) for path in paths}


class _Client(QuicConnectionProtocol):
    """One connection, and who waits for which answer."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._http = H3Connection(self._quic)
        self._waiting: dict[int, asyncio.Future[Headers]] = {}

    async def get(self, host: str, port: int, path: str) -> Headers:
        """The headers of the answer."""
        stream = self._quic.get_next_available_stream_id()
        fields = {
            b":method": b"GET",
            b":scheme": b"https",
            b":authority": f"{host}:{port}".encode(),
            b":path": path.encode(),
            b"user-agent": b"gateproof",
        }
        answer: asyncio.Future[Headers] = asyncio.get_running_loop().create_future()
        self._waiting[stream] = answer
        self._http.send_headers(stream, list(fields.items()), end_stream=True)
        self.transmit()
        return await answer

    def quic_event_received(self, event: QuicEvent) -> None:
        """Hand headers to whoever waits for them; an end ends all waiting."""
        for heard in self._http.handle_event(event):
            waiting = self._waiting.get(heard.stream_id) if isinstance(heard, HeadersReceived) else None
            if isinstance(heard, HeadersReceived) and waiting is not None and not waiting.done():
                waiting.set_result(tuple(heard.headers))
        if isinstance(event, ConnectionTerminated):
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError(event.reason_phrase or "the connection ended"))
