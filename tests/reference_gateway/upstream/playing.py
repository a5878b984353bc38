"""Scenes on the event loop that content workers use, with the gateway's own ends of a provider connection."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from reference_gateway.config import Provider
from reference_gateway.config_file import Bounds, Offer
from reference_gateway.content.opener import unsealed
from reference_gateway.content.provider_http import HttpUpstream
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Dialer, NothingSentError, Outbound, Upstream, provider_headers
from reference_gateway.parts import provider_tls
from tests.reference_gateway import asking

SECONDS = 20.0  # that any scene may take
KEY = "provider-key-000"
Played = TypeVar("Played")


def play(
    scene: Coroutine[Any, Any, Played],
    loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
) -> Played:
    """Runs a scene. What goes wrong where nobody waits for it fails as well."""
    faults: list[str] = []

    async def bounded() -> Played:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: faults.append(f"{context['message']}: {context.get('exception')!r}")
        )
        async with asyncio.timeout(SECONDS):
            return await scene

    with asyncio.Runner(loop_factory=loop) as runner:
        played = runner.run(bounded())
    assert not faults, faults
    return played


async def until(true: Callable[[], bool]) -> None:
    """Turns the loop until it is so, within the scene's bound. For what nothing tells of."""
    while not true():  # noqa: ASYNC110 - sockets and other people's states set no event
        await asyncio.sleep(0)


def open_sockets() -> set[str]:
    """The sockets that this process has, by their numbers in the kernel."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            place = str(descriptor.readlink())
        except FileNotFoundError:
            continue  # that of the listing itself
        if place.startswith("socket:"):
            found.add(place)
    return found


class Direct:
    """A dialer that connects to one address itself, whichever provider is asked for."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.address = (host, port)
        self.dialled = 0

    async def dial(self, _provider: int) -> socket.socket:
        self.dialled += 1
        connected = socket.create_connection(self.address, 5)
        connected.setblocking(False)
        return connected


def provider_at(port: int, root: Path | None, host: str = "127.0.0.1", **fields: Any) -> Provider:
    """A provider's configuration; `root` is whom it trusts."""
    url = f"https://{host}:{port}/v1"
    return replace(asking.MODEL.provider, base_url=url, ca_file=root, **fields)


def upstream_to(
    provider: Provider, dialer: Dialer, context: ssl.SSLContext | None = None, **bounds: float
) -> HttpUpstream:
    """The gateway's side, with the context that the gateway would make."""
    return HttpUpstream(
        Bounds(**{"connect_seconds": 5.0, "provider_idle_seconds": 10.0, **bounds}),  # type: ignore[arg-type]
        {provider.number: context or provider_tls(provider)},
        {provider.number: KEY},
        provider_headers,
        dialer,
    )


def outbound(provider: Provider, body: bytes = b"{}", offer: Offer = Offer.CHAT) -> Outbound:
    return Outbound(provider=provider, offer=offer, body=Sealed(body), stream=False)


async def asked(upstream: Upstream, request: Outbound) -> tuple[int, bytes]:
    """Status and body of the answer."""
    async with upstream.send(request) as answer:
        return answer.status, b"".join([unsealed(piece) async for piece in answer.pieces()])


async def answered(upstream: Upstream, request: Outbound) -> bool:
    """Whether it was answered; if not, nothing was sent."""
    try:
        await asked(upstream, request)
    except NothingSentError:
        return False
    return True
