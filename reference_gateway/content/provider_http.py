"""Providers over HTTP/1.1 and verified TLS, on sockets that the dialer connected.

No redirects, no cookies, no proxy, no retry: one reservation pays one attempt.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from reference_gateway.config import Provider
from reference_gateway.config_file import Bounds
from reference_gateway.content.http_answer import Head
from reference_gateway.content.opener import spent
from reference_gateway.content.provider_connection import ProviderConnection
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import (
    Answer,
    CutError,
    Dialer,
    HeaderRule,
    NothingSentError,
    Outbound,
)
from reference_gateway.tls_end import TlsEnd

# Less than what common servers allow, so that a connection is seldom used just when it is being closed.
_REST_SECONDS: Final = 15.0
_MOST_AT_REST: Final = 128  # connections to one provider
_GOODBYE_SECONDS: Final = 1.0


class HttpUpstream:
    """Implements `Upstream`. `contexts` and `keys` are those of each provider, by its number."""

    def __init__(
        self,
        bounds: Bounds,
        contexts: Mapping[int, ssl.SSLContext],
        keys: Mapping[int, str],
        headers: HeaderRule,
        dialer: Dialer,
    ) -> None:
        self._bounds = bounds
        self._contexts = contexts
        self._keys = keys
        self._headers = headers
        self._dialer = dialer
        self._resting: defaultdict[int, list[ProviderConnection]] = defaultdict(list)

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        """See `Upstream`. A connection serves again only where its answer was read to the end."""
        provider = request.provider
        connection = self._rested(provider.number) or await self._opened(provider)
        try:
            # A prompt is sent once; while its answer comes, which may take minutes, nobody needs it any more.
            head = await connection.ask(
                self._head(request), spent(request.body), self._bounds.provider_idle_seconds
            )
            if not head.plain and 200 <= head.status < 300:
                # Compressed although it was asked not to: it could be neither metered nor shown.
                raise CutError(timed_out=False)
            yield _HttpAnswer(head, connection)
        finally:
            if connection.settle():
                self._put_to_rest(provider.number, connection)

    async def close(self) -> None:
        """See `Upstream`."""
        leaving = [connection for resting in self._resting.values() for connection in resting]
        self._resting.clear()
        for connection in leaving:
            connection.close()
        async with asyncio.timeout(_GOODBYE_SECONDS):
            for connection in leaving:
                await connection.gone()

    def _rested(self, number: int) -> ProviderConnection | None:
        """The latest connection that can serve: the others may end of age."""
        resting = self._resting[number]
        while resting:
            connection = resting.pop()
            if connection.untouched():
                return connection
            connection.abort()
        return None

    def _put_to_rest(self, number: int, connection: ProviderConnection) -> None:
        resting = self._resting[number]
        if len(resting) >= _MOST_AT_REST:
            connection.close()
            return

        def forget(lost: ProviderConnection) -> None:
            if lost in resting:
                resting.remove(lost)

        resting.append(connection)
        connection.rest(_REST_SECONDS, forget)

    async def _opened(self, provider: Provider) -> ProviderConnection:
        """A new connection, TCP and TLS done. Raises NothingSentError."""
        # Before the socket, which nobody would close if this failed.
        tls = TlsEnd(self._contexts[provider.number], urlsplit(provider.base_url).hostname or "")
        try:
            async with asyncio.timeout(self._bounds.connect_seconds):
                dialled = await self._dialer.dial(provider.number)
                connection = ProviderConnection(dialled, tls, self._bounds.connect_seconds)
                await connection.open()
        except TimeoutError:
            raise NothingSentError(timed_out=True) from None
        except OSError:
            raise NothingSentError(timed_out=False) from None
        return connection

    def _head(self, request: Outbound) -> bytes:
        provider = request.provider
        url = urlsplit(provider.base_url)
        fields = {
            "host": url.netloc,
            "content-length": str(len(request.body)),
            **self._headers(provider, self._keys[provider.number], request.stream),
        }
        lines = [f"POST {url.path}/{request.offer} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class _HttpAnswer:
    """See `Answer`."""

    def __init__(self, head: Head, connection: ProviderConnection) -> None:
        self.status = head.status
        self.media = head.media
        self.retry_after = head.retry_after
        self._head = head
        self._connection = connection

    async def pieces(self) -> AsyncGenerator[Sealed, None]:
        """See `Answer`."""
        while (piece := await self._connection.piece(self._head)) is not None:
            yield piece
