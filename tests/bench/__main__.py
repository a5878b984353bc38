"""`python -m tests.bench`: make every measurement, write bench.json, print it as a table. A missed target is marked, no fault."""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.bench.measure import Measurement, Result, measurements, table, write

_FILE = Path(__file__).parents[2] / "bench.json"


def run(chosen: Sequence[Measurement], path: Path) -> tuple[Result, ...]:
    """Make the measurements one after another, so that none disturbs another, and write the file."""
    results = []
    for one in chosen:
        print(f"{one.name} …", file=sys.stderr, flush=True)
        result = one.result()
        if result is None:
            print(f"{one.name}: nothing to measure here", file=sys.stderr)
        else:
            results.append(result)
    write(results, path)
    print(table(results))
    return tuple(results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="measure beside peers that need downloads")
    parser.add_argument("--only", metavar="GLOB", default="*", help="measurements whose name matches")
    parser.add_argument("--out", type=Path, default=_FILE, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.peers:
        print("no peers are measured in this version")
        return 0
    run([one for one in measurements() if fnmatch(one.name, options.only)], options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
