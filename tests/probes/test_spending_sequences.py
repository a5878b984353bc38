"""Random sequences of acts on real gateways: found, shortened, and played again by the script that is left behind."""

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from conformance.checks.overspending_in_time import random_sequences_stay_within
from conformance.model.money import from_usd
from conformance.model.spend import Interleavings, SpendSequential
from conformance.model.verdict import Fail
from conformance.probes.meter import Meter
from conformance.probes.spending import interleavings
from conformance.probes.spending.acts import Player, Step
from conformance.probes.spending.allowance import ALL, Allowance
from conformance.probes.spending.replaying import script, write_script
from conformance.session import Session
from conformance.target import Limits
from conformance.target_parts import Sequences
from tests.checks.made import scenario, sequential, word
from tests.probes.retention.conftest import play, staged
from tests.twins.arena import listening, running
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import Host, entry

_CHECK = "spend.random-sequences-stay-within"
_COST = 168 * 10**6  # picodollars that a usual call costs on both hosts
# Three usual calls are held back for one.
_HELD_BACK = sequential(scenario(limit=80 + 3 * _COST))
_FEW = {"requests": 600, "rate": 2000, "connections": 24}
_CA = {"reference": "gateway/ca.pem", "second": "gateway/tls/ca.pem"}
_ADMIN = {"reference": "gateway/admin.token", "second": "gateway/master.key"}
_EVERY_ACT = (
    Step(what="key", key=0, amount=3),
    Step(what="call", key=0, amount=2),
    Step(what="stream", key=0, amount=16),
    Step(what="limit", key=0, amount=12),
    Step(what="leave", key=0, amount=2),
    Step(what="burst", key=0, amount=16),
    Step(what="key", key=1, amount=1),
    Step(what="revoke", key=0),
    Step(what="call", key=0, amount=1),
)


@contextmanager
def _standing(host: Host, twin: str, folder: Path, sequences: str) -> Iterator[tuple[Ground, Path]]:
    """A gateway as a process, and its target file with limits on random sequences."""
    made = replace(entry(host, twin), limits=_FEW)
    ground = prepared(folder)
    with running(command(ground, made), ground) as process:
        target_file = write_target(ground, made, listening(process, ground))
        target_file.write_text(f"{target_file.read_text()}\n[limits.sequences]\n{sequences}\n")
        yield ground, target_file


async def _searched(session: Session) -> Interleavings:
    session.gathered[SpendSequential] = _HELD_BACK
    session.asked = frozenset({_CHECK})
    return await interleavings.interleavings(session)


@dataclass(frozen=True)
class _Run:
    status: int
    told: str
    billed: int  # what the witness says that all calls of the script cost, in picodollars


async def _run(session: Session, ground: Ground, host: Host, name: str) -> _Run:
    """The script as a stranger starts it: another process, which knows nothing of ours but two variables."""
    mark = session.provider().mark()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(session.run_folder / name),
        env={
            "PATH": os.environ["PATH"],
            "GATEWAY_ADMIN_KEY": (ground.folder / _ADMIN[host]).read_text(),
            "GATEWAY_CA_FILE": str(ground.folder / _CA[host]),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    billed = sum(
        session.price().bill(call.prompt_tokens, call.completion_tokens)
        for call in session.provider().calls[mark:]
    )
    return _Run(process.returncode or 0, told.decode(), billed)


def _sums(told: str) -> int:
    """What the script says that all keys spent, in picodollars: what each last said."""
    last: dict[str, str] = {}
    key = ""
    for line in told.splitlines():
        key = found[1] if (found := re.match(r"\d+\. key (\d)", line)) else key
        last |= {key: found[1]} if (found := re.search(r"billed so far \$(\S+) on", line)) else {}
    return sum(from_usd(amount) for amount in last.values())


def test_a_random_sequence_that_overspends_is_found_shortened_and_left_as_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleavings, "_STEPS", 5)

    async def scene(ground: Ground, target_file: Path) -> tuple[Interleavings, _Run, str]:
        async with staged(target_file, sample=3) as stage:
            found = await _searched(stage.session)
            run = await _run(stage.session, ground, "second", found.script)
            return found, run, (stage.session.run_folder / found.script).read_text()

    with _standing("second", "limit-check-then-act-20ms", tmp_path, "requests = 400") as (
        ground,
        target_file,
    ):
        found, run, text = play(lambda: scene(ground, target_file))
        secret = (ground.folder / _ADMIN["second"]).read_text()

    verdict = random_sequences_stay_within(found)
    assert isinstance(verdict, Fail)
    assert found.script in verdict.reproduction
    assert hashlib.sha256(text.encode()).hexdigest() == found.script_sha256
    assert len(found.again) == len(found.broken) <= 5
    assert found.broken[-1].bill > found.broken[-1].limit
    assert run.status == 1, run.told
    assert _sums(run.told) == run.billed
    assert secret not in text


def test_a_gateway_that_keeps_its_limits_keeps_them_in_the_script_too(tmp_path: Path) -> None:
    async def scene(ground: Ground, target_file: Path) -> _Run:
        async with staged(target_file, sample=3) as stage:
            player = Player(stage.session, headroom=0, cost=_COST)
            for step in _EVERY_ACT:
                await player.play(step)
            name, _ = write_script(stage.session, player.steps, player.acts, player.prices)
            return await _run(stage.session, ground, "reference", name)

    with _standing("reference", "as-it-is", tmp_path, "") as (ground, target_file):
        run = play(lambda: scene(ground, target_file))

    assert run.status == 0, run.told
    assert _sums(run.told) == run.billed > 0


def test_a_script_without_a_credential_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "replay.py"
    path.write_text(
        script({"gateway": "https://gateway.example", "key API": "https://gateway.example", "steps": []})
    )

    done = subprocess.run(
        [sys.executable, "-I", str(path)], env={}, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 2
    assert "GATEWAY_ADMIN_KEY" in done.stderr


def test_random_sequences_take_no_more_requests_than_the_target_file_allows(tmp_path: Path) -> None:
    async def scene(target_file: Path) -> tuple[Interleavings, int]:
        async with staged(target_file, sample=3) as stage:
            before = stage.session.meter.requests
            found = await _searched(stage.session)
            return found, stage.session.meter.requests - before

    with _standing("second", "as-it-is", tmp_path, "requests = 150") as (_, target_file):
        found, requests = play(lambda: scene(target_file))

    assert (word(random_sequences_stay_within(found)), found.ended) == ("pass", "requests (150)")
    assert requests <= 150


@pytest.mark.parametrize(
    ("allowed", "beyond"),
    [
        (Sequences(), ""),
        (Sequences(requests=23), "requests (23)"),
        (Sequences(seconds=1e-9), "seconds (1e-09)"),
        (Sequences(money="0.000001"), "money ($0.000001)"),
    ],
)
def test_a_step_is_taken_where_it_fits_in_what_is_allowed(allowed: Sequences, beyond: str) -> None:
    allowance = Allowance(allowed, Meter(Limits()), worst=10**6)

    found = allowance.beyond(Step(what="burst", key=0, amount=16), ALL)

    assert found == beyond
