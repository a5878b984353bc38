"""The composition root: which parts make up the gateway, and how it is started and stopped.

The seam for tests is `Parts`. Each behaviour that a promise rests on lives in exactly one field, so a
twin (a gateway with one flaw) is this gateway with one field replaced before anything is built:

    run(config, change=lambda parts: replace(parts, response_headers=()))

`response_headers`, `tls_context`, `hashing`, `storage`, `key_view`, `provider_headers` are the parts
themselves; `upstream`, `ledger`, `accounts` and `app` are factories or wrappers around what is behind them.
"""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import uvicorn
import uvloop

from reference_gateway.admin.routes import KeyApi
from reference_gateway.admin.shapes import KeyView, key_view
from reference_gateway.config import Config, ConfigError, Provider
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.edge import Edge
from reference_gateway.content.relay import Relay
from reference_gateway.content.upstream import HeaderRule, HttpUpstream, Upstream, provider_headers
from reference_gateway.events import Emit, Event, Kind, descriptor_emitter
from reference_gateway.ledger.accounts import Accounts
from reference_gateway.ledger.book import Book, Storage
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.storage.sqlite import LedgerFileError, open_sqlite
from reference_gateway.ledger.wire import Ledger
from reference_gateway.process import drop_exception_texts, harden, loop_exception_handler, silence
from reference_gateway.web.asgi import App
from reference_gateway.web.boundary import Boundary
from reference_gateway.web.protocol import bounded_protocol

# Set in one place, by the server, so that its own refusals carry them too and nothing carries them twice.
RESPONSE_HEADERS: Final = (
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)


_SETTLING_SECONDS: Final = 2.0

Part = TypeVar("Part")


def _same(part: Part) -> Part:
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that can be replaced, one by one, before `serve`."""

    emit: Emit
    harden: Callable[[], None]
    tls_context: Callable[[Config], ssl.SSLContext]
    response_headers: tuple[tuple[str, str], ...]
    hashing: Hashing
    storage: Callable[[Path], Storage]
    ledger: Callable[[Ledger], Ledger]
    accounts: Callable[[Accounts], Accounts]
    key_view: KeyView
    provider_headers: HeaderRule
    upstream: Callable[[Config, HeaderRule], Upstream]
    app: Callable[[App], App]


Change = Callable[[Parts], Parts]


def build(emit: Emit) -> Parts:
    """The parts of the gateway that keeps every promise."""
    return Parts(
        emit=emit,
        harden=harden,
        tls_context=tls13_only,
        response_headers=RESPONSE_HEADERS,
        hashing=Hashing(),
        storage=open_sqlite,
        ledger=_same,
        accounts=_same,
        key_view=key_view,
        provider_headers=provider_headers,
        upstream=http_upstream,
        app=_same,
    )


def tls13_only(config: Config) -> ssl.SSLContext:
    """The listener's TLS: 1.3 and nothing older. Raises ConfigError for an unusable certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(config.certificate, config.private_key)
    except (ssl.SSLError, OSError):
        raise ConfigError("[listen] certificate and private_key: not a matching PEM pair") from None
    return context


def provider_tls(provider: Provider) -> ssl.SSLContext:
    """A verifying context for one provider. Raises ConfigError for an unusable CA file."""
    try:
        context = ssl.create_default_context(cafile=provider.ca_file)
    except (ssl.SSLError, OSError):
        raise ConfigError(f"[[providers]] {provider.name} ca_file: no PEM certificates in it") from None
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if provider.minimum_tls == "1.3" else ssl.TLSVersion.TLSv1_2
    )
    return context


def http_upstream(config: Config, headers: HeaderRule) -> Upstream:
    """Providers over HTTP, each with its own trust."""
    return HttpUpstream(config.bounds, provider_contexts(config), headers)


def provider_contexts(config: Config) -> Mapping[str, ssl.SSLContext]:
    """One TLS context for each provider in use."""
    providers = {model.provider.name: model.provider for model in config.models}
    return {name: provider_tls(provider) for name, provider in providers.items()}


def listening_socket(config: Config) -> socket.socket:
    """A bound socket. Raises ConfigError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"[listen] {config.host}:{config.port}: cannot listen ({error.strerror})") from None
    return listener


class _Server(uvicorn.Server):
    """uvicorn, told when to stop by us, and telling us when it listens."""

    listening: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections from here on."""
        await super().startup(sockets)
        self.listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are `serve`'s; uvicorn would raise them again after a clean stop."""
        yield


async def serve(config: Config, parts: Parts, listening: Callable[[int], None]) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests end within `stop_seconds`.

    Raises ConfigError before it listens, and nothing afterwards.
    """
    listener = listening_socket(config)
    try:
        storage = _storage(config, parts)
        book = Book(storage, parts.emit, parts.hashing)
        ledger, accounts = parts.ledger(book), parts.accounts(book)
        context = parts.tls_context(config)
        upstream = parts.upstream(config, parts.provider_headers)
    except BaseException:
        listener.close()
        raise
    server = _server(config, parts, _application(config, parts, ledger, accounts, upstream), context)
    port = listener.getsockname()[1]
    server.listening = lambda: listening(port)
    _stop_on_signals(server)
    book.start()
    try:
        await server.serve(sockets=[listener])
        await _settled(server)
    finally:
        await upstream.close()
        await book.stop()


async def _settled(server: uvicorn.Server) -> None:
    """Lets requests that were cut short by the stop write their bill."""
    if server.server_state.tasks:
        await asyncio.wait(server.server_state.tasks, timeout=_SETTLING_SECONDS)


def _storage(config: Config, parts: Parts) -> Storage:
    try:
        return parts.storage(config.ledger_path)
    except LedgerFileError as error:
        raise ConfigError(f"[ledger] path: {config.ledger_path}: {error}") from None


def _application(config: Config, parts: Parts, ledger: Ledger, accounts: Accounts, upstream: Upstream) -> App:
    streams = OpenStreams()
    ledger.on_revoked(streams.revoke)
    relay = Relay(upstream, streams, config.bounds)
    edge = Edge(config.models, ledger, relay, config.bounds, parts.emit)
    keys = KeyApi(config.admin_token, accounts, ledger, parts.key_view, config.bounds)
    return parts.app(Boundary((edge.resolve, keys.resolve), parts.emit, config.bounds.write_seconds))


def _server(config: Config, parts: Parts, app: App, context: ssl.SSLContext) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=bounded_protocol(config.bounds),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            headers=list(parts.response_headers),
            timeout_graceful_shutdown=int(config.bounds.stop_seconds),
            ssl_context_factory=lambda _config, _default: context,
        )
    )


def _stop_on_signals(server: uvicorn.Server) -> None:
    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def run(
    config: Config,
    *,
    change: Change = _same,
    announce: Callable[[int], None] = lambda _port: None,
    emit: Emit | None = None,
) -> None:
    """Runs the gateway in this process until it is told to stop; `change` is the seam for twins.

    `announce(port)` is called once it listens. Raises ConfigError and HygieneError.
    """
    parts = change(build(emit or descriptor_emitter(1)))
    parts.harden()
    silence()
    drop_exception_texts(parts.emit)

    def listening(port: int) -> None:
        parts.emit(Event(event=Kind.LISTENING, port=port))
        announce(port)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(loop_exception_handler(parts.emit))
        await serve(config, parts, listening)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    parts.emit(Event(event=Kind.STOPPED))
