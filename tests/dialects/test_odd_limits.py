"""Limits that are no amounts are sent as they stand, and limits of a window by the dialect's own call."""

from pathlib import Path

import pytest

from conformance.dialects.speak import Key, KeyApi
from conformance.evidence.journal import leftovers
from tests.dialects.key_server import KeyServer, Said, serving
from tests.dialects.test_key_api import DIALECT, play, trouble


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of the scene is written."""
    return tmp_path / "journal.jsonl"


@pytest.mark.parametrize("literal", ["-1", "0", "NaN", "-1e309", "0.00000000000000000001"])
def test_a_limit_goes_out_as_it_was_written(journal: Path, literal: str) -> None:
    async def scene(api: KeyApi) -> Key:
        return await api.create("absurd", literal=literal)

    with serving(KeyServer(before=lambda *_: Said(201, {"key": "a-secret", "id": "id-1"}))) as server:
        key = play(server, journal, scene)

    assert server.requests[0][2].endswith(f'"limit":{literal}}}'.encode())
    assert key.limit is None


def test_a_refused_limit_leaves_nothing_to_clear_up(journal: Path) -> None:
    async def scene(api: KeyApi) -> Key:
        return await api.create("absurd", literal="NaN")

    with serving(KeyServer(before=lambda *_: Said(422, {"error": "no number"}))) as server:
        raised = trouble(server, journal, scene)

    assert raised.status == 422
    assert leftovers(journal) == ()


WINDOWED = {
    "calls": [
        {
            "method": "POST",
            "path": "/keys",
            "body": {"name": "{name}", "limit": "{limit}", "reset": "daily"},
            "capture": {"secret": "/key", "id": "/id"},
        }
    ]
}


def test_a_limit_of_a_window_is_asked_for_by_its_own_call(journal: Path) -> None:
    async def scene(api: KeyApi) -> Key:
        return await api.create("windowed", 10**12, windowed=True)

    with serving(KeyServer()) as server:
        key = play(server, journal, scene, create_windowed=WINDOWED)

    assert b'"reset":"daily"' in server.requests[0][2]
    assert key.limit == 10**12


def test_a_dialect_without_windows_says_so(journal: Path) -> None:
    async def scene(api: KeyApi) -> Key:
        return await api.create("windowed", 10**12, windowed=True)

    with serving(KeyServer()) as server:
        raised = trouble(server, journal, scene)

    assert "create_windowed" in str(raised)
    assert server.requests == []
    assert "create_windowed" not in DIALECT


def test_a_changed_limit_is_told_as_it_was_set(journal: Path) -> None:
    async def scene(api: KeyApi) -> int:
        return await api.set_limit(await api.create("probe", 10**12), 10**12 + 1)

    with serving(KeyServer()) as server:
        assert play(server, journal, scene, grain=10**6) == 10**12 + 10**6
