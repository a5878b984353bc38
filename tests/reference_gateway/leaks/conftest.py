"""Campaigns that several modules look at. Each is gone once."""

from pathlib import Path

import pytest

from tests.reference_gateway.leaks.finished import Finished, every_way, twin
from tests.reference_gateway.leaks.twins import LOUD


@pytest.fixture(scope="session")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The gateway without its gag, after every way."""
    folder: Path = tmp_path_factory.mktemp("loud")
    keys = {"SSLKEYLOGFILE": str(folder / "session-secrets")}
    return every_way(folder, twin("loud"), {**LOUD, **keys})
