"""`gateproof audit`: observe, judge, report."""

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from conformance.audit import Progress, audit
from conformance.commands.choice import selection
from conformance.commands.display import display
from conformance.commands.dispositions import dispositions
from conformance.commands.outcome import show
from conformance.commands.page import page_drift
from conformance.commands.seal import seal_at_once
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
    results, folder = audited(options, target, target_file)
    sealed = seal_at_once(folder, options.seal_key) if options.seal or options.seal_key else 0
    code = show(results, folder, as_json=options.json, quiet=options.quiet)
    return sealed or code


def audited(options: argparse.Namespace, target: Target, target_file: Path) -> tuple[Results, RunFolder]:
    """Audit a target: its results, and the folder that holds the run. Raises OperatorError."""
    chosen, told = selection(options), dispositions(options)
    page = None if options.page is None else page_drift(options.page)
    folder, run = _folder(options)
    try:
        for name, beside in (("Dispositions", told), ("PageDrift", page)):
            if beside is not None:
                folder.write(name, beside)
        with display(quiet=options.quiet or options.json) as progress:
            results = asyncio.run(_audit(options, target, target_file, folder, run, chosen, progress))
    except OperatorError:
        if getattr(options, "resume", None) is None:
            shutil.rmtree(folder.path, ignore_errors=True)  # nothing was sent yet
        raise
    except CannotRecord as trouble:
        raise OperatorError(f"{trouble}; {_after_a_full_disk(folder)}") from None
    return results, folder


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
