"""The exam: every twin on its host, with a full campaign. `python -m tests.twins.exam [--only GLOB] [--sample N]`."""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import msgspec

from conformance.kills import KillMatrix
from tests.twins.arena import Outcome, hold
from tests.twins.registry import Entry, entries

_MATRIX = Path(__file__).parents[2] / "conformance" / "kill_matrix.json"
_SAMPLE = 60


def main() -> int:
    """Hold the exam; 1 where a trial went otherwise than meant."""
    options = _options()
    # A second engine doubles the time of each trial and is proven by tests of its own.
    os.environ.setdefault("GATEPROOF_SSLYZE", "none")
    chosen = [entry for entry in entries() if fnmatchcase(entry.id(), options.only)]
    with ThreadPoolExecutor(options.jobs) as rooms:
        outcomes = list(rooms.map(lambda entry: _held(entry, options.sample), chosen))
    matrix = KillMatrix(suite=version("gateproof"), trials=tuple(outcome.trial() for outcome in outcomes))
    print(matrix.sentence())
    if options.only == "*":
        _MATRIX.write_bytes(msgspec.json.format(msgspec.json.encode(matrix), indent=1) + b"\n")
        print(f"written: {_MATRIX}")
    return int(not all(outcome.right() for outcome in outcomes))


def _held(entry: Entry, sample: int) -> Outcome:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gateproof-exam-") as folder:
        outcome = hold(entry, Path(folder), sample=sample)
    word = "right" if outcome.right() else "WRONG"
    failed = ", ".join(sorted(outcome.failed())) or "nothing"
    print(
        f"{word}  {entry.kind:10} {entry.id():48} {time.monotonic() - began:5.1f} s  failed: {failed}",
        flush=True,
    )
    if not outcome.right():
        print(outcome.account(), flush=True)
    return outcome


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.twins.exam", description=__doc__)
    parser.add_argument(
        "--only", default="*", metavar="GLOB", help="hold only these; the matrix is then not written"
    )
    parser.add_argument("--sample", type=int, default=_SAMPLE, help="calls per path of the campaign")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
