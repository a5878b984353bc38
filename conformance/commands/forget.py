"""`gateproof forget`: destroy the private half of a run."""

import argparse

from conformance.evidence.folder import RunFolder
from conformance.evidence.journal import leftovers
from conformance.target_file import OperatorError


def run(options: argparse.Namespace) -> int:
    """Destroy run key, revoked secrets and journal; refused while keys may still be alive."""
    folder = RunFolder(options.folder)
    if not folder.private.is_dir():
        raise OperatorError(f"{folder.path} has no private half: it was forgotten before, or it is not a run")
    alive = leftovers(folder.private / "journal.jsonl")
    if alive:
        raise OperatorError(
            f"{len(alive)} keys of this run may still be alive; run `gateproof cleanup {folder.path}` first"
        )
    print(
        f"{folder.forget()} private files destroyed; surfaces can no longer be searched for this run's canaries"
    )
    return 0
