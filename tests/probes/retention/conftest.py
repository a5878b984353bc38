"""Gateways of two makes as processes, and stages from which they are sent a campaign."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from conformance.evidence.folder import RunFolder
from conformance.model.preflight import Preflight
from conformance.probes.preflight import preflight
from conformance.stage import Stage, open_stage
from conformance.target_file import load
from tests.twins.arena import listening, running
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import Host, entries

T = TypeVar("T")
_KINDS: dict[Host, tuple[str, ...]] = {
    "reference": ("completions", "responses", "embeddings", "messages"),
    "second": ("completions", "embeddings", "messages"),
}
_SECONDS = 100.0


@contextmanager
def standing(host: Host, folder: Path) -> Iterator[tuple[Ground, Path]]:
    """A host as it is, with every endpoint declared: its ground and the target file."""
    found = next(e for e in entries() if e.host == host and e.name == "as-it-is")
    entry = replace(found, inference=_KINDS[host])
    ground = prepared(folder)
    with running(command(ground, entry), ground) as process:
        yield ground, write_target(ground, entry, listening(process, ground))


@asynccontextmanager
async def staged(target_file: Path, sample: int) -> AsyncIterator[Stage]:
    """A stage whose pre-flight was made; its keys are revoked afterwards."""
    run = secrets.token_hex(4)
    folder = RunFolder.create(target_file.parent / "runs", run, datetime.now(UTC))
    async with open_stage(
        load(target_file),
        target_file=target_file,
        folder=folder,
        run=run,
        profile="quick",
        seed=7,
        sample=sample,
    ) as stage:
        stage.session.gathered[Preflight] = await preflight(stage.session)
        yield stage
        await stage.clear_up()


def play(scene: Callable[[], Awaitable[T]]) -> T:
    """Play a scene to its end."""

    async def bounded() -> T:
        async with asyncio.timeout(_SECONDS):
            return await scene()

    return asyncio.run(bounded())
