"""How fast the scan is, beside ripgrep on the same file, and how well it sees."""

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path

from conformance.canary.mint import ALPHABET, Mint
from conformance.collectors.archived import Archived, FileSource, archived
from conformance.collectors.streams import UnreadableError
from conformance.model.storage import CanaryId
from conformance.scan.engine import Engine, Found, canary_engine
from conformance.scan.engines.choice import choose
from conformance.scan.tally import Tally
from conformance.scan.windows import windows
from tests.bench.corpus import KEY, PLANTED, large, mixed, warm
from tests.bench.measure import NothingHereError, measurement
from tests.scan.matrix import DIGESTS, MATRIX
from tests.scan.searching import KEY as SCANNED
from tests.scan.searching import scan
from tests.scan.texts import prompt

_ROUNDS = 5
_TURNS = 15  # of what is measured by the clock
_LITERALS = 200
_FOREIGN = 2 << 30
# A child's `ru_maxrss` begins with its parent's; this is of its own memory only.
_PEAK = """
import re, sys
from pathlib import Path
from conformance.cli import main
code = main(sys.argv[1:])
print(code, re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""
_SYSTEM = ("/usr", "/opt", "/var/lib")


@measurement(
    "scan.vs_rg",
    unit="times",
    target=0.4,
    better="higher",
    how=f"speed of the marker's forms over 512 MB of mixed data, read and with its ledger, by that of `rg -F` with one pattern "
    f"on the same file; CPU time, warm, median of {_ROUNDS} rounds in turn",
)
def marker_beside_rg() -> float:
    """What `gateproof scan --quick` does with a file."""
    engine = _marker_engine()
    pattern = Mint(KEY).atom("bench", "clear")[:15]
    return _beside_rg(lambda: _scanned(engine), "-e", pattern)


@measurement(
    "scan.literals200_vs_rg",
    unit="times",
    target=8,
    better="higher",
    how=f"speed of {_LITERALS} random literals of 24 letters and digits by that of `rg -F -f` with the same, as above",
)
def literals_beside_rg() -> float:
    """As fingerprints are searched for."""
    source = random.Random(1)
    literals = ["".join(source.choices(ALPHABET, k=24)) for _ in range(_LITERALS)]
    matcher = choose([literal.encode() for literal in literals]).matcher
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(literals) + "\n")
        file.flush()

        def search() -> None:
            with FileSource(large()) as source:
                for _ in windows(source, lambda window: matcher.scan(window, 1 << 16)):
                    pass

        return _beside_rg(search, "-f", file.name)


@measurement(
    "scan.deep_gb_s",
    unit="GB/CPU-s",
    target=0.25,
    better="higher",
    how="128 MB of mixed data (logs, rows, programs, zlib, zstd where installed, random, vectors), everything decoded and "
    "followed, each stream once; one thread, CPU time, warm, median of 3",
)
def deep_speed() -> float:
    """Raw bytes per second of processor time; what is decoded on the way is not counted."""
    path = mixed()
    warm(path)
    engines = [_fresh_engine() for _ in range(3)]
    return statistics.median(
        path.stat().st_size / 1e9 / _cpu(partial(_scanned_deep, e, path)) for e in engines
    )


@measurement(
    "scan.threads2",
    unit="times",
    target=1.5,
    better="higher",
    how=f"wall time of the marker's forms over 512 MB with one thread by that with two; warm, the least disturbed of "
    f"{_TURNS} each, in turn",
)
def two_threads() -> float:
    """On a machine that does something else, the second processor is the other's, and this says little."""
    if (os.cpu_count() or 1) < 2:
        raise NothingHereError("there is one processor only")
    warm(large())
    one = _marker_engine()
    two = replace(one, threads=2)
    turns = [(_wall(partial(_scanned, one)), _wall(partial(_scanned, two))) for _ in range(_TURNS)]
    return min(alone for alone, _ in turns) / min(both for _, both in turns)


