"""What a server costs the machine, all its processes together, by the kernel's account."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: what has been on a core, to the nanosecond
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of 10^6 bytes. Pages that processes share count in `rss` once for each of them, in `pss` once.

    `pss` is None where the kernel shows the mappings of undumpable processes to nobody but root.
    """

    rss: float
    pss: float | None


def cores_apart() -> tuple[frozenset[int], frozenset[int]]:
    """One core for the server that is measured, the others for its callers and its provider.

    On the same core, or moving between them, each would change what the other's work costs. With a single
    core both sets are that one.
    """
    cores = sorted(os.sched_getaffinity(0))
    return frozenset(cores[:1]), frozenset(cores[1:] or cores)


@contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """This thread, and the processes that it starts in the block, run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(server: int) -> float:
    """User and system time, so far, of the process and of all that descend from it.

    From the kernel's clock of each process, clock_getcpuclockid(3), of which utime and stime in proc(5) are
    copies rounded to hundredths of a second.
    """
    return sum(time.clock_gettime(~process << 3 | _CPUCLOCK_SCHED) for process in _tree(server))


def memory(server: int) -> Memory:
    """What the process and all that descend from it have in memory."""
    processes = _tree(server)
    try:
        pss = sum(_kib(process, "smaps_rollup", "Pss:") for process in processes) * _KIB / 1e6
    except PermissionError:
        pss = None
    return Memory(sum(_kib(process, "status", "VmRSS:") for process in processes) * _KIB / 1e6, pss)


def _tree(root: int) -> list[int]:
    """A process and its descendants, each behind its parent."""
    parents = dict(_parents())
    found = [root]
    for process in found:
        found += (child for child, parent in parents.items() if parent == process)
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Every process with its parent, which in its stat is the second field behind the command's name."""
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            try:
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue


def _kib(process: int, file: str, label: str) -> int:
    for line in (_PROC / str(process) / file).read_text().splitlines():
        if line.startswith(label):
            return int(line.split()[1])
    return 0
