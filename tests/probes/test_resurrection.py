"""Keys that had ended are shown to a gateway that was killed and started again."""

import os
import signal
from pathlib import Path

import pytest

from conformance.checks.key_ends import restarts_resurrect_no_key
from conformance.model.key_ends import Resurrection, Risen
from conformance.probes.keys.resurrection import resurrection
from tests.checks.made import word
from tests.probes.controlled import controlled, standing
from tests.probes.retention.conftest import play, staged


@pytest.mark.parametrize(
    ("module", "verdict"), [("tests.hosts.second_gateway", "pass"), ("tests.probes.resurrecting", "fail")]
)
def test_a_key_that_rises_with_its_gateway_is_noticed(tmp_path: Path, module: str, verdict: str) -> None:
    async def scene(target_file: Path) -> Resurrection:
        async with staged(target_file, sample=3) as stage:
            return await resurrection(stage.session)

    with standing("second", "as-it-is", tmp_path) as (ground, target_file, pid):
        pid_file = controlled(ground, target_file, pid, module)
        try:
            seen = play(lambda: scene(target_file))
        finally:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

    assert word(restarts_resurrect_no_key(seen)) == verdict
    assert [key.state for key in seen.keys] == ["revoked", "disabled", "expired"]
    assert [key.state for key in seen.keys if key.served] == (["disabled"] if verdict == "fail" else [])


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ((Risen(state="revoked", way="killed", told="401", served=False, refused=5, asked=5),), "pass"),
        ((Risen(state="revoked", way="killed", told="200", served=True, refused=4, asked=5),), "fail"),
        (
            (Risen(state="revoked", way="killed", told="503", served=False, refused=4, asked=5),),
            "inconclusive",
        ),
        ((), "inconclusive"),
    ],
)
def test_a_dead_key_stays_dead(keys: tuple[Risen, ...], verdict: str) -> None:
    assert word(restarts_resurrect_no_key(Resurrection(keys=keys))) == verdict
