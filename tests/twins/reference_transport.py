"""Twins of the reference gateway that are careless about who their provider is, and odd ones that are not."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import httpx

from reference_gateway.config import Config, Provider
from reference_gateway.content.opener import unsealed
from reference_gateway.content.provider_http import HttpUpstream
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import (
    Answer,
    CutError,
    Dialer,
    HeaderRule,
    NothingSentError,
    Outbound,
    Upstream,
)
from reference_gateway.parts import Parts, provider_tls
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")

VERIFIED = "transport.provider-certificate-is-verified"
NO_OLD_TLS = "transport.provider-gets-no-old-tls"
NO_CLEAR_TEXT = "transport.provider-gets-no-clear-text"


def careless(context: ssl.SSLContext) -> None:
    """Trusts whoever answers."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


def nameless(context: ssl.SSLContext) -> None:
    """Verifies the chain, and does not ask whose it is."""
    context.check_hostname = False


def outdated(context: ssl.SSLContext) -> None:
    """Speaks every version and suite that OpenSSL still has."""
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED


def modern(context: ssl.SSLContext) -> None:
    """Speaks TLS 1.3 and nothing older."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3


def _trusting(parts: Parts, change: Callable[[ssl.SSLContext], None]) -> Parts:
    """The way to the provider with another context."""

    def upstream(config: Config, headers: HeaderRule, dialer: Dialer) -> Upstream:
        contexts = {provider.number: provider_tls(provider) for provider in config.providers}
        for context in contexts.values():
            change(context)
        return HttpUpstream(config.bounds, contexts, _keys(config), headers, dialer)

    return replace(parts, upstream=upstream)


def _keys(config: Config) -> Mapping[int, str]:
    return {provider.number: provider.api_key.read() for provider in config.providers}


@twin("provider-is-not-verified", fails={VERIFIED})
def provider_is_not_verified(parts: Parts) -> Parts:
    """Any certificate will do."""
    return _trusting(parts, careless)


@twin("provider-name-is-not-verified", fails={VERIFIED})
def provider_name_is_not_verified(parts: Parts) -> Parts:
    """A good certificate will do, whoever's it is."""
    return _trusting(parts, nameless)


@twin("provider-over-old-tls", fails={NO_OLD_TLS})
def provider_over_old_tls(parts: Parts) -> Parts:
    """Any version will do."""
    return _trusting(parts, outdated)


@variant("provider-over-tls13-alone")
def provider_over_tls13_alone(parts: Parts) -> Parts:
    """TLS 1.2 is refused of providers too."""
    return _trusting(parts, modern)


@dataclass(frozen=True, slots=True)
class _Arriving:
    """See `Answer`."""

    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def media(self) -> str:
        told: str = self.response.headers.get("content-type", "")
        return told.partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> int | None:
        told = self.response.headers.get("retry-after", "")
        return int(told) if told.isdigit() else None

    async def pieces(self) -> AsyncGenerator[Sealed, None]:
        try:
            async for piece in self.response.aiter_raw():
                if piece:
                    yield Sealed(piece)
        except httpx.HTTPError as trouble:
            raise CutError(timed_out=isinstance(trouble, httpx.TimeoutException)) from None


class _Following:
    """A client library that goes wherever it is sent."""

    def __init__(self, config: Config, headers: HeaderRule) -> None:
        self._headers = headers
        self._keys = _keys(config)
        self._clients: dict[int, httpx.AsyncClient] = {}

    def _client(self, provider: Provider) -> httpx.AsyncClient:
        if provider.number not in self._clients:
            self._clients[provider.number] = httpx.AsyncClient(
                verify=provider_tls(provider), follow_redirects=True, trust_env=False, timeout=30
            )
        return self._clients[provider.number]

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        provider = request.provider
        client = self._client(provider)
        outgoing = client.build_request(
            "POST",
            f"{provider.base_url}/{request.offer}",
            headers=dict(self._headers(provider, self._keys[provider.number], request.stream)),
            content=unsealed(request.body),
        )
        try:
            response = await client.send(outgoing, stream=True)
        except httpx.ConnectError:
            raise NothingSentError(timed_out=False) from None
        except httpx.HTTPError as trouble:
            raise CutError(timed_out=isinstance(trouble, httpx.TimeoutException)) from None
        try:
            yield _Arriving(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@twin("provider-redirects-are-followed", fails={NO_CLEAR_TEXT})
def provider_redirects_are_followed(parts: Parts) -> Parts:
    """Prompts go where a provider says, also without TLS."""
    return replace(parts, upstream=lambda config, headers, dialer: _Following(config, headers))


@twin("slash-redirects-to-clear-text", fails={"transport.answers-lead-to-https-only"})
def slash_redirects_to_clear_text(parts: Parts) -> Parts:
    """A path with a slash too many is redirected, by an application that does not know that it is behind TLS."""

    def around(app: App) -> App:
        async def redirecting(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"]
            if path == "/" or not path.endswith("/"):
                await app(scope, receive, send)
                return
            host = next((value for name, value in scope["headers"] if name == b"host"), b"localhost")
            location = b"http://" + host + path.rstrip("/").encode()
            headers = [(b"location", location), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        return redirecting

    return replace(parts, app=around)
