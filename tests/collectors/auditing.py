"""A session over surfaces alone: no gateway is asked for anything."""

import random
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from conformance.canary.mint import Mint
from conformance.evidence.journal import Journal
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.session import Session
from conformance.target import Control, Gateway, Promises, Surface, Target

KEY = b"a run key of the test"
NOBODY = "https://127.0.0.1:1"  # where nobody listens
Environment = Literal["production", "staging", "development", "test"]


def files(locator: str, role: Literal["account", "log"] = "log", exclude: tuple[str, ...] = ()) -> Surface:
    """A surface of files."""
    return Surface(kind="files", locator=locator, role=role, exclude=exclude)


@contextmanager
def session_over(
    base: Path,
    *surfaces: Surface,
    plant: tuple[str, ...] = (),
    environment: Environment = "test",
    origin: str = NOBODY,
) -> Iterator[Session]:
    """A session whose target has surfaces below a folder, and a run folder of its own there."""
    target = Target(
        name="surfaces",
        environment=environment,
        gateway=Gateway(base_urls=(origin,)),
        surfaces=surfaces,
        control=Control(plant=plant),
        claims=Promises(usage_lag=3.0),
    )
    run_folder = base / "gateproof-runs" / "r1"
    run_folder.mkdir(parents=True, exist_ok=True)
    meter = Meter(target.limits)
    trust = ssl.create_default_context()
    journal = Journal(run_folder / "journal.jsonl")
    try:
        yield Session(
            target=target,
            base=base,
            run_folder=run_folder,
            trust=trust,
            sample=1,
            meter=meter,
            door=Door(target, trust, meter),
            mint=Mint(KEY),
            journal=journal,
            random=random.Random(1),
        )
    finally:
        journal.close()
