"""H2: the gateway's own credentials show nowhere."""

from typing import Any

import pytest

from conformance.checks.credentials import gateway_credentials_stay_inside
from conformance.model.coverage import Coverage, Gap
from conformance.model.credentials import GatewayCredentials, Told
from conformance.model.storage import Sighting
from tests.checks.made import word

SIGHTING = Sighting(
    surface="gateway.log", item="gateway.log", offset=7, length=20, form="raw", label="the provider's key"
)


def looked(**more: Any) -> GatewayCredentials:
    """A search of one log and some answers that found nothing."""
    fields: dict[str, Any] = {
        "sought": ("the provider's key",), "surfaces": ("gateway.log",), "coverage": Coverage(items=1, bytes_raw=900),
        "sightings": (), "answers": 40, "told": (), "processes": 3,
    }  # fmt: skip
    return GatewayCredentials(**(fields | more))


UNREAD = Coverage(items=1, bytes_raw=9, gaps=(Gap(item="gateway.log", reason="permission denied"),))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (looked(), "pass"),
        (looked(processes=0), "pass"),
        (looked(sightings=(SIGHTING,)), "fail"),
        (looked(told=(Told(what="the provider's key", status=502, times=3),)), "fail"),
        (looked(told=(Told(what="the provider's key", status=502, times=3),), surfaces=()), "fail"),
        (looked(sightings=(SIGHTING,), coverage=UNREAD), "fail"),
        (looked(coverage=UNREAD), "inconclusive"),
        (looked(coverage=Coverage()), "inconclusive"),
        (looked(surfaces=()), "inconclusive"),
    ],
)
def test_credentials_stay_inside(seen: GatewayCredentials, verdict: str) -> None:
    assert word(gateway_credentials_stay_inside(seen)) == verdict
