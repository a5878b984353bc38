"""The ledger process, with the admin plane's listener."""

import asyncio
import socket
import ssl
from pathlib import Path

from reference_gateway.admin.metrics import Metrics
from reference_gateway.admin.routes import AdminApi
from reference_gateway.config import Config, ConfigError, read_tokens
from reference_gateway.control import Leash
from reference_gateway.events import Event, Kind
from reference_gateway.fences import fence_ledger
from reference_gateway.ledger.book import Book, Storage
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.storage.sqlite import LedgerFileError
from reference_gateway.parts import Parts
from reference_gateway.roles.life import run, told_to_the_operator
from reference_gateway.web.asgi import App
from reference_gateway.web.boundary import Boundary, EventDiary
from reference_gateway.web.server import http_server


def keep_books(config: Config, parts: Parts, leash: Leash, admin: socket.socket, *, confined: bool) -> None:
    """Until told to stop. Raises ConfigError when the ledger's file or the certificate cannot be used.

    `confined`: it can write no file but those beside the ledger's.
    """
    context = parts.tls_context(config)
    storage = _storage(config.ledger_path, parts)
    if confined:
        with told_to_the_operator():
            fence_ledger(config.ledger_path.parent)
    run(lambda: _keep_books(config, parts, storage, context, leash, admin))


def _storage(path: Path, parts: Parts) -> Storage:
    try:
        return parts.storage(path)
    except LedgerFileError as error:
        raise ConfigError(f"[ledger] path: {path}: {error}") from None


async def _keep_books(
    config: Config,
    parts: Parts,
    storage: Storage,
    context: ssl.SSLContext,
    leash: Leash,
    listener: socket.socket,
) -> None:
    metrics = Metrics()
    emit = metrics.counting(parts.emit)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: emit(Event(event=Kind.INTERNAL_FAULT)))
    prices = [(model.number, model.name, model.price) for model in config.models]
    book = Book(storage, emit, parts.hashing, config.environment, prices)
    ledger = LedgerServer(book)
    tokens = read_tokens(config.admin_tokens)
    api = AdminApi(tokens, parts.accounts(book), parts.key_view, config, metrics)
    del tokens
    app: App = parts.admin_app(Boundary((api.resolve,), EventDiary(emit)))
    server = http_server(app, context, parts.response_headers, config.bounds, leash.ready)
    leash.attach(loop, server.stop, ledger.add)
    await server.run_until_stopped(listener)
    leash.detach()
    ledger.close()