@measurement(
    "scan.rss_mb",
    unit="MB",
    target=300,
    better="lower",
    how="most memory of `gateproof scan` over 640 MB of mixed data in two files, everything decoded, two threads",
)
def memory() -> float:
    """Of the whole process, Python included."""
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        run = Path(folder) / "run-bench"
        (run / "private").mkdir(parents=True)
        (run / "private" / "run.key").write_bytes(KEY)
        command = [
            sys.executable,
            "-c",
            _PEAK,
            "scan",
            str(mixed()),
            str(large()),
            "--run",
            str(run),
            "--quiet",
        ]
        process = subprocess.run(command, check=True, capture_output=True, text=True)
        code, peak = process.stderr.split()
        if code != "1":  # it holds canaries
            raise RuntimeError(f"the scan ended with {code}")
        return int(peak) / 1024


@measurement(
    "scan.transformations",
    unit="of 59",
    target=55,
    better="higher",
    how="transformations of a prompt of 300 words with one atom that the scan sees through, with what is installed here",
)
def transformations() -> float:
    """The table is `tests/scan/matrix.py`."""
    mint = Mint(SCANNED)
    text = prompt(mint, 300)
    engine = canary_engine(mint, prompts=[(CanaryId(sequence=0, path="success", field="user", copy=0), text)])
    return float(sum(bool(scan(engine, [write(text)])[0]) for write in (MATRIX | DIGESTS).values()))


@measurement(
    "scan.false_sightings",
    unit="in 2 GiB",
    target=0,
    better="lower",
    how="sightings in 2 GiB of foreign data, everything decoded: the files of this system, then made-up logs full of base32, "
    "base64, hexadecimal and canaries of other runs",
)
def false_sightings() -> float:
    """Parts of markers count, too."""
    engine = canary_engine(Mint(b"a run that nobody has heard of"))
    found: list[Found] = []
    tally = Tally()
    for path in _foreign_files():
        if tally.raw > _FOREIGN // 2:
            break
        with suppress(UnreadableError), FileSource(path) as source:
            engine.scan(source, found.append, tally)
    engine.scan(islice(_foreign_logs(), -(-(_FOREIGN - tally.raw) >> 20)), found.append, tally)
    if tally.raw < _FOREIGN:
        raise NothingHereError("there is too little foreign data")
    return float(len(found))


@cache
def _marker_engine() -> Engine:
    engine = replace(canary_engine(Mint(KEY)), deep=False)
    engine.record()
    return engine


def _scanned(engine: Engine) -> None:
    found: list[Found] = []
    with FileSource(large()) as source:
        engine.scan(source, found.append, Tally())
    if not found:
        raise RuntimeError("the scan missed what was planted")


def _fresh_engine() -> Engine:
    """Compiled, and without memory of any stream."""
    engine = canary_engine(Mint(KEY))
    engine.record()
    return engine


def _scanned_deep(engine: Engine, path: Path) -> None:
    found: list[Found] = []
    with FileSource(path) as source:
        engine.scan(source, found.append, Tally())
    if len({one.canary.sequence for one in found if one.canary}) != PLANTED:
        raise RuntimeError("the scan missed what was planted")


def _beside_rg(search: Callable[[], None], *patterns: str) -> float:
    """Median of rg's CPU time by ours, in turn."""
    rg = shutil.which("rg")
    if rg is None:
        raise NothingHereError("ripgrep is not installed: apt-get install ripgrep")
    path = large()
    warm(path)
    command = [rg, "--no-config", "--text", "--count", "--threads", "1", "-F", *patterns, str(path)]
    search()
    return statistics.median(_cpu_of(command) / _cpu(search) for _ in range(_ROUNDS))


def _cpu_of(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpu(action: Callable[[], None]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def _wall(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _foreign_files() -> Iterator[Path]:
    """Files of the system, no others: what lies in the user's folders may be canaries of real runs."""
    for folder in _SYSTEM:
        for found in archived(Path(folder), Path("/nowhere")):
            if isinstance(found, Archived):
                yield found.path


def _foreign_logs() -> Iterator[bytes]:
    source = random.Random(3)
    other = Mint(b"the key of another run")
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    while True:
        dense = "".join(source.choices(letters, k=1 << 18))
        lines = "".join(f'{{"id":"{source.randbytes(16).hex()}","at":{n}}}\n' for n in range(4000))
        atom = other.text(other.atom("success", "user"))
        yield f"{dense}\n{lines}{atom}\n".encode().ljust(1 << 20, b"\n")[: 1 << 20]
