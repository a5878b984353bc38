"""`gateproof judge`: the same evidence gives the same verdicts, without touching the network."""

import argparse

from conformance.audit import reassess
from conformance.commands.dispositions import dispositions
from conformance.commands.outcome import show
from conformance.evidence.folder import NotARun, RunFolder
from conformance.target_file import OperatorError


def run(options: argparse.Namespace) -> int:
    """Judge a recorded run again."""
    folder = RunFolder(options.folder)
    told = dispositions(options)
    try:
        if told is not None:
            folder.record()  # nothing is written into what is no run
            folder.write("Dispositions", told)
        results = reassess(folder)
    except NotARun as trouble:
        raise OperatorError(str(trouble)) from None
    return show(results, folder, as_json=options.json, quiet=False)
