"""Disturbed audits in number: `python -m tests.faults.campaign N --seed S`.

Each trial audits a gateway drawn by chance under a disturbance drawn by chance, and compares it with the undisturbed audit of
the same gateway. Every draw follows from the seed and the trial's number, so that `--only` repeats one trial.
"""

import argparse
import random
import shlex
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import indent

from tests.faults.disturbances import CLASSES, Disturbance, drawn
from tests.faults.trial import UNDISTURBED, Outcome, attempt, compare, either
from tests.twins.arena import HostTrouble
from tests.twins.registry import Entry, entries

SAMPLE = 3
_NOT_HELD = Outcome(code=-1, claims={}, checks={}, seconds=0.0, said="", complaints=())


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance gave a trial."""

    entry: Entry
    disturbance: Disturbance
    seed: int


def draw(seed: int, number: int, gateways: Sequence[Entry], classes: Sequence[str]) -> Draw:
    """The gateway and the disturbance of one trial: a good gateway every other time, else one with a flaw."""
    source = random.Random(f"{seed}:{number}")
    good = [entry for entry in gateways if entry.kind == "conformant"]
    flawed = [entry for entry in gateways if entry.kind == "flawed"]
    entry = source.choice(source.choice([group for group in (good, flawed) if group]))
    return Draw(entry, drawn(source.choice(classes), source), source.getrandbits(31))


class Campaign:
    """Trials that share their undisturbed audits."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        """Work below `folder`; `options` are given to every audit."""
        self._folder = folder
        self._options = tuple(options)
        self._undisturbed = cache(self._audit_undisturbed)
        self._entries: dict[str, Entry] = {}

    def hold(self, lot: Draw) -> tuple[Outcome, tuple[str, ...]]:
        """One trial: its outcome, and everything that is wrong with it."""
        self._entries[lot.entry.id()] = lot.entry
        calm = self._undisturbed(lot.entry.id())
        outcome = attempt(
            lot.entry,
            self._new_folder(),
            lot.disturbance,
            seed=lot.seed,
            expected=calm.seconds,
            options=self._options,
        )
        better = compare(outcome, calm)
        if better:
            better = compare(outcome, either(calm, self._audit_undisturbed(lot.entry.id())))
        return outcome, (*calm.complaints, *outcome.complaints, *better)

    def _audit_undisturbed(self, identity: str) -> Outcome:
        return attempt(
            self._entries[identity],
            self._new_folder(),
            UNDISTURBED,
            seed=1,
            expected=0.0,
            options=self._options,
        )

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; 1 where anything was wrong."""
    options = _options(arguments)
    gateways = [
        e for e in entries() if e.kind != "broken" and (not options.gateway or e.id() in options.gateway)
    ]
    classes = options.disturbance or list(CLASSES)
    numbers = [options.only] if options.only is not None else range(1, options.trials + 1)
    wrong = 0
    with _place(options.keep) as folder:
        campaign = Campaign(Path(folder), ["--sample", str(SAMPLE)])
        for number in numbers:
            lot = draw(options.seed, number, gateways, classes)
            try:
                outcome, complaints = campaign.hold(lot)
            except (
                HostTrouble
            ) as trouble:  # of the twin or of ours: nothing was found out, and the others go on
                outcome, complaints = _NOT_HELD, (" ".join(str(trouble).split()),)
            wrong += bool(complaints)
            _tell(number, lot, outcome, complaints, options)
    print(f"{len(numbers)} disturbed audits, seed {options.seed}: {wrong} with something wrong")
    return 1 if wrong else 0


def _tell(
    number: int, lot: Draw, outcome: Outcome, complaints: Sequence[str], options: argparse.Namespace
) -> None:
    mark = "✗" if complaints else "✓"
    print(
        f"{mark} {number:3} {lot.entry.id():40} exit {outcome.code:>3} {len(outcome.passes()):2} pass "
        f"{outcome.seconds:5.1f} s  {lot.disturbance}",
        flush=True,
    )
    for complaint in complaints:
        print(f"      {complaint}")
    if complaints:
        again = ["python", "-m", "tests.faults.campaign", "--seed", str(options.seed), "--only", str(number)]
        again += [part for name in options.gateway for part in ("--gateway", name)]
        again += [part for name in options.disturbance for part in ("--disturbance", name)]
        print(f"      repeat: {shlex.join(again)}")
        print(indent(outcome.said[-1500:], "      | "), flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("trials", nargs="?", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="repeat one trial")
    parser.add_argument(
        "--gateway", action="append", default=[], metavar="HOST-NAME", help="draw from these only"
    )
    parser.add_argument("--disturbance", action="append", default=[], choices=list(CLASSES), help="likewise")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep every run in a folder that exists")
    return parser.parse_args(arguments)


def _place(keep: Path | None) -> AbstractContextManager[str]:
    return nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="gateproof-faults-")


if __name__ == "__main__":
    sys.exit(main())
