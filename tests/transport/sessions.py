"""Sessions over real sockets, made of the real classes."""

import random
from pathlib import Path
from typing import Any

from conformance.canary.mint import Mint
from conformance.evidence.journal import Journal
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.session import Session
from conformance.target import Gateway, Limits, Promises, Target
from tests.transport.deployments import Certificates

NO_FACTS = Unobserved(reason="nobody looked", fault=Fault.OPERATOR, decide="look")
LIMITS = Limits(requests=100_000, rate=100_000.0, timeout=3.0)


def target(*urls: str, **gateway: Any) -> Target:
    """A target whose host `localhost` is 127.0.0.1, unless told otherwise."""
    gateway = {"resolve": {"localhost": ("127.0.0.1",)}, "cleartext_ports": ()} | gateway
    return Target(
        name="a deployment of the tests",
        environment="test",
        gateway=Gateway(base_urls=urls, **gateway),
        limits=LIMITS,
    )


def session(the_target: Target, certificates: Certificates, folder: Path, **more: Any) -> Session:
    """A session without witness and key API; close its door and journal afterwards."""
    meter = Meter(the_target.limits)
    trust = certificates.trust()
    return Session(
        target=the_target,
        base=folder,
        run_folder=folder,
        trust=trust,
        sample=60,
        meter=meter,
        door=Door(the_target, trust, meter),
        mint=Mint(b"a run key of the tests"),
        journal=Journal(folder / "journal"),
        random=random.Random(7),
        **more,
    )


def declared(**promises: Any) -> Declared:
    """The declaration of a target that promises this."""
    return Declared(
        name="a deployment of the tests",
        environment="test",
        base_urls=("https://localhost",),
        models=(),
        endpoints=(),
        dialect="",
        access=(),
        levels=("outside",),
        promises=Promises(**promises),
        surfaces=(),
    )
