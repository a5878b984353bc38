"""Spending on real gateways: across their ends, in random sequences, and by every worker of the reference gateway."""

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.audit import audit
from conformance.checks.overspending_in_time import random_sequences_stay_within, restarts_forget_nothing
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.model.spend import Interleavings, SpendRestart, SpendSequential, SpendWorkload
from conformance.probes.spending import interleavings
from conformance.probes.spending.restarts import spend_restart
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target_file import load
from tests.checks.made import declared, scenario, sequential, word
from tests.probes.retention.conftest import play, staged
from tests.twins.arena import listening, running
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import entry

_ROOT = Path(__file__).parents[2]
_CONTROL = """
import os, signal, subprocess, sys, time

module, folder, what = sys.argv[1:]
pid_file = folder + "/pid"
if what == "kill":
    pid = int(open(pid_file).read())
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.02)
else:
    log = open(folder + "/gateway/output.log", "ab")
    arguments = [sys.executable, "-m", module, "--config", folder + "/gateway/config.json"]
    started = subprocess.Popen(arguments, cwd=%r, stdout=log, stderr=log, start_new_session=True)
    open(pid_file, "w").write(str(started.pid))
"""
_KINDS = ("completions", "responses", "embeddings", "messages")
_NOT_LOOKED_FOR = {"spend.restarts-forget-nothing", "spend.random-sequences-stay-within"}
# Nothing is held back, as far as the scenario before has shown.
_BEFORE = sequential(scenario(limit=80))
# Three usual calls are held back for one.
_HELD_BACK = sequential(scenario(limit=80 + 3 * 168 * 10**6))


@contextmanager
def _standing(host: str, twin: str, folder: Path) -> Iterator[tuple[Ground, Path, int]]:
    """A gateway as a process: its ground, its target file, its process id."""
    made = entry(host, twin)  # type: ignore[arg-type]  # one of the hosts
    ground = prepared(folder)
    with running(command(ground, made), ground) as process:
        yield ground, write_target(ground, made, listening(process, ground)), process.pid


def _controlled(ground: Ground, target_file: Path, pid: int, module: str) -> Path:
    """Commands that kill the second gateway and start this module in its place."""
    folder, config = ground.folder, ground.folder / "gateway" / "config.json"
    port = json.loads(ground.log.read_text().splitlines()[0])["port"]
    config.write_text(json.dumps({**json.loads(config.read_text()), "port": port}))
    (folder / "control.py").write_text(_CONTROL % str(_ROOT))
    (folder / "pid").write_text(str(pid))
    commands = {
        what: [sys.executable, str(folder / "control.py"), module, str(folder), what]
        for what in ("start", "kill")
    }
    lines = "".join(f"{name} = {json.dumps(arguments)}\n" for name, arguments in commands.items())
    target_file.write_text(f"{target_file.read_text()}\n[control]\n{lines}")
    return folder / "pid"


@pytest.mark.parametrize(
    ("module", "verdict"), [("tests.hosts.second_gateway", "pass"), ("tests.probes.forgetful", "fail")]
)
def test_a_count_that_is_lost_with_its_process_is_noticed(tmp_path: Path, module: str, verdict: str) -> None:
    async def scene(target_file: Path) -> SpendRestart:
        async with staged(target_file, sample=3) as stage:
            stage.session.gathered[SpendSequential] = _BEFORE
            return await spend_restart(stage.session)

    with _standing("second", "as-it-is", tmp_path) as (ground, target_file, pid):
        pid_file = _controlled(ground, target_file, pid, module)
        try:
            seen = play(lambda: scene(target_file))
        finally:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

    assert word(restarts_forget_nothing(seen, declared())) == verdict


def test_a_random_sequence_that_overspends_is_found_shortened_and_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleavings, "_SEQUENCES", 6)
    monkeypatch.setattr(interleavings, "_STEPS", 5)

    async def scene(target_file: Path) -> Interleavings:
        async with staged(target_file, sample=3) as stage:
            stage.session.gathered[SpendSequential] = _HELD_BACK
            stage.session.asked = frozenset({"spend.random-sequences-stay-within"})
            return await interleavings.interleavings(stage.session)

    with _standing("second", "limit-check-then-act-20ms", tmp_path) as (_, target_file, _):
        found = play(lambda: scene(target_file))

    assert word(random_sequences_stay_within(found)) == "fail"
    assert len(found.again) == len(found.broken)
    assert found.broken[-1].bill > found.broken[-1].limit
    assert len(found.broken) <= 5


async def _audited(target_file: Path) -> tuple[Results, RunFolder]:
    run = secrets.token_hex(4)
    folder = RunFolder.create(target_file.parent / "runs", run, datetime.now(UTC))
    async with open_stage(
        load(target_file), target_file=target_file, folder=folder, run=run, profile="quick", seed=7, sample=3
    ) as stage:
        return await audit(stage, Selection(checks_like=("spend.*",)), lambda _title, _what: None), folder


@pytest.mark.parametrize("workers", [1, 4])
def test_the_reference_gateway_overspends_by_nothing_whatever_its_workers(
    tmp_path: Path, workers: int
) -> None:
    # With every kind of endpoint that both it and the witness serve.
    made = replace(entry("reference", "as-it-is"), inference=_KINDS)
    ground = prepared(tmp_path)
    config = Path(command(ground, made)[-1])
    config.write_text(config.read_text().replace("[listen]", f"[listen]\nworkers = {workers}", 1))

    with running([sys.executable, "-m", "reference_gateway", str(config)], ground) as process:
        target_file = write_target(ground, made, listening(process, ground))
        results, folder = asyncio.run(_audited(target_file))

    seen = folder.read(SpendWorkload)
    assert isinstance(seen, SpendWorkload)
    assert all(attempt.bill() <= attempt.limit for attempt in seen.attempts)
    assert {c.id for c in results.checks if c.verdict != "pass"} == _NOT_LOOKED_FOR
