"""The provider's side as the relay sees it: one attempt, with nothing of the caller but the body."""

import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from reference_gateway.config import Provider
from reference_gateway.config_file import Offer
from reference_gateway.content.sealed import Sealed

_ANTHROPIC_VERSION: Final = "2023-06-01"


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
    offer: Offer
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
        """The body as it arrives, never empty. Raises CutError."""


class Upstream(Protocol):
    """How the relay reaches providers."""

    def send(self, request: Outbound) -> AbstractAsyncContextManager[Answer]:
        """Sends once, never again, and lets go of the body then. Raises NothingSentError or CutError."""

    async def close(self) -> None:
        """Closes idle connections."""


class Dialer(Protocol):
    """Where connections come from: a content worker cannot make its own."""

    async def dial(self, provider: int) -> socket.socket:
        """A connected TCP socket to the provider of this number, non-blocking. Raises NothingSentError."""


HeaderRule = Callable[[Provider, str, bool], Mapping[str, str]]


def provider_headers(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
    """Everything that is sent beside host, length and body.

    The caller's key, cookies, address and agent are not.
    """
    return {
        **_credentials(provider, api_key),
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        # Compressed answers could not be metered without unpacking them.
        "accept-encoding": "identity",
    }


def _credentials(provider: Provider, api_key: str) -> Mapping[str, str]:
    if provider.authentication == "x-api-key":
        return {"x-api-key": api_key, "anthropic-version": _ANTHROPIC_VERSION}
    return {"authorization": f"Bearer {api_key}"}
