"""Showing what a scan found, and how far it is, without what stands around a canary."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from conformance.model.archive import ArchiveScan
from conformance.model.storage import Sighting

_SHOWN = 50  # sightings, and reasons; all of them stand in the JSON
Advance = Callable[[int], object]  # hears of bytes that were read


def show(scan: ArchiveScan, seconds: float, *, as_json: bool, quiet: bool) -> int:
    """Print the outcome; the value is the exit code."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(scan), indent=1).decode() + "\n")
        return scan.exit_code()
    if not quiet:
        for sighting in scan.sightings[:_SHOWN]:
            print(_line(scan.run, sighting))
        if scan.sightings_total > _SHOWN:
            print(f"and {scan.sightings_total - min(_SHOWN, len(scan.sightings)):,} more; --json lists them")
        _print_ledger(scan, seconds)
        for reason in scan.undecided()[:_SHOWN]:
            print(f"undecided: {printable(reason)}", file=sys.stderr)
    print(_last_line(scan))
    return scan.exit_code()


def printable(text: str) -> str:
    """A text of the target's, fit for a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Advance]:
    """A bar with the rate, on a terminal; nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=total or None)
        yield lambda size: bar.advance(task, size)


def _nothing(_size: int) -> None:
    """Nobody watches."""


def _line(run: str, sighting: Sighting) -> str:
    return printable(f"run {run}, {sighting.what()}: {sighting.where()}, as {sighting.how()}")


def _print_ledger(scan: ArchiveScan, seconds: float) -> None:
    coverage = scan.coverage
    decoded = ", ".join(f"{d.bytes:,} by {d.by}" for d in coverage.decoded) or "none"
    rate = coverage.bytes_raw / 1e9 / seconds if seconds else 0.0
    print(
        f"{coverage.items:,} files, {coverage.bytes_raw:,} bytes: {coverage.bytes_plain():,} searched as they lie, "
        f"decoded {decoded}, {coverage.bytes_opaque:,} opaque, {coverage.bytes_unread:,} unread"
    )
    if scan.controls:
        print(f"{scan.controls:,} controls that the audit planted were found, which are no content")
    again = f", {scan.resumed:,} files taken over from an interrupted scan" if scan.resumed else ""
    print(
        f"{scan.searched:,} canaries and the digests of {scan.prompts:,} prompts in {scan.engine.patterns:,} patterns, by "
        f"{scan.engine.name} {scan.engine.version}, {seconds:.1f} s, {rate:.2f} GB/s{again}"
    )


def _last_line(scan: ArchiveScan) -> str:
    if scan.sightings_total:
        items = len({sighting.item for sighting in scan.sightings})
        return f"content of run {scan.run} was found: {scan.sightings_total:,} sightings in {items:,} files"
    if scan.undecided():
        return f"nothing of run {scan.run} was found, but not everything could be looked at"
    return f"nothing of run {scan.run} was found"
