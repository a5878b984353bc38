"""Which twins are held for every change: few, drawn anew for each commit, so that each of them has its turn."""

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from tests.twins.registry import KINDS, Entry

_PLAIN = "as-it-is"
_MORE = 2


def turn() -> int:
    """A number that every commit has of its own; 0 where this is no repository."""
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return int(told.stdout.strip() or "0", 16)


def spread(every: Iterable[Entry], turn: int) -> tuple[Entry, ...]:
    """A choice of twins, by lot; the same turn draws the same lots.

    Every collection, for every further check one that fails it, and every way of being broken, each on one host or the other;
    a few flaws more; of the variants the hosts as they are, and a quarter of the others. What only a full campaign is sure to
    meet, and what a collection stands for, is left to the exam.
    """
    lots = Random(turn)
    held = [entry for entry in every if not (entry.bundled or entry.rare)]
    collections = [entry for entry in held if entry.collection]
    failed = {check for entry in collections for check in entry.fails}
    flawed, variants, broken = (
        [entry for entry in held if entry.kind == kind and not entry.collection] for kind in KINDS
    )
    failing = _each(flawed, lots, lambda entry: entry.fails - failed)
    left = sorted({entry.id() for entry in flawed} - {entry.id() for entry in failing})
    more = set(lots.sample(left, _MORE))
    odd = [entry for entry in variants if entry.name != _PLAIN]
    return (
        *_each(collections, lots, lambda entry: (entry.name,)),
        *failing,
        *(entry for entry in flawed if entry.id() in more),
        *(entry for entry in variants if entry.name == _PLAIN),
        *lots.sample(odd, len(odd) // 4),
        *_each(broken, lots, lambda entry: (entry.name,)),
    )


def _each(candidates: list[Entry], lots: Random, of: Callable[[Entry], Iterable[str]]) -> list[Entry]:
    """For each thing that candidates are of, one of them, unless one that was chosen before is of it too."""
    chosen: list[Entry] = []
    done: set[str] = set()
    things = sorted({thing for candidate in candidates for thing in of(candidate)})
    for thing in lots.sample(things, len(things)):
        if thing not in done:
            chosen.append(lots.choice([candidate for candidate in candidates if thing in of(candidate)]))
            done.update(of(chosen[-1]))
    return chosen
