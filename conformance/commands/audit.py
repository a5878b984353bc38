"""`gateproof audit`: observe, judge, report."""

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from conformance.audit import Progress, audit
from conformance.commands.choice import selection
from conformance.commands.display import display
from conformance.commands.outcome import show
from conformance.evidence.folder import RunFolder
from conformance.evidence.writing import CannotRecord
from conformance.model.results import Results
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target import Target
from conformance.target_file import OperatorError, load


def run(options: argparse.Namespace) -> int:
    """Audit the target of a file."""
    target = load(options.target)
    return audit_target(options, target, options.target)


def audit_target(options: argparse.Namespace, target: Target, target_file: Path) -> int:
    """Audit a target, write its run folder, print the outcome; the value is the exit code."""
    chosen = selection(options)
    folder, run = _folder(options)
    try:
        with display(quiet=options.quiet or options.json) as progress:
            results = asyncio.run(_audit(options, target, target_file, folder, run, chosen, progress))
    except OperatorError:
        if getattr(options, "resume", None) is None:
            shutil.rmtree(folder.path, ignore_errors=True)  # nothing was sent yet
        raise
    except CannotRecord as trouble:
        raise OperatorError(f"{trouble}; {_after_a_full_disk(folder)}") from None
    return show(results, folder, as_json=options.json, quiet=options.quiet)


def _after_a_full_disk(folder: RunFolder) -> str:
    """What is left to do once the run folder could not be written."""
    journal = folder.private / "journal.jsonl"
    if not journal.exists() or not journal.stat().st_size:
        shutil.rmtree(folder.path, ignore_errors=True)
        return "nothing was sent; make room there or give another folder with --out"
    return (
        f"what was seen before is kept in {folder.path}; make room there, then run "
        f"`gateproof cleanup {folder.path}` to end what keys are left, or resume the audit with --resume"
    )


async def _audit(
    options: argparse.Namespace,
    target: Target,
    target_file: Path,
    folder: RunFolder,
    run: str,
    chosen: Selection,
    progress: Progress,
) -> Results:
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    async with open_stage(
        target,
        target_file=target_file,
        folder=folder,
        run=run,
        profile=options.profile,
        seed=seed,
        sample=options.sample,
    ) as stage:
        task = asyncio.create_task(audit(stage, chosen, progress))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # The first signal ends the looking: what was seen is kept, keys are revoked, the run is assessed. The second ends us.
            loop.add_signal_handler(number, _interrupt, task, number)
        return await task


def _interrupt(task: "asyncio.Task[Results]", number: int) -> None:
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(number)
    print("gateproof: interrupted; revoking keys and writing what was seen", file=sys.stderr)
    task.cancel()


def _folder(options: argparse.Namespace) -> tuple[RunFolder, str]:
    """A new run folder, or the one to be resumed, and the id of its run."""
    resumed = getattr(options, "resume", None)
    if resumed is not None:
        folder = RunFolder(resumed)
        if not folder.private.is_dir() or not (folder.private / "run.key").exists():
            raise OperatorError(f"{resumed} is not a run that can go on: its private half is missing")
        return folder, resumed.name.rpartition("-")[2]
    run = secrets.token_hex(4)
    try:
        return RunFolder.create(options.out, run, datetime.now(UTC)), run
    except OSError as trouble:
        raise OperatorError(
            f"cannot write below {options.out}: {trouble.strerror or trouble}; give another folder with --out"
        ) from None


class _Recorded(msgspec.Struct, frozen=True):
    """What the stage writes into `target.json`."""

    file: str
    target: Target


def recorded_target(folder: RunFolder) -> tuple[Path, Target]:
    """The target file of a run and the target as it was then.

    Raises OperatorError where the private half does not say so any more, or in the words of another version.
    """
    path = folder.private / "target.json"
    if not path.exists():
        raise OperatorError(
            f"{folder.path} does not say which target it audited: it was forgotten, or it is not a run"
        )
    try:
        recorded = msgspec.json.decode(path.read_bytes(), type=_Recorded)
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(
            f"{path} holds no target as this version records it: {trouble}; name the target file with --target"
        ) from None
    return Path(recorded.file), recorded.target
