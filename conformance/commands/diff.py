"""`gateproof diff`: what changed between two runs."""

import argparse
import sys

import msgspec

from conformance.changes import changed
from conformance.commands.dispositions import earlier
from conformance.model.exhibit import Change

_WORDS = {
    "new": "fails, and was not decided before",
    "regressed": "fails, and did not before",
    "persisting": "still fails",
    "fixed": "does not fail any more",
    "lost": "was decided before, and is not now",
}


def run(options: argparse.Namespace) -> int:
    """Compare two runs: 0 when nothing got worse, 1 when something fails anew, 3 when something was lost from sight."""
    then, now = earlier(options.before), earlier(options.after)
    change = changed(then, now.verdicts)
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(change), indent=2).decode() + "\n")
    else:
        _show(change, now.run)
    return 1 if change.new or change.regressed else 3 if change.lost else 0


def _show(change: Change, now: str) -> None:
    lines = [f"{name:10} {check}: {_WORDS[name]}" for name in _WORDS for check in getattr(change, name)]
    print("\n".join(lines) if lines else "nothing changed")
    counts = ", ".join(f"{len(getattr(change, name))} {name}" for name in _WORDS)
    print(f"run {now} after run {change.baseline}: {counts}")
