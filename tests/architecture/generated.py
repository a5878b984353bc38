"""The generated files: `python -m tests.architecture.generated` says whether they are current, `--write` makes them so."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.model.results import json_schema
from tests.architecture.repository import ROOT
from tests.architecture.target_page import target_page


def generated() -> dict[str, str]:
    """Every generated file: its path below the root, and the text that it should have."""
    return {"TARGET.md": target_page(), "conformance/results.schema.json": json_schema().decode()}


def stale(root: Path = ROOT) -> dict[str, str]:
    """What differs: a unified diff by path, empty where everything is current."""
    diffs = {path: _diff(root / path, text) for path, text in generated().items()}
    return {path: diff for path, diff in diffs.items() if diff}


def write(root: Path = ROOT) -> None:
    """Bring every generated file up to date."""
    for path, text in generated().items():
        (root / path).write_text(text, encoding="utf-8")


def _diff(path: Path, wanted: str) -> str:
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(
        there.splitlines(keepends=True), wanted.splitlines(keepends=True), f"{path.name}", "generated"
    )
    return "".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Write, or compare: 0 where every file is current, 1 where one is not."""
    if list(arguments) == ["--write"]:
        write()
        return 0
    if arguments:
        print("usage: python -m tests.architecture.generated [--write]", file=sys.stderr)
        return 2
    diffs = stale()
    sys.stdout.writelines(diffs.values())
    return 1 if diffs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
