"""uvicorn as both planes use it: over a socket that is bound already, told by us when to stop."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn

from reference_gateway.config_file import Bounds
from reference_gateway.web.asgi import App
from reference_gateway.web.listener import Listener, Place
from reference_gateway.web.protocol import BoundedProtocol
from reference_gateway.web.secure_transport import SecureTransport

_SETTLING_SECONDS: Final = 2.0


class HttpServer(uvicorn.Server):
    """Serves until `stop`, then lets running requests end within the configuration's `stop_seconds`."""

    def __init__(self, config: uvicorn.Config, bounds: Bounds, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._bounds = bounds
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections from here on."""
        listeners = [Listener(one, self._bounds.max_connections, self._connected) for one in sockets or ()]
        for listener in listeners:
            listener.open(self.config.backlog)
        self.servers = listeners  # type: ignore[assignment]  # what uvicorn asks of them is to be closed
        self.started = True
        self._listening()

    async def _connected(self, accepted: socket.socket, place: Place) -> None:
        """Shakes hands. Raises OSError, of which TLS errors and a handshake that takes too long are kinds."""
        assert self.config.ssl is not None  # noqa: S101 - there is nothing without TLS
        protocol = BoundedProtocol(self.config, self.server_state, self._bounds, place)
        await SecureTransport(self.config.ssl, protocol).open(accepted, self._bounds.head_seconds)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's; uvicorn would raise them again after a clean stop."""
        yield

    def stop(self) -> None:
        """No new connections; the second call ends what is under way as well."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def run_until_stopped(self, listener: socket.socket) -> None:
        """Serves on `listener`; afterwards requests that were cut short have written their bill."""
        await self.serve(sockets=[listener])
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_SETTLING_SECONDS)


class _QuietConfig(uvicorn.Config):
    """Nothing stands between the protocol and the application."""

    def load(self) -> None:
        """Also where somebody turned uvicorn's loggers up: it would put in between what logs every target."""
        super().load()
        self.loaded_app = self.app


def http_server(
    app: App,
    context: ssl.SSLContext,
    headers: Sequence[tuple[str, str]],
    bounds: Bounds,
    listening: Callable[[], None],
) -> HttpServer:
    """A server that puts `headers` on every answer, its own refusals included, and logs nothing."""
    return HttpServer(
        _QuietConfig(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            headers=list(headers),
            timeout_graceful_shutdown=int(bounds.stop_seconds),
            ssl_context_factory=lambda _config, _default: context,
        ),
        bounds,
        listening,
    )
