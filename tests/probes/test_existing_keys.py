"""Keys that are there already, as listings tell of them."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from conformance.dialects.grammar import Dialect
from conformance.dialects.speak import KeyApi
from conformance.model.keys import ExistingKeys
from conformance.probes.keys.existing import existing_keys
from tests.dialects.key_server import ADMIN, KeyServer, Said, serving
from tests.dialects.test_key_api import DIALECT
from tests.probes.conftest import Opened, target

NOW = 1_800_000_000  # 2027-01-15
DAY = 86400
LISTING: dict[str, Any] = {
    "call": {"method": "GET", "path": "/keys?offset={offset}"},
    "items": "/data", "id": "/id", "name": "/name", "style": "none",
    "limit": "/limit", "created": "/made", "used": "/used", "label": "/label",
}  # fmt: skip


def listed(opened: Opened, entries: list[dict[str, Any]], **listing: Any) -> ExistingKeys:
    """What is seen of a listing of these."""
    server = KeyServer(before=lambda *_: Said(200, None, json.dumps({"data": entries}).encode()))
    dialect = msgspec.convert(DIALECT | {"listing": LISTING | listing}, Dialect)

    async def scene() -> ExistingKeys:
        async with opened(target(server.port), now=lambda: NOW) as session:
            session.key_api = KeyApi(
                dialect, session.door, session.journal,
                url=server.url, credential=ADMIN, per_usd=1, grain=1, run="r1", variables={},
            )  # fmt: skip
            return await existing_keys(session)

    with serving(server):
        return asyncio.run(scene())


def test_keys_are_counted_by_limit_age_use_and_environment(opened: Opened) -> None:
    seen = listed(
        opened,
        [
            {"name": "a", "limit": 5, "made": NOW - 400 * DAY, "used": NOW - DAY, "label": "gw_live_x"},
            {"name": "b", "limit": None, "made": "2027-01-05T00:00:00Z", "used": NOW - 100 * DAY, "label": "gw_test_y"},
            {"name": "c", "limit": 1, "made": "2027-01-05T00:00:00", "used": None, "label": "gw_live_z"},
            {"name": "gateproof-r0-old-1", "limit": None, "made": 0, "used": 0, "label": "gw_live_"},
        ],
    )  # fmt: skip

    assert (seen.total, seen.unlimited, seen.oldest_days, seen.aged) == (3, 1, 400, 1)
    assert (seen.idle, seen.never) == (1, 1)
    assert seen.environments == {"live": 2, "test": 1}


@pytest.mark.parametrize("made", ["yesterday", True, 10**30, None, {"at": 1}])
def test_what_is_no_moment_tells_no_age(opened: Opened, made: Any) -> None:
    seen = listed(opened, [{"name": "a", "limit": 5, "made": made, "used": None, "label": None}])

    assert (seen.oldest_days, seen.idle, seen.never) == (None, None, None)
    assert seen.environments == {}
