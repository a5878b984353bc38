"""Gateways for attackers, with one worker each, so that whatever harms it harms everybody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reference_gateway.gateway import RunningGateway, running_gateway, write_config, write_tls
from tests.reference_gateway.hostile.unharmed import unharmed
from tests.reference_gateway.stub_provider import Script, StubProvider, held_stream, running_stub
from tests.reference_gateway.stub_shapes import everywhere

SCRIPTS: dict[str, Script] = {"ordinary": everywhere, "held": held_stream}
# Little patience, for those who drip; and few places, for those who take many.
IMPATIENT = """
head_seconds = 1.0
body_seconds = 1.0
write_seconds = 1.0
drain_seconds = 1.0
max_connections = 20
"""


@dataclass(frozen=True)
class Attacked:
    """A gateway, its provider, and a key of somebody who means no harm."""

    gateway: RunningGateway
    provider: StubProvider
    key: str


@contextmanager
def attacked(folder: Path, bounds: str = "", scripts: Mapping[str, Script] = SCRIPTS) -> Iterator[Attacked]:
    """A gateway with one worker and these bounds."""
    write_tls(folder)
    with running_stub(folder) as provider:
        provider.scripts |= dict(scripts)
        config = write_config(folder, provider.url, list(scripts), f"[bounds]\n{bounds}\n")
        config.write_text(config.read_text().replace("workers = 2", "workers = 1"))
        with running_gateway(config) as gateway:
            yield Attacked(gateway, provider, gateway.new_key()[1])


@pytest.fixture(scope="session")
def patient_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("patient")) as patient:
        yield patient


@pytest.fixture(scope="session")
def impatient_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("impatient"), IMPATIENT) as impatient:
        yield impatient


@pytest.fixture
def patient(patient_one: Attacked) -> Iterator[Attacked]:
    """A gateway with its usual bounds; it must be well after the test."""
    with unharmed(patient_one.gateway, patient_one.key):
        yield patient_one


@pytest.fixture
def impatient(impatient_one: Attacked) -> Iterator[Attacked]:
    """A gateway with little patience; it must be well after the test."""
    with unharmed(impatient_one.gateway, impatient_one.key):
        yield impatient_one
