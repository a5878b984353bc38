"""Spending on real gateways: across their ends, and by every worker of the reference gateway."""

import asyncio
import os
import secrets
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.audit import audit
from conformance.checks.overspending_in_time import restarts_forget_nothing
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.model.spend import SpendRestart, SpendSequential, SpendWorkload
from conformance.model.spend_accounts import SpendAccounts, SpendModels
from conformance.probes.spending.restarts import spend_restart
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target_file import load
from tests.checks.made import declared, scenario, sequential, word
from tests.probes.controlled import controlled, standing
from tests.probes.retention.conftest import play, staged
from tests.twins.arena import listening, running
from tests.twins.ground import command, prepared, write_target
from tests.twins.reference_spend_caps import DEAR
from tests.twins.registry import entry

_KINDS = ("completions", "responses", "embeddings", "messages")
_NOT_LOOKED_FOR = {"spend.restarts-forget-nothing", "spend.random-sequences-stay-within"}
# Nothing is held back, as far as the scenario before has shown.
_BEFORE = sequential(scenario(limit=80))


@pytest.mark.parametrize(
    ("module", "verdict"), [("tests.hosts.second_gateway", "pass"), ("tests.probes.forgetful", "fail")]
)
def test_a_count_that_is_lost_with_its_process_is_noticed(tmp_path: Path, module: str, verdict: str) -> None:
    async def scene(target_file: Path) -> SpendRestart:
        async with staged(target_file, sample=3) as stage:
            stage.session.gathered[SpendSequential] = _BEFORE
            return await spend_restart(stage.session)

    with standing("second", "as-it-is", tmp_path) as (ground, target_file, pid):
        pid_file = controlled(ground, target_file, pid, module)
        try:
            seen = play(lambda: scene(target_file))
        finally:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

    assert word(restarts_forget_nothing(seen, declared())) == verdict


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
    # With every kind of endpoint that both it and the witness serve, accounts, and a second model.
    made = replace(entry("reference", "limits-on-accounts"), inference=_KINDS, models=DEAR)
    ground = prepared(tmp_path)
    config = Path(command(ground, made)[-1])
    config.write_text(config.read_text().replace("[listen]", f"[listen]\nworkers = {workers}", 1))

    with running([sys.executable, "-m", "reference_gateway", str(config)], ground) as process:
        target_file = write_target(ground, made, listening(process, ground))
        results, folder = asyncio.run(_audited(target_file))

    seen, shared, models = (folder.read(kind) for kind in (SpendWorkload, SpendAccounts, SpendModels))
    assert isinstance(seen, SpendWorkload)
    assert isinstance(shared, SpendAccounts)
    assert isinstance(models, SpendModels)
    tried = (*seen.attempts, *(model.attempt for model in models.tried))
    assert all(attempt.bill() <= attempt.limit for attempt in tried)
    assert all(together.bill() <= together.limit for together in shared.scenarios)
    assert {c.id for c in results.checks if c.verdict != "pass"} == _NOT_LOOKED_FOR
