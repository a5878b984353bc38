"""`gateproof report`: render what a run recorded."""

import argparse
from pathlib import Path

import msgspec

from conformance.commands.recorded import recorded_results, recorded_target
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.target_file import OperatorError
from conformance.toml_lines import line_of


def run(options: argparse.Namespace) -> int:
    """Render a run from its results.json, in every format asked for, beside its evidence."""
    from reports.formats import FORMATS

    folder = RunFolder(options.folder)
    results = _placed(recorded_results(folder), folder)
    chosen = options.format or ["html"]
    for name in FORMATS if "all" in chosen else dict.fromkeys(chosen):
        print(folder.write_text(FORMATS[name].file, FORMATS[name].render(results)))
    return 0


def _placed(results: Results, folder: RunFolder) -> Results:
    """The results, with the target file where it stands now and the line that names the target.

    Where the run's private half or the file is gone, or lies outside the working directory, only its name is known.
    """
    try:
        path = recorded_target(folder)[0].resolve()
        place = path.relative_to(Path.cwd())
        line = line_of(path.read_text(encoding="utf-8"), ("name",)) or 1
    except (OperatorError, OSError, ValueError):
        return results
    run = msgspec.structs.replace(results.run, target_file=place.as_posix(), target_line=line)
    return msgspec.structs.replace(results, run=run)
