"""Twins of the reference gateway whose own TLS is not what is promised, or is missing on a port."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import uvicorn

from reference_gateway import localhost_tls
from reference_gateway.config import Config
from reference_gateway.parts import Parts, tls13_only
from reference_gateway.web.asgi import App
from tests.twins import registry
from tests.twins.checks import CLEAR_KEY, CLEAR_SERVES
from tests.twins.ground import CLEAR_PORT

twin = partial(registry.twin, host="reference")


@twin("tls12-accepted", fails={"transport.tls12-is-refused"})
def tls12_accepted(parts: Parts) -> Parts:
    """TLS 1.2 for an old client."""

    def context(config: Config) -> ssl.SSLContext:
        made = tls13_only(config)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return replace(parts, tls_context=context)


@twin(
    "tls10-accepted",
    fails={"transport.tls10-is-refused", "transport.tls11-is-refused", "transport.tls12-is-refused"},
)
def tls10_accepted(parts: Parts) -> Parts:
    """Every version that OpenSSL still speaks."""

    def context(config: Config) -> ssl.SSLContext:
        made = tls13_only(config)
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return made

    return replace(parts, tls_context=context)


@twin("tls13-missing", fails={"transport.tls13-is-negotiated", "transport.tls12-is-refused"})
def tls13_missing(parts: Parts) -> Parts:
    """TLS 1.2 and nothing newer."""

    def context(config: Config) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(config.certificate, config.private_key)
        return made

    return replace(parts, tls_context=context)


@twin("certificate-of-a-stranger", fails={"transport.certificate-is-trusted"})
def certificate_of_a_stranger(parts: Parts) -> Parts:
    """The right name, signed by an authority that nobody trusts."""

    def context(config: Config) -> ssl.SSLContext:
        folder = config.ledger_path.parent / "stranger"
        if not folder.exists():  # the host may be started again on the same state
            folder.mkdir()
            localhost_tls.write(folder, localhost_tls.make())
        return tls13_only(
            replace(config, certificate=folder / "server.pem", private_key=folder / "server.key")
        )

    return replace(parts, tls_context=context)


class _Plain(uvicorn.Server):
    """A listener without TLS beside the gateway's own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the gateway's."""
        yield


@twin(
    "clear-text-served",
    fails={CLEAR_SERVES, CLEAR_KEY},
)
def clear_text_served(parts: Parts) -> Parts:
    """The API on a port without TLS."""
    ports: list[int] = []
    listeners: list[asyncio.Task[None]] = []  # the event loop alone would let go of a task

    def context(config: Config) -> ssl.SSLContext:
        ports.append(int((config.ledger_path.parent / CLEAR_PORT).read_text()))
        return parts.tls_context(config)

    def also_plain(app: App) -> App:
        settings = uvicorn.Config(app, port=ports[0], lifespan="off", log_config=None, server_header=False)
        listeners.append(asyncio.get_running_loop().create_task(_Plain(settings).serve()))
        return app

    return replace(parts, tls_context=context, app=also_plain)
