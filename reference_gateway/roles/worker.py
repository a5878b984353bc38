"""A content worker: whatever needs a file first, then the walls, then the first accept."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from reference_gateway.config import Config
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.confine import confine
from reference_gateway.content.dialing import DialerClient
from reference_gateway.content.diary import LedgerDiary
from reference_gateway.content.edge import Edge, Health
from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.content.relay import Relay
from reference_gateway.content.upstream import Upstream
from reference_gateway.control import Leash
from reference_gateway.ledger.wire import Ledger
from reference_gateway.parts import Parts
from reference_gateway.rehearsal import rehearse
from reference_gateway.roles.life import run, told_to_the_operator
from reference_gateway.web.boundary import Boundary, Diary
from reference_gateway.web.server import HttpServer, http_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a content worker serves with; the same for the rehearsal and for the play.

    `confined`: it goes behind the kernel's walls.
    """

    config: Config
    parts: Parts
    context: ssl.SSLContext
    confined: bool

    def live(
        self, leash: Leash, listener: socket.socket, ledger: socket.socket, dialer: socket.socket
    ) -> None:
        """Until told to stop. Raises ConfigError when it cannot be confined, or not call the providers."""
        dials = DialerClient(dialer, on_lost=leash.lame)
        upstream = self.parts.upstream(self.config, self.parts.provider_headers, dials)
        if self.confined:
            rehearse(self.config, self.parts, self.context, self.server)
            _wall_in(leash, listener, ledger, dialer)
        run(lambda: self._serve(leash, listener, LedgerClient(ledger), upstream))

    def server(
        self,
        upstream: Upstream,
        ledger: Ledger,
        diary: Diary,
        health: Callable[[], Health],
        listening: Callable[[], None],
    ) -> HttpServer:
        """The content API over these ends."""
        config, parts = self.config, self.parts
        around = parts.ledger(ledger)
        streams = OpenStreams()
        around.on_revoked(streams.revoke)
        edge = Edge(config, around, Relay(upstream, streams, config.bounds), health)
        app = parts.app(Boundary((edge.resolve,), diary))
        return http_server(app, self.context, parts.response_headers, config.bounds, listening)

    async def _serve(
        self, leash: Leash, listener: socket.socket, ledger: LedgerClient, upstream: Upstream
    ) -> None:
        await ledger.open(on_lost=leash.lame)
        diary = LedgerDiary(ledger)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: diary.fault())
        server = self.server(
            upstream,
            ledger,
            diary,
            lambda: Health(ledger=ledger.alive, confined=self.confined),
            leash.ready,
        )
        leash.attach(loop, server.stop)
        await server.run_until_stopped(listener)
        leash.detach()
        await upstream.close()
        ledger.close()


def _wall_in(leash: Leash, *channels: socket.socket) -> None:
    """Raises ConfigError unless every forbidden act is refused from here on."""
    with told_to_the_operator():
        confine([leash.fileno(), *(channel.fileno() for channel in channels)])
