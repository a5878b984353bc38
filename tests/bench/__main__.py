"""`python -m tests.bench`: make every measurement, write bench.json, print it as a table. A missed target is marked, no fault.

With `--races` it measures instead how surely an audit sees a race, for the kill matrix, where every report prints it.
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.bench.measure import Measurement, NothingHereError, Result, measurements, table, write
from tests.bench.spending import races
from tests.twins.matrix import MATRIX, write_races

_FILE = Path(__file__).parents[2] / "bench.json"
_AUDITS = 20  # all of which must catch a race to prove that 86 % do


def run(chosen: Sequence[Measurement], path: Path) -> tuple[Result, ...]:
    """Make the measurements one after another, so that none disturbs another, and write the file."""
    results = []
    for one in chosen:
        print(f"{one.name} …", file=sys.stderr, flush=True)
        try:
            results.append(one.result())
        except NothingHereError as lack:
            print(f"{one.name}: not measured: {lack}", file=sys.stderr)
    write(results, path)
    print(table(results))
    return tuple(results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--peers", action="store_true", help="also beside peers that `make bench` does without"
    )
    parser.add_argument("--only", metavar="GLOB", default="*", help="measurements whose name matches")
    parser.add_argument(
        "--races",
        type=int,
        nargs="?",
        const=_AUDITS,
        metavar="N",
        help=f"measure how surely a race is seen, by N audits of each window ({_AUDITS} if not said), and write the kill matrix",
    )
    parser.add_argument("--out", type=Path, default=_FILE, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.races:
        write_races(races(options.races))
        print(f"written: {MATRIX}")
        return 0
    packages = ("tests.bench", "tests.bench.peers") if options.peers else ("tests.bench",)
    run([one for one in measurements(*packages) if fnmatch(one.name, options.only)], options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
