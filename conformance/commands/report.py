"""`gateproof report`: render what a run recorded."""

import argparse

import msgspec

from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.target_file import OperatorError


def run(options: argparse.Namespace) -> int:
    """Render the report of a run from its results.json."""
    from reports.html import render

    folder = RunFolder(options.folder)
    path = folder.path / "results.json"
    try:
        results = msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError:
        raise OperatorError(
            f"{folder.path} holds no results.json; `gateproof judge` writes one from recorded evidence"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"{path} is not of this version: {trouble}") from None
    print(folder.write_text("report.html", render(results)))
    return 0
