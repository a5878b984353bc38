"""What each of the gateway's processes does, from its first line to its last.

Every role reads the secrets that it needs, and only those: the ledger the admin tokens, the workers the
providers' keys.
"""

import asyncio
import contextlib
import socket
import ssl
import traceback
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop

from reference_gateway.admin.metrics import Metrics
from reference_gateway.admin.routes import AdminApi
from reference_gateway.config import Config, ConfigError, Provider, read_tokens
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.confine import NotConfinedError, confine
from reference_gateway.content.dialing import DialerClient
from reference_gateway.content.diary import LedgerDiary
from reference_gateway.content.edge import Edge, Health
from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.content.relay import Relay
from reference_gateway.content.upstream import Upstream
from reference_gateway.control import Leash
from reference_gateway.dialer import DialerServer
from reference_gateway.events import Event, Kind
from reference_gateway.ledger.book import Book, Storage
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.storage.sqlite import LedgerFileError
from reference_gateway.ledger.wire import Ledger
from reference_gateway.parts import Parts
from reference_gateway.rehearsal import rehearse
from reference_gateway.web.asgi import App
from reference_gateway.web.boundary import Boundary, Diary, EventDiary
from reference_gateway.web.server import HttpServer, http_server

_PACKAGE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What all roles know. `confined`: content workers go behind the kernel's walls."""

    config: Config
    parts: Parts
    confined: bool

    def ledger(self, leash: Leash, admin: socket.socket) -> None:
        """The ledger process, with the admin plane's listener."""
        with _reported(leash):
            context = self.parts.tls_context(self.config)
            storage = _storage(self.config.ledger_path, self.parts)
            _run(_keep_books(self, storage, context, leash, admin))

    def dialer(self, leash: Leash) -> None:
        """The dialer process: it connects to the configured providers, and to nobody else."""
        with _reported(leash):
            _run(_dial(self.config, leash))

    def worker(
        self, leash: Leash, listener: socket.socket, ledger: socket.socket, dialer: socket.socket
    ) -> None:
        """A content worker: whatever needs a file first, then the walls, then the first accept."""
        with _reported(leash):
            context = self.parts.tls_context(self.config)
            stage = _Stage(self, context)
            dials = DialerClient(dialer, on_lost=leash.lame)
            upstream = self.parts.upstream(self.config, self.parts.provider_headers, dials)
            if self.confined:
                rehearse(self.config, self.parts, context, stage.server)
                _wall_in(leash, listener, ledger, dialer)
            _run(stage.serve(leash, listener, LedgerClient(ledger), upstream))


@contextlib.contextmanager
def _reported(leash: Leash) -> Iterator[None]:
    """Says why a start failed, in words of this program's own; lets the supervisor know of the end."""
    try:
        yield
    except (ConfigError, NotConfinedError) as fault:
        leash.failed(str(fault))
    except Exception as fault:
        leash.failed(f"internal fault: {type(fault).__name__} at {_place(fault)}")
        raise
    finally:
        leash.close()


def _place(fault: BaseException) -> str:
    """File and line of ours that lie deepest; they hold nothing of what was processed there."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(fault.__traceback__)]
    ours = [(Path(name), line) for name, line in frames if Path(name).is_relative_to(_PACKAGE)]
    path, line = ours[-1] if ours else (_PACKAGE, 0)
    return f"{path.name}:{line}"


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


# --- the ledger --------------------------------------------------------------------------------------------


def _storage(path: Path, parts: Parts) -> Storage:
    try:
        return parts.storage(path)
    except LedgerFileError as error:
        raise ConfigError(f"[ledger] path: {path}: {error}") from None


async def _keep_books(
    gateway: Gateway, storage: Storage, context: ssl.SSLContext, leash: Leash, listener: socket.socket
) -> None:
    config, parts = gateway.config, gateway.parts
    metrics = Metrics()
    emit = metrics.counting(parts.emit)
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, _context: emit(Event(event=Kind.INTERNAL_FAULT))
    )
    prices = [(model.number, model.name, model.price) for model in config.models]
    book = Book(storage, emit, parts.hashing, config.environment, prices)
    ledger = LedgerServer(book)
    tokens = read_tokens(config.admin_tokens)
    api = AdminApi(tokens, parts.accounts(book), parts.key_view, config, metrics)
    del tokens
    app: App = parts.admin_app(Boundary((api.resolve,), EventDiary(emit), config.bounds.write_seconds))
    server = http_server(app, context, parts.response_headers, config.bounds, leash.ready)
    leash.attach(server.stop, ledger.add)
    await server.run_until_stopped(listener)
    leash.detach()
    ledger.close()


# --- the dialer --------------------------------------------------------------------------------------------


async def _dial(config: Config, leash: Leash) -> None:
    dialer = DialerServer(
        [_address(provider) for provider in config.providers], config.bounds.connect_seconds
    )
    stopped = asyncio.Event()
    leash.attach(stopped.set, dialer.add)
    leash.ready()
    await stopped.wait()
    leash.detach()
    dialer.close()


def _address(provider: Provider) -> tuple[str, int]:
    url = urlsplit(provider.base_url)
    return url.hostname or "", url.port or 443


# --- a content worker --------------------------------------------------------------------------------------


def _wall_in(leash: Leash, *channels: socket.socket) -> None:
    """Raises NotConfinedError unless every forbidden act is refused from here on."""
    confine([leash.fileno(), *(channel.fileno() for channel in channels)])


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a content worker serves with; the same for the rehearsal and for the play."""

    gateway: Gateway
    context: ssl.SSLContext

    def server(
        self,
        upstream: Upstream,
        ledger: Ledger,
        diary: Diary,
        health: Callable[[], Health],
        listening: Callable[[], None],
    ) -> HttpServer:
        """The content API over these ends."""
        config, parts = self.gateway.config, self.gateway.parts
        around = parts.ledger(ledger)
        streams = OpenStreams()
        around.on_revoked(streams.revoke)
        edge = Edge(config, around, Relay(upstream, streams, config.bounds), health)
        app = parts.app(Boundary((edge.resolve,), diary, config.bounds.write_seconds))
        return http_server(app, self.context, parts.response_headers, config.bounds, listening)

    async def serve(
        self, leash: Leash, listener: socket.socket, ledger: LedgerClient, upstream: Upstream
    ) -> None:
        """Serves until told to stop, or until the supervisor is gone."""
        await ledger.open(on_lost=leash.lame)
        diary = LedgerDiary(ledger)
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: diary.fault())
        confined = self.gateway.confined
        health = lambda: Health(ledger=ledger.alive, confined=confined)  # noqa: E731
        server = self.server(upstream, ledger, diary, health, leash.ready)
        leash.attach(server.stop)
        await server.run_until_stopped(listener)
        leash.detach()
        await upstream.close()
