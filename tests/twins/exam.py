"""The exam: every twin on its host. `python -m tests.twins.exam [--only GLOB] [--resume FILE]`.

The campaign is a full one for variants, collections and whatever keeps or forwards content; flaws that have nothing to do with
content are held with a small one, and so are the twins of a collection, which are judged by what they are about.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import msgspec

from conformance.kills import KillMatrix, Trial
from conformance.selection import Selection
from tests.twins.arena import Outcome, hold, narrowed
from tests.twins.matrix import MATRIX, write_trials
from tests.twins.registry import Entry, entries

_SAMPLE, _SMALL = 60, 6
_OF_CONTENT = ("retention.", "forwarding.")
_mutex = threading.Lock()


def main() -> int:
    """Hold the exam; 1 where a trial went otherwise than meant."""
    options = _options()
    # A second engine doubles the time of each trial and is proven by tests of its own.
    os.environ.setdefault("GATEPROOF_SSLYZE", "none")
    chosen = [entry for entry in entries() if fnmatchcase(entry.id(), options.only)]
    known = _known(options.resume)
    with ThreadPoolExecutor(options.jobs) as rooms:
        held = rooms.map(lambda entry: known.get(entry.id()) or _held(entry, options), chosen)
        trials = tuple(held)
    print(KillMatrix(trials=trials).sentence())
    if options.only == "*":
        write_trials(version("gateproof"), trials)
        print(f"written: {MATRIX}")
    return int(not all(trial.right for trial in trials))


def _known(journal: Path | None) -> Mapping[str, Trial]:
    """Trials that went as meant in an exam that was interrupted, by twin."""
    if journal is None or not journal.exists():
        return {}
    trials = (msgspec.json.decode(line, type=Trial) for line in journal.read_bytes().splitlines())
    return {f"{trial.host}-{trial.twin}": trial for trial in trials if trial.right}


def _held(entry: Entry, options: argparse.Namespace) -> Trial:
    began = time.monotonic()
    of_content = entry.kind != "flawed" or any(check.startswith(_OF_CONTENT) for check in entry.fails)
    sample = options.sample if of_content and not entry.bundled else min(options.sample, _SMALL)
    selection = narrowed(entry) if entry.bundled else Selection()
    with tempfile.TemporaryDirectory(prefix="gateproof-exam-") as folder:
        outcome = hold(entry, Path(folder), sample=sample, selection=selection)
    with _mutex:
        _tell(outcome, time.monotonic() - began)
        if options.resume is not None:
            with options.resume.open("ab") as journal:
                journal.write(msgspec.json.encode(outcome.trial()) + b"\n")
    return outcome.trial()


def _tell(outcome: Outcome, seconds: float) -> None:
    entry = outcome.entry
    word = "right" if outcome.right() else "WRONG"
    failed = ", ".join(sorted(outcome.failed())) or "nothing"
    print(f"{word}  {entry.kind:10} {entry.id():48} {seconds:5.1f} s  failed: {failed}", flush=True)
    if not outcome.right():
        print(outcome.account(), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.twins.exam", description=__doc__)
    parser.add_argument(
        "--only", default="*", metavar="GLOB", help="hold only these; the matrix is then not written"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="keep the outcomes in this file, and hold only what it does not show as right",
    )
    parser.add_argument("--sample", type=int, default=_SAMPLE, help="calls per path of the campaign")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
