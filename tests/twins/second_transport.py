"""Twins of the second gateway that are careless about who their provider is, and an odd one that is not."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, as_json
from tests.hosts.second_upstream import Provider, UnsentError
from tests.twins import registry

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")

VERIFIED = "transport.provider-certificate-is-verified"
NO_OLD_TLS = "transport.provider-gets-no-old-tls"
NO_CLEAR_TEXT = "transport.provider-gets-no-clear-text"


class _Provider(Provider):
    """A way to the provider whose context can be changed."""

    @property
    def tls(self) -> ssl.SSLContext:
        return self._tls


class _Choosing(SecondGateway):
    """A gateway with another way to its provider."""

    way: type[_Provider] = _Provider

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        way = self.way(config.upstream_url, config.upstream_ca, config.upstream_timeout)
        self.provider = way
        self.trust(way.tls)

    def trust(self, context: ssl.SSLContext) -> None:
        """Change what is asked of a provider."""


@twin("provider-is-not-verified", fails={VERIFIED})
class ProviderIsNotVerified(_Choosing):
    """Any certificate will do."""

    def trust(self, context: ssl.SSLContext) -> None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE


@twin("provider-name-is-not-verified", fails={VERIFIED})
class ProviderNameIsNotVerified(_Choosing):
    """A good certificate will do, whoever's it is."""

    def trust(self, context: ssl.SSLContext) -> None:
        context.check_hostname = False


@twin("provider-over-old-tls", fails={NO_OLD_TLS})
class ProviderOverOldTls(_Choosing):
    """Any version will do."""

    def trust(self, context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED


class _Following(_Provider):
    """Goes wherever it is sent."""

    def _send(
        self, connection: http.client.HTTPConnection, path: str, payload: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        answer = super()._send(connection, path, payload, headers)
        if answer.status not in {307, 308}:
            return answer
        answer.read()
        to = urlsplit(answer.headers["location"])
        onward = http.client.HTTPConnection(to.hostname or "", to.port, timeout=self._timeout)
        onward.request("POST", to.path, payload, dict(headers))
        return onward.getresponse()


@twin("provider-redirects-are-followed", fails={NO_CLEAR_TEXT})
class ProviderRedirectsAreFollowed(_Choosing):
    """Prompts go where a provider says, also without TLS."""

    way = _Following


class _FallingBack(_Provider):
    """Tries without TLS where TLS was no good."""

    def _dial(self, connection: http.client.HTTPConnection, owner: str) -> socket.socket:
        try:
            return super()._dial(connection, owner)
        except UnsentError:
            connection.connect = partial(http.client.HTTPConnection.connect, connection)  # type: ignore[method-assign]
            return super()._dial(connection, owner)


@twin("provider-is-asked-in-clear-text", fails={VERIFIED, NO_OLD_TLS})
class ProviderIsAskedInClearText(_Choosing):
    """The call goes through, whatever it takes."""

    way = _FallingBack


class _Shunning(_Provider):
    """Leaves a provider alone for a while to which no connection could be made."""

    shunned_until = 0.0

    def _dial(self, connection: http.client.HTTPConnection, owner: str) -> socket.socket:
        if time.monotonic() < self.shunned_until:
            raise UnsentError
        try:
            return super()._dial(connection, owner)
        except UnsentError:
            self.shunned_until = time.monotonic() + 0.5
            raise


@variant("shuns-a-provider-that-failed")
class ShunsAProviderThatFailed(_Choosing):
    """A circuit breaker: after a bad certificate nothing is sent for half a second."""

    way = _Shunning


@twin("describes-itself-in-clear-text", fails={"transport.answers-lead-to-https-only"})
class DescribesItselfInClearText(SecondGateway):
    """A description of the API whose server is without TLS."""

    def _table(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {**super()._table(), ("GET", "/openapi.json"): self._describe}

    def _describe(self, call: Call) -> Answer:
        return as_json({"openapi": "3.1.0", "servers": [{"url": f"http://127.0.0.1:{self.port}/v1"}]})
