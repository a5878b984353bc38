"""`gateproof cleanup`: revoke what an interrupted run left on its target."""

import argparse
import asyncio
import sys

from conformance.commands.recorded import recorded_target
from conformance.evidence.folder import RunFolder
from conformance.stage import cleanup
from conformance.target_file import load


def run(options: argparse.Namespace) -> int:
    """Revoke leftovers: 0 when nothing is left, 3 when something may be."""
    folder = RunFolder(options.folder)
    path, target = (
        (options.target, load(options.target)) if options.target is not None else recorded_target(folder)
    )
    gone, complaints = asyncio.run(
        cleanup(target, path.resolve().parent, folder, folder.path.name.rpartition("-")[2])
    )
    for name in gone:
        print(f"gone: {name}")
    for complaint in complaints:
        print(f"left: {complaint}", file=sys.stderr)
    print(f"{len(gone)} gone, {len(complaints)} may be left")
    return 3 if complaints else 0
