"""The keys of the campaign, and what stands in their place where they cannot be made; and what a run keeps of what it sent."""

import asyncio
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.evidence.folder import RunFolder
from conformance.model.scale import Fault
from conformance.probes.door import Answer
from conformance.probes.retention.keyring import Keyring, keyring
from conformance.stage import open_stage
from conformance.target_file import load
from tests.probes.conftest import Opened, run, target


class _Office:
    """A key API that cannot make some keys."""

    def __init__(self, *, refuses: str = "") -> None:
        self.revoked: list[str] = []
        self._refuses = refuses

    async def create(self, purpose: str, limit: int | None = None) -> Key:
        if purpose == self._refuses:
            raise KeyApiTrouble(
                "limits as small as that are refused", fault=Fault.TARGET, decide="allow them"
            )
        answer = Answer(status=200, headers=(), body=b"", ms=1)
        return Key(
            name=f"n-{purpose}",
            secret=f"s-{purpose}",
            id=f"i-{purpose}",
            limit=limit,
            variables={},
            creation=answer,
        )

    async def revoke(self, key: Key) -> None:
        self.revoked.append(key.name)


def _ring(opened: Opened, office: _Office) -> tuple[Keyring, list[str]]:
    async def scene() -> tuple[Keyring, list[str]]:
        async with opened(target(1), key_api=cast("KeyApi", office)) as session:
            return await keyring(session), session.expected_values

    return run(scene)


def test_there_are_ample_keys_and_one_for_each_way_of_being_refused(opened: Opened) -> None:
    office = _Office()
    ring, expected = _ring(opened, office)

    assert ring.ample == ("s-campaign0", "s-campaign1", "s-campaign2")
    assert ring.made == {"revoked": "s-revoked", "poor": "s-poor", "hurried": "s-hurried"}
    assert office.revoked == ["n-revoked"]
    assert {"i-campaign0", "n-poor"} <= set(expected)


def test_a_key_that_cannot_be_made_is_missed_alone(opened: Opened) -> None:
    ring, _ = _ring(opened, _Office(refuses="poor"))

    assert set(ring.made) == {"revoked", "hurried"}
    assert "limits as small as that are refused" in ring.missing["poor"]


def test_secrets_do_not_show_in_text(opened: Opened) -> None:
    ring, _ = _ring(opened, _Office())

    assert "s-campaign0" not in repr(ring)
    assert "s-poor" not in repr(ring)


@given(
    secret=st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=16, max_size=60),
    number=st.integers(0, 99),
)
def test_a_wrong_key_is_none_of_ours(secret: str, number: int) -> None:
    ring = Keyring((secret,))

    wrong = ring.take("wrong", number)
    assert wrong is not None
    assert wrong != secret
    assert ring.take("none", number) is None
    assert ring.take("ample", number) == secret


_TARGET = """
name = "t"
environment = "test"
[gateway]
base_urls = ["https://127.0.0.1:1"]
"""


@pytest.mark.parametrize("name", ["issued.json", "prompts.json"])
def test_what_was_sent_is_kept_though_no_key_was_made(tmp_path: Path, name: str) -> None:
    file = tmp_path / "target.toml"
    file.write_text(_TARGET)

    async def scene() -> tuple[str, ...]:
        folder = RunFolder.create(tmp_path, "r", datetime.now(UTC))
        options: dict[str, Any] = {"run": "r", "profile": "quick", "seed": 7}
        async with open_stage(load(file), target_file=file, folder=folder, **options) as stage:
            stage.session.mint.atom("success", "user")
            return await stage.clear_up()

    assert asyncio.run(scene()) == ()
    [kept] = tmp_path.glob(f"*/private/{name}")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_bytes().startswith(b"[")
