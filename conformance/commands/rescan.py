"""`gateproof rescan`: what a run sent is looked for again on every declared surface, hours or weeks later.

The earlier run is read and never written to. What comes of it is a run folder of its own: the evidence of the earlier run with a
new scan of its surfaces, and a private half of its own, which is to be forgotten by itself.
Streams that were followed while content passed keep nothing: what was seen of them then stands.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace

from conformance.audit import reassess
from conformance.canary.mint import Mint
from conformance.collectors.reading import measure
from conformance.collectors.surfaces import look_at_surfaces
from conformance.collectors.watching import watching
from conformance.commands.display import display
from conformance.commands.outcome import show
from conformance.commands.private_half import kept, restored_mint
from conformance.commands.recorded import recorded_target
from conformance.evidence.folder import NotARun, RunFolder
from conformance.evidence.journal import Journal
from conformance.evidence.writing import CannotRecord, write_whole
from conformance.model.archive import PromptSent
from conformance.model.evidence import CannotObserve, Unobserved
from conformance.model.results import Results
from conformance.model.run import RunRecord, Timing
from conformance.model.scale import Fault
from conformance.model.storage import ScannedSurface, SurfaceScan
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.session import Session
from conformance.stage import JOURNAL, folder_of, trust_context
from conformance.target import Target
from conformance.target_file import OperatorError, load

_SCAN = SurfaceScan.__name__
_PRIVATE = ("run.key", "issued.json", "prompts.json", "values.json", "secrets.json", "target.json")
Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """The run whose surfaces are looked at again."""

    folder: RunFolder
    record: RunRecord
    target: Target
    base: Path
    mint: Mint
    scan: SurfaceScan | Unobserved | None

    def run(self) -> str:
        """The run whose canaries are looked for."""
        return self.record.rescan_of or self.record.run


def run(options: argparse.Namespace) -> int:
    """Look again, write a run folder, print the outcome; the value is the exit code."""
    earlier = _earlier(RunFolder(options.folder), options.target)
    folder, new = _folder(options.out or options.folder.resolve().parent)
    try:
        with display(quiet=options.quiet or options.json) as progress:
            results = asyncio.run(_rescan(earlier, folder, new, progress))
    except (OperatorError, CannotRecord):
        shutil.rmtree(folder.path, ignore_errors=True)  # whatever was to be seen can be seen again
        raise
    code = show(results, folder, as_json=options.json, quiet=options.quiet)
    if not (options.quiet or options.json):
        _tell_what_was(earlier)
    return code


def _tell_what_was(earlier: _Earlier) -> None:
    """Which run was looked at again; what was found then is not undone where it is gone by now."""
    then = f"this was another look for run {earlier.run()}, of {earlier.record.started}"
    found = isinstance(earlier.scan, SurfaceScan) and earlier.scan.found()
    print(f"{then}{', which found content: its verdict stands' if found else ''}", file=sys.stderr)


def _earlier(folder: RunFolder, target_file: Path | None) -> _Earlier:
    """A run that can be looked at again. Raises OperatorError."""
    try:
        record, scan = folder.record(), folder.read(SurfaceScan)
    except NotARun as trouble:
        raise OperatorError(str(trouble)) from None
    mint = restored_mint(folder)
    if not mint.issued:
        raise OperatorError(f"run {record.run} sent no content: there is nothing to look for")
    path, target = recorded_target(folder) if target_file is None else (target_file, load(target_file))
    if not any(not surface.follow for surface in target.surfaces):
        raise OperatorError(f"{path} declares no surface at which one could look again")
    return _Earlier(folder=folder, record=record, target=target, base=folder_of(path), mint=mint, scan=scan)


def _folder(below: Path) -> tuple[RunFolder, str]:
    new = secrets.token_hex(4)
    try:
        return RunFolder.create(below, new, datetime.now(UTC)), new
    except OSError as trouble:
        raise OperatorError(
            f"cannot write below {below}: {trouble.strerror or trouble}; give another folder with --out"
        ) from None


async def _rescan(earlier: _Earlier, folder: RunFolder, new: str, tell: Tell) -> Results:
    """Take over what the earlier run observed, look at its surfaces again, and assess all of it."""
    halt = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # The first signal ends the looking: what was not looked at becomes a gap, and the run is assessed. The second ends us.
        asyncio.get_running_loop().add_signal_handler(number, _interrupt, halt)
    started, began = datetime.now(UTC), time.monotonic()
    _take_over(earlier.folder, folder)
    session = _session(earlier, folder, new)
    try:
        scan = await _looked(session, earlier, tell, halt)
    finally:
        session.journal.close()
        await session.door.close()
    folder.write(_SCAN, scan)
    took = int((time.monotonic() - began) * 1000)
    folder.finish(
        replace(
            earlier.record,
            run=new,
            suite=version("gateproof"),
            started=started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            interrupted=earlier.record.interrupted or halt.is_set(),
            requests=session.meter.requests,
            spent=session.meter.money,
            timings=(Timing(observation="rescan", evidence=_SCAN, began_ms=0, took_ms=took),),
            leftovers=(),
            rescan_of=earlier.run(),
        )
    )
    try:
        return reassess(folder)
    except NotARun as trouble:
        raise OperatorError(str(trouble)) from None


def _take_over(earlier: RunFolder, folder: RunFolder) -> None:
    """Copy what the earlier run observed, but for its scan, and what is needed to search for its canaries."""
    for path in sorted(earlier.evidence.glob("*.json")):
        if path.stem != _SCAN and path.name != "run.json":
            write_whole(folder.evidence / path.name, path.read_bytes())
    for name in _PRIVATE:
        if (earlier.private / name).is_file():
            folder.keep_private(name, (earlier.private / name).read_bytes())


def _interrupt(halt: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
    print("gateproof: interrupted; writing what was seen", file=sys.stderr)
    halt.set()


def _session(earlier: _Earlier, folder: RunFolder, new: str) -> Session:
    """A session that can look at surfaces, and send nothing but questions for what is not there."""
    at_rest = tuple(surface for surface in earlier.target.surfaces if not surface.follow)
    target = replace(earlier.target, surfaces=at_rest)
    trust = trust_context(target, earlier.base)
    meter = Meter(target.limits)
    tag = f"gateproof-{new}"
    return Session(
        target=target,
        base=earlier.base,
        tag=tag,
        run_folder=folder.path.resolve(),
        own_folders=(earlier.folder.path.resolve(),),
        trust=trust,
        sample=earlier.record.sample,
        meter=meter,
        door=Door(target, trust, meter, agent=tag),
        mint=earlier.mint,
        journal=Journal(folder.private / JOURNAL),
        random=random.Random(earlier.record.seed),  # noqa: S311 - pauses, no secrets
        expected_values=[*kept(earlier.folder, "values.json", str), tag],
        prompts=kept(earlier.folder, "prompts.json", PromptSent),
        wanted=frozenset({SurfaceScan}),
    )


async def _looked(
    session: Session, earlier: _Earlier, tell: Tell, halt: threading.Event
) -> SurfaceScan | Unobserved:
    """The new scan, with what the earlier one saw of streams."""
    for surface in session.target.surfaces:
        session.before[surface.locator] = await asyncio.to_thread(measure, surface, session.base)
    try:
        async with watching(session):
            scan = await look_at_surfaces(session, tell, halt, earlier.run())
        _refuse_nothing(scan.surfaces)
    except CannotObserve as trouble:
        return trouble.unobserved
    except CannotRecord:
        raise  # our own disk
    except Exception as bug:  # noqa: BLE001 - the top of the look: exit code 1 means that content was found, so no fault may end in it
        what = f"our own code failed in the rescan ({type(bug).__name__})"
        return Unobserved(reason=what, fault=Fault.SUITE, decide="report this as a fault of the suite")
    followed = {surface.locator for surface in earlier.target.surfaces if surface.follow}
    before = earlier.scan.surfaces if isinstance(earlier.scan, SurfaceScan) else ()
    streams = tuple(surface for surface in before if surface.locator in followed)
    return replace(scan, surfaces=(*scan.surfaces, *streams))


def _refuse_nothing(scanned: Sequence[ScannedSurface]) -> None:
    """Where nothing could be read, nothing was observed."""
    gaps = [(one.locator, one.coverage.deciding_gaps()) for one in scanned]
    if gaps and all(found for _, found in gaps) and not any(one.coverage.bytes_raw for one in scanned):
        reasons = "; ".join(f"{locator}: {found[0].reason}" for locator, found in gaps)
        raise CannotObserve(
            f"not one of the declared surfaces could be read: {reasons}",
            fault=Fault.OPERATOR,
            decide="let the audit read them from here, or mend their locators in the target file",
        )
