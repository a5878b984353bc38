"""Certificates, doors and sessions for servers on loopback."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from conformance.canary.mint import Mint
from conformance.evidence.journal import Journal
from conformance.model.preflight import Preflight, Price
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.session import Session
from conformance.target import Gateway, Limits, Model, Target
from conformance.witness.pki import Authority, make_authority
from conformance.witness.tls import server_context

T = TypeVar("T")
LIMITS = Limits(requests=10_000, rate=1e5, timeout=0.5, connections=64)
PRICE = Price(model="m", source="declared", prompt=1000, completion=2000)
Opened = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate for 127.0.0.1 and localhost, and who signed it."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server with the same names, signed by somebody whom nobody trusts."""
    made = make_authority(tmp_path_factory.mktemp("stranger"))
    return server_context(made.certificate, made.private_key)


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    """The server side of TLS."""
    return server_context(authority.certificate, authority.private_key)


def target(port: int, scheme: str = "http", limits: Limits = LIMITS, **gateway: Any) -> Target:
    """A target on loopback with one model."""
    url = f"{scheme}://127.0.0.1:{port}"
    return Target(
        name="t",
        environment="test",
        gateway=Gateway(**({"base_urls": (url,)} | gateway)),
        models={"m": Model()},
        limits=limits,
    )


def session_of(the_target: Target, folder: Path, trust: ssl.SSLContext, **more: Any) -> Session:
    """A session of which the pre-flight has learnt the price and nothing else. Its journal and door are closed by the caller."""
    meter = Meter(the_target.limits)
    return Session(
        target=the_target,
        base=folder,
        run_folder=folder,
        trust=trust,
        sample=60,
        meter=meter,
        door=Door(the_target, trust, meter),
        mint=Mint(b"a run key of the tests"),
        journal=Journal(folder / "journal.jsonl"),
        random=random.Random(7),
        **{"gathered": {Preflight: Preflight(steps=(), price=PRICE)}, **more},
    )


@pytest.fixture
def opened(authority: Authority, tmp_path: Path) -> Opened:
    """Opens a session for a target, and closes it again."""

    @asynccontextmanager
    async def opening(the_target: Target, **more: Any) -> AsyncIterator[Session]:
        trust = ssl.create_default_context(cafile=str(authority.root))
        session = session_of(the_target, tmp_path, trust, **more)
        try:
            yield session
        finally:
            session.journal.close()
            await session.door.close()

    return opening


def run(scene: Callable[[], Awaitable[T]]) -> T:
    """Play a scene to its end."""

    async def bounded() -> T:
        async with asyncio.timeout(10):
            return await scene()

    return asyncio.run(bounded())
