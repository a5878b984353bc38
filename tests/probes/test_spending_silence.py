"""A gateway that goes away while its keys are spent: nothing is held against it, and it is said that it went away."""

import asyncio
import os
import re
import secrets
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.audit import audit
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.model.spend import Attempt, Control, Family
from conformance.probes.spending.side_by_side import SideBySide, Trial
from conformance.selection import Selection
from conformance.stage import Stage, open_stage
from conformance.target_file import load
from tests.twins.arena import listening, running
from tests.twins.ground import command, prepared, write_target
from tests.twins.registry import entry

_SEQUENTIAL, _WORKLOAD = (
    "Spend a key to its limit, one call at a time",
    "Try every known way to overspend, each on a key of its own",
)


async def _ended(stage: Stage, pid: int, after: int) -> None:
    """Kill the gateway once its provider has had so many more calls."""
    witness = stage.session.provider()
    until = witness.mark() + after
    while witness.mark() < until:  # noqa: ASYNC110 - the witness tells nobody
        await asyncio.sleep(0.005)
    os.kill(pid, signal.SIGKILL)


async def _audited(target_file: Path, pid: int, title: str, after: int) -> Results:
    run = secrets.token_hex(4)
    folder = RunFolder.create(target_file.parent / "runs", run, datetime.now(UTC))
    ending: list[asyncio.Task[None]] = []
    async with open_stage(
        load(target_file), target_file=target_file, folder=folder, run=run, profile="quick", seed=7, sample=3
    ) as stage:

        def progress(began: str, what: str) -> None:
            if (began, what) == (title, "begins"):
                ending.append(asyncio.ensure_future(_ended(stage, pid, after)))

        results = await audit(stage, Selection(checks_like=("spend.*",)), progress)
    await asyncio.gather(*ending)
    return results


@pytest.mark.parametrize(("title", "after"), [(_SEQUENTIAL, 6), (_WORKLOAD, 40)])
def test_a_gateway_that_dies_is_not_judged_by_what_it_did_not_answer(
    tmp_path: Path, title: str, after: int
) -> None:
    made = entry("second", "as-it-is")
    ground = prepared(tmp_path)
    with running(command(ground, made), ground) as process:
        target_file = write_target(ground, made, listening(process, ground))
        results = asyncio.run(_audited(target_file, process.pid, title, after))

    (claim,) = (claim for claim in results.claims if claim.id == "S1")
    assert [check.id for check in results.checks if check.verdict == "fail"] == []
    assert (claim.verdict, results.run.faults) == ("inconclusive", ())
    assert any(re.search("not answer|stopped answering", check.because) for check in results.checks)


def _made(family: Family, *, ample: bool) -> Attempt:
    control = Control(ample_before=True, ample_after=ample, revived=ample)
    return Attempt(name="a trial", family=family, limit=1, calls=(), control=control)


def _played(*steady: bool, answers: bool) -> tuple[SideBySide, int]:
    """Trials after which an ample key was served or not, on a gateway that answers or not; how often it was asked."""
    asked = 0

    async def answering() -> bool:
        nonlocal asked
        asked += 1
        return answers

    def trial(ample: bool) -> Trial:
        async def run() -> Attempt:
            await asyncio.sleep(0)
            return _made("abort", ample=ample)

        return Trial("abort", run)

    running_ = SideBySide(answering)
    asyncio.run(running_.run([trial(ample) for ample in steady]))
    return running_, asked


def test_trials_go_on_while_the_gateway_answers() -> None:
    ran, asked = _played(*[True, False] * 8, answers=True)

    assert (len(ran.attempts), asked) == (16, 8)
    assert (ran.not_tried, ran.left_out()) == ([], ())


def test_a_gateway_that_does_not_answer_is_not_tried_to_the_end() -> None:
    ran, _ = _played(*[False] * 50, answers=False)

    assert 1 <= len(ran.attempts) <= 12
    assert len(ran.attempts) + len(ran.not_tried) == 50
    assert "stopped answering" in ran.left_out()[0]
