"""The provider's side: one attempt over verified TLS, with nothing of the caller but the body."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from reference_gateway.config import Bounds, Provider
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed

_PATH: Final = "/chat/completions"


class NothingSentError(Exception):
    """Proven: the provider saw no byte of the request. `timed_out` says how it failed."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__()
        self.timed_out = timed_out


class CutError(Exception):
    """The exchange broke off after it began; what the provider billed is unknown."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__()
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One request to a provider."""

    provider: Provider
    body: Sealed
    stream: bool


class Answer(Protocol):
    """A provider's answer, arriving."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def media(self) -> str:
        """The media type, without parameters, in lower case."""

    @property
    def retry_after(self) -> int | None:
        """Seconds, when the provider gave them as a number."""

    def pieces(self) -> AsyncGenerator[Sealed, None]:
        """The body as it arrives. Raises CutError."""


class Upstream(Protocol):
    """How the relay reaches providers."""

    def send(self, request: Outbound) -> AbstractAsyncContextManager[Answer]:
        """Sends once, never again. Raises NothingSentError or CutError."""

    async def close(self) -> None:
        """Closes idle connections."""


HeaderRule = Callable[[Provider, bool], Mapping[str, str]]


def provider_headers(provider: Provider, stream: bool) -> Mapping[str, str]:
    """Everything that is sent beside the body; the caller's key, cookies, address and agent are not."""
    return {
        "authorization": f"Bearer {provider.api_key}",
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        # Compressed answers could not be metered without unpacking them.
        "accept-encoding": "identity",
    }


class HttpUpstream:
    """Providers over aiohttp. Make it inside the event loop that uses it.

    No redirects, no cookies, no proxy from the environment, no retry: one reservation pays one attempt.
    """

    def __init__(self, bounds: Bounds, contexts: Mapping[str, ssl.SSLContext], headers: HeaderRule) -> None:
        self._contexts = contexts
        self._headers = headers
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=bounds.connect_seconds, sock_read=bounds.provider_idle_seconds
            ),
        )

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        """See `Upstream`. Exceptions of the client hold URL and headers, so they end here."""
        response = await self._attempt(request)
        try:
            yield _HttpAnswer(response)
        finally:
            # Closes the connection unless the answer was read to its end; then it was released already.
            response.close()

    async def _attempt(self, request: Outbound) -> aiohttp.ClientResponse:
        provider = request.provider
        try:
            return await self._session.post(
                provider.base_url + _PATH,
                data=unsealed(request.body),
                headers=self._headers(provider, request.stream),
                ssl=self._contexts[provider.name],
                allow_redirects=False,
            )
        except aiohttp.ConnectionTimeoutError:
            raise NothingSentError(timed_out=True) from None
        except aiohttp.ClientConnectorError:
            raise NothingSentError(timed_out=False) from None
        except (aiohttp.ClientError, OSError) as error:
            raise CutError(timed_out=isinstance(error, TimeoutError)) from None

    async def close(self) -> None:
        """Closes idle connections."""
        await self._session.close()
        # aiohttp closes TLS transports in the next turns of the loop.
        await asyncio.sleep(0)


class _HttpAnswer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        after = response.headers.get("retry-after", "")
        self.retry_after = int(after) if after.isdecimal() and len(after) <= 5 else None

    async def pieces(self) -> AsyncGenerator[Sealed, None]:
        if self._response.headers.get("content-encoding", "identity").lower() != "identity":
            raise CutError(timed_out=False)
        try:
            async for piece in self._response.content.iter_any():
                yield Sealed(piece)
        except (aiohttp.ClientError, OSError) as error:
            raise CutError(timed_out=isinstance(error, TimeoutError)) from None
