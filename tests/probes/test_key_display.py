"""What is shown of a key after its creation: the answer to a rotation is searched for the old secret, too."""

import asyncio
from typing import Any

import msgspec
import pytest

from conformance.dialects.grammar import Dialect
from conformance.dialects.speak import KeyApi
from conformance.model.keys import ShownOnce
from conformance.probes.key_display import shown_once
from tests.dialects.key_server import ADMIN, KeyServer, Said, serving
from tests.dialects.test_key_api import DIALECT
from tests.probes.conftest import Opened, target

SECRETS = ("gw_7hT2kQ9pLm1x8KpZ3vYtR5nWq7LmB2cD9", "gw_b3Xy8WqNz4KM5tGv2HsLq9RkD7wPzC4jY")
NEW = "gw_fGhJ4kS6aP1eXuVo0iNxE1bNf8uTa3oQi"


def searched(opened: Opened, rotation: dict[str, Any]) -> ShownOnce:
    """What is seen of a key API that answers a rotation so."""
    given = iter(SECRETS)

    def answer(method: str, path: str, _body: Any) -> Said | None:
        if path.endswith("/rotate"):
            return Said(200, rotation)
        if (method, path) == ("POST", "/keys"):
            secret = next(given, NEW)
            server.keys[secret[:11]] = {"name": secret, "limit": None, "usage": 0}
            return Said(201, {"key": secret, "id": secret[:11]})
        return None

    server = KeyServer(before=answer)

    async def scene() -> ShownOnce:
        async with opened(target(server.port)) as session:
            session.key_api = KeyApi(
                msgspec.convert(DIALECT, Dialect), session.door, session.journal,
                url=server.url, credential=ADMIN, per_usd=1, grain=1, run="r1", variables={},
            )  # fmt: skip
            return await shown_once(session)

    with serving(server):
        return asyncio.run(scene())


@pytest.mark.parametrize(
    ("rotation", "forms"),
    [({"key": NEW}, ()), ({"key": NEW, "previous": SECRETS[0]}, ("raw",))],
    ids=["the new secret alone", "the old one beside it"],
)
def test_the_answer_to_a_rotation_is_searched_for_the_old_secret(
    opened: Opened, rotation: dict[str, Any], forms: tuple[str, ...]
) -> None:
    seen = searched(opened, rotation)

    assert [place.forms for place in seen.places if place.name == "rotate"] == [forms]


def test_a_rotation_that_changes_nothing_shows_nothing_again(opened: Opened) -> None:
    seen = searched(opened, {"key": SECRETS[0]})

    assert "rotate" not in {place.name for place in seen.places}
