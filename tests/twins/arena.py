"""The arena: a host is started as a process, the real audit is run on it, and the outcome is compared with what was meant."""

import asyncio
import json
import random
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from conformance.audit import Progress, audit
from conformance.catalogue import checks
from conformance.evidence.folder import RunFolder
from conformance.kills import Trial
from conformance.model.results import Results
from conformance.model.storage import SurfaceScan
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target_file import load
from tests.twins.broken import Breakage
from tests.twins.ground import Ground, command, prepared, write_target
from tests.twins.registry import Entry

_ROOT = Path(__file__).parents[2]
_START_SECONDS, _STOP_SECONDS = 30.0, 20.0


class HostTrouble(Exception):
    """A host did not start; the message shows what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an audit of one twin brought."""

    entry: Entry
    results: Results
    sighted: frozenset[str]  # surfaces on which something was found, by locator
    log: str  # what the host printed

    def failed(self) -> frozenset[str]:
        """Ids of the checks that failed, deciding or not."""
        return frozenset(check.id for check in self.results.checks if check.verdict == "fail")

    def right(self) -> bool:
        """Whether exactly the checks meant for it failed, and the exit code is the one that belongs to its kind.

        A flaw that only informative checks see is shown, and decides nothing. Where surfaces are named on which something
        must be found, it must be found there and nowhere else.
        """
        deciding = {check.id for check in self.results.checks if check.deciding}
        codes = {"flawed": 1 if self.entry.fails & deciding else 0, "conformant": 0, "broken": 3}
        return (
            self.failed() == self.entry.fails
            and self.results.gate.exit_code == codes[self.entry.kind]
            and self.entry.sighted in (frozenset(), self.sighted)
        )

    def trial(self) -> Trial:
        """The outcome as a line of the kill matrix."""
        return Trial(
            twin=self.entry.name,
            host=self.entry.host,
            kind=self.entry.kind,
            meant=tuple(sorted(self.entry.fails)),
            failed=tuple(sorted(self.failed())),
            right=self.right(),
        )

    def account(self) -> str:
        """Everything that helps to find out why an outcome is not right."""
        failed = self.failed()
        lines = [f"{self.entry.id()} ({self.entry.kind}): exit code {self.results.gate.exit_code}"]
        lines += [f"  slept through: {check}" for check in sorted(self.entry.fails - failed)]
        lines += [f"  not meant to fail: {check}" for check in sorted(failed - self.entry.fails)]
        if self.entry.sighted:
            lines += [f"  nothing found in: {place}" for place in sorted(self.entry.sighted - self.sighted)]
            lines += [f"  found as well in: {place}" for place in sorted(self.sighted - self.entry.sighted)]
        lines += [
            f"  {check.verdict:12} {check.id}: {check.because}"
            for check in self.results.checks
            if check.verdict not in {"pass", "not-applicable"} or check.id in self.entry.fails
        ]
        lines += [f"  fault of the suite: {fault}" for fault in self.results.run.faults]
        lines += [f"  not seen: {gap.what}: {gap.reason}" for gap in self.results.unseen]
        return "\n".join([*lines, "  the host's last lines:", *self.log.splitlines()[-5:]])


def narrowed(entry: Entry) -> Selection:
    """The checks of the claims that a twin matters to, so that nothing else need be looked at; all checks where it may be any."""
    if entry.alone:
        return Selection(checks_like=tuple(sorted(entry.fails)))
    claims = {check.claim for check in checks() if check.id in entry.fails} | set(entry.about)
    return Selection(claims=tuple(sorted(claims)))


def hold(entry: Entry, folder: Path, *, sample: int, selection: Selection | None = None) -> Outcome:
    """Start a twin in a new folder, audit it, stop it. The selection is every check unless one is given."""
    ground = prepared(folder)
    breakage = entry.make if isinstance(entry.make, Breakage) else Breakage()
    run = secrets.token_hex(4)
    recorded = RunFolder.create(folder / "runs", run, datetime.now(UTC))
    with ExitStack() as stack:
        process = stack.enter_context(running(command(ground, entry), ground))
        port = stack.enter_context(breakage.before(listening(process, ground)))
        target_file = write_target(ground, entry, port)
        ending = _ending(process, breakage.dies_at)
        chosen = narrowed(entry) if entry.alone else selection or Selection()
        audited = _audited(target_file, recorded, run, sample, chosen, ending)
        results = asyncio.run(audited)
    log = ground.log.read_text(errors="replace")
    return Outcome(entry=entry, results=results, sighted=_sighted(recorded), log=log)


def _sighted(recorded: RunFolder) -> frozenset[str]:
    scan = recorded.read(SurfaceScan)
    if not isinstance(scan, SurfaceScan):
        return frozenset()
    return frozenset(surface.locator for surface in scan.surfaces if surface.sightings)


async def _audited(
    target_file: Path, recorded: RunFolder, run: str, sample: int, selection: Selection, progress: Progress
) -> Results:
    async with open_stage(
        load(target_file),
        target_file=target_file,
        folder=recorded,
        run=run,
        profile="quick",
        seed=random.randrange(2**31),
        sample=sample,
    ) as stage:
        return await audit(stage, selection, progress)


def _ending(process: "subprocess.Popen[bytes]", moment: str) -> Progress:
    """Ends the host at once when the observation of this title begins."""

    def progress(title: str, what: str) -> None:
        if moment and title == moment and what == "begins":
            process.kill()

    return progress


@contextmanager
def running(arguments: list[str], ground: Ground) -> "Iterator[subprocess.Popen[bytes]]":
    """A host as a process whose output goes to the ground's log; it is ended by its process id."""
    with ground.log.open("ab") as output:  # to its end also where others write to it
        process = subprocess.Popen(arguments, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listening(process: "subprocess.Popen[bytes]", ground: Ground) -> int:
    """The port on which a host listens, as soon as it says so. Raises HostTrouble."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in ground.log.read_text(errors="replace").splitlines():
            if '"listening"' in line:
                port: int = json.loads(line)["port"]
                return port
        time.sleep(0.02)
    raise HostTrouble(f"the host did not start: {ground.log.read_text(errors='replace').strip()[-2000:]}")
