"""What people decided beforehand, from the options of a command: waivers, a baseline, and which failures count."""

import argparse
from pathlib import Path

import msgspec

from conformance.catalogue import checks
from conformance.claims.catalogue import claim_ids
from conformance.excuses import fault_in
from conformance.model.dispositions import Dispositions, Earlier
from conformance.model.results import Results
from conformance.target_file import OperatorError
from conformance.waivers import load


def dispositions(options: argparse.Namespace) -> Dispositions | None:
    """What the options say; None where they say nothing. Raises OperatorError."""
    fail_on = tuple(options.fail_on)
    if wrong := fault_in(fail_on, claim_ids()):
        raise OperatorError(f"--fail-on: {wrong}")
    if options.waivers is None and options.baseline is None and not fail_on:
        return None
    known = {check.id for check in checks()}
    return Dispositions(
        waivers=None if options.waivers is None else load(options.waivers, known),
        baseline=None if options.baseline is None else earlier(options.baseline),
        fail_on=fail_on,
    )


def earlier(run: Path) -> Earlier:
    """An earlier run, by its folder, its bundle or its results.json. Raises OperatorError."""
    path = run / "results.json" if run.is_dir() else run
    try:
        results = msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError as trouble:
        raise OperatorError(
            f"{path} cannot be read: {trouble.strerror}; name a run folder, a bundle, or a results.json"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"{path} holds no results of this version: {trouble}") from None
    return Earlier(run=results.run.id, verdicts={check.id: check.verdict for check in results.checks})
