"""A stage for what probes see of a gateway: a witness, a gateway before it, and a session that looks."""

import ssl
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from conformance.dialects.speak import Key
from conformance.probes.door import Answer
from conformance.session import Session
from conformance.target import Endpoint, Limits, Model, Target, WitnessPlace
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from conformance.witness.tripwire import Tripwire
from tests.probes.conftest import Opened, run, target
from tests.probes.egress.passing import Passing, passing

Seen = TypeVar("Seen")
Look = Callable[[Session], Awaitable[Seen]]
Play = Callable[[Passing, Look[Seen]], Seen]
ZONE = "trip.example"
ENDPOINTS = (
    Endpoint(kind="chat", path="/v1/chat/completions"),
    Endpoint(kind="embeddings", path="/v1/embeddings"),
)


class Keys:
    """A key API that gives out keys, each of a user of its own."""

    dialect = SimpleNamespace(limit_owner="user")

    def __init__(self) -> None:
        self.made = 0

    async def create(self, purpose: str, limit: int | None = None) -> Key:
        """One key more."""
        self.made += 1
        nothing = Answer(status=200, headers=(), body=b"", ms=0)
        secret = f"sk-of-the-tests-{self.made:032d}"
        return Key(purpose, secret, str(self.made), limit, {}, nothing)


def _target(port: int, witness: Witness, zone: str, url: str) -> Target:
    place = WitnessPlace(listen=f"127.0.0.1:{witness.port}", zone=zone, url=url)
    made = target(port, limits=Limits(requests=10_000, rate=1e5, timeout=8, connections=8))
    document = {name: getattr(made, name) for name in ("name", "environment", "gateway", "limits")}
    return Target(**document, models={"m": Model()}, inference=ENDPOINTS, witness=place)


@pytest.fixture
def play(opened: Opened, tls: ssl.SSLContext, authority: Any) -> Callable[..., Any]:
    """Looks at a gateway before a witness with TLS, whose names are watched where there is a zone."""

    def playing(does: Passing, look: Look[Seen], *, keys: bool = True, zone: str = "", url: str = "") -> Seen:
        async def scene() -> Seen:
            names = Tripwire(listen=("127.0.0.1", 0), zone=zone, address="127.0.0.1") if zone else None
            trust = ssl.create_default_context(cafile=str(authority.root))
            async with (
                Witness(host="127.0.0.1", port=0, tls=tls, canaries=Counted(), tripwire=names) as witness,
                passing(witness, trust, does) as port,
                opened(
                    _target(port, witness, zone, url),
                    witness=witness,
                    own_key="sk-of-the-file",
                    key_api=Keys() if keys else None,
                ) as session,
            ):
                return await look(session)

        return run(scene)

    return playing
