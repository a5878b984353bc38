"""A gateway need not serve chats: spending is tried at whatever generates text there."""

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.audit import audit
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target_file import load
from tests.twins.arena import listening, running
from tests.twins.checks import CONCURRENT, SEQUENTIAL, USAGE, WORST_CASE
from tests.twins.ground import command, prepared, write_target
from tests.twins.registry import Host, entry


async def _audited(target_file: Path, checks: tuple[str, ...]) -> Results:
    run = secrets.token_hex(4)
    folder = RunFolder.create(target_file.parent / "runs", run, datetime.now(UTC))
    async with open_stage(
        load(target_file), target_file=target_file, folder=folder, run=run, profile="quick", seed=7, sample=3
    ) as stage:
        return await audit(stage, Selection(checks_like=checks), lambda _title, _what: None)


@pytest.mark.parametrize(
    ("host", "name", "kind", "broken"),
    [
        ("reference", "as-it-is", "responses", set()),
        ("second", "limit-check-then-act-20ms", "messages", {CONCURRENT}),
    ],
)
def test_a_gateway_without_chats_is_judged_like_any_other(
    tmp_path: Path, host: Host, name: str, kind: str, broken: set[str]
) -> None:
    made = entry(host, name)
    ground = prepared(tmp_path)

    with running(command(ground, made), ground) as process:
        target_file = write_target(ground, made, listening(process, ground))
        served = f'\n[[inference]]\nkind = "{kind}"\npath = "/v1/{kind}"\n'
        target_file.write_text(target_file.read_text() + served)
        results = asyncio.run(_audited(target_file, (SEQUENTIAL, CONCURRENT, USAGE, WORST_CASE)))

    found = {check.id: check.verdict for check in results.checks}
    assert found == {
        check: "fail" if check in broken else "pass" for check in (SEQUENTIAL, CONCURRENT, USAGE, WORST_CASE)
    }
