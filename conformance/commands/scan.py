"""`gateproof scan`: archived surfaces searched for the canaries of a run, long after it or on another machine."""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from conformance.collectors.archived import Archived, FileSource, archived
from conformance.collectors.streams import Missed, UnreadableError
from conformance.commands.private_half import kept, restored_mint
from conformance.commands.scan_journal import Journal
from conformance.commands.scan_shown import Advance, progress, show
from conformance.evidence.folder import RunFolder
from conformance.evidence.writing import CannotRecord
from conformance.model.archive import ArchiveScan, PromptSent, ScannedItem
from conformance.model.storage import Sighting
from conformance.scan.engine import Engine, Found, canary_engine
from conformance.scan.engines.choice import NoEngineError
from conformance.scan.fingerprints import searched_for
from conformance.scan.proof import unseen
from conformance.scan.tally import Tally
from conformance.target_file import OperatorError

_LISTED = 1000  # sightings of one file


def run(options: argparse.Namespace) -> int:
    """Scan files and folders; the value is the exit code."""
    try:
        return _run(options)
    except (OperatorError, CannotRecord, BrokenPipeError):
        raise  # the command line knows them
    except Exception as bug:  # noqa: BLE001 - the top of the command: exit code 1 means that content was found, so no fault may end in it
        print(f"gateproof: a fault of the suite: {type(bug).__name__}: {bug}", file=sys.stderr)
        return 4


def _run(options: argparse.Namespace) -> int:
    folder, paths = RunFolder(options.run), tuple(_resolved(path) for path in options.paths)
    scan = _Scan(folder, paths, deep=not options.quick, threads=options.threads)
    began = time.monotonic()
    quiet = options.quiet or options.json
    with progress(scan.size() if not quiet and sys.stderr.isatty() else 0, quiet=quiet) as advance:
        done = scan.done(advance)
    return show(done, time.monotonic() - began, as_json=options.json, quiet=options.quiet)


def _resolved(path: Path) -> Path:
    if not path.exists():
        raise OperatorError(f"{path} is not there; name files or folders")
    return path.resolve()


class _Scan:
    """Paths to be scanned for the canaries of one run."""

    def __init__(self, folder: RunFolder, paths: tuple[Path, ...], *, deep: bool, threads: int) -> None:
        self._folder = folder
        self._paths = paths
        self._mint = restored_mint(folder)
        self._prompts = searched_for(kept(folder, "prompts.json", PromptSent))
        self._engine = self._proven(deep=deep, threads=threads)
        about = (
            *map(str, paths),
            f"deep {deep}",
            f"{len(self._mint.issued)} canaries, {len(self._prompts)} prompts",
        )
        self._journal = Journal(folder.private, about)
        self._tally = Tally()
        self._sightings: list[Sighting] = []
        self._total = self._resumed = self._controls = 0

    def size(self) -> int:
        """Bytes that there are to read."""
        return sum(found.size for _, found in self._files() if isinstance(found, Archived))

    def done(self, advance: Advance) -> ArchiveScan:
        """Scan everything, but for what an interrupted scan has left in its journal."""
        for root, found in self._files():
            if isinstance(found, Missed):
                (self._tally.lost if found.deciding else self._left_out)(found.name, found.reason)
                continue
            before = self._journal.find(found.identity)
            if before is None:
                self._journal.add(item := self._item(root, found, advance))
            else:
                self._resumed += 1
                advance(found.size)
                item = before
            self._take(item)
        self._journal.end()
        return self._outcome()

    def _files(self) -> Iterator[tuple[Path, Archived | Missed]]:
        own = self._folder.path.resolve()
        for path in self._paths:
            yield from ((path, found) for found in archived(path, own))

    def _item(self, root: Path, file: Archived, advance: Advance) -> ScannedItem:
        """Scan a file's name, then its bytes. A name that holds something is not repeated."""
        look = _Look(str(root), str(file.path))
        self._engine.scan([look.item.encode(errors="surrogateescape")], look.in_name, Tally())
        source = FileSource(file.path, advance)
        try:
            with source:
                self._engine.scan(source, look.in_bytes, look.tally, look.item)
        except UnreadableError as error:
            look.tally.lost(look.item, str(error), unread=max(0, file.size - source.read))
        return ScannedItem(
            identity=file.identity,
            coverage=look.tally.coverage(),
            sightings=tuple(look.sightings[:_LISTED]),
            sightings_total=len(look.sightings),
            controls=look.controls,
        )

    def _take(self, item: ScannedItem) -> None:
        self._tally.merge(item.coverage)
        self._sightings += item.sightings
        self._total += item.sightings_total
        self._controls += item.controls

    def _left_out(self, item: str, reason: str) -> None:
        self._tally.gap(item, reason, deciding=False)

    def _outcome(self) -> ArchiveScan:
        return ArchiveScan(
            run=self._folder.path.resolve().name.rpartition("-")[2],
            scanned=datetime.now(UTC).isoformat(timespec="seconds"),
            paths=tuple(map(str, self._paths)),
            engine=self._engine.record(),
            deep=self._engine.deep,
            searched=len(self._mint.issued),
            prompts=len(self._prompts),
            resumed=self._resumed,
            coverage=self._tally.coverage(),
            sightings=tuple(self._sightings),
            sightings_total=self._total,
            controls=self._controls,
        )

    def _proven(self, *, deep: bool, threads: int) -> Engine:
        """The engine for the canaries of the run, once it has shown that it sees. Raises NoEngineError."""
        engine = canary_engine(self._mint, prompts=self._prompts)
        engine = replace(engine, deep=deep, threads=threads)
        if blind := unseen(engine, self._mint.control(0)):
            raise NoEngineError(f"the scan does not see atoms hidden by {', '.join(blind)}")
        return engine


@dataclass(slots=True)
class _Look:
    """What is seen of one file."""

    surface: str
    item: str
    tally: Tally = field(default_factory=Tally)
    sightings: list[Sighting] = field(default_factory=list)
    controls: int = 0  # what the suite planted itself

    def in_name(self, found: Found) -> None:
        """The name holds something."""
        self.item = f"(a file whose name, of {len(Path(self.item).name)} characters, was found)"
        self._add(found, f"{self.item} (name)")

    def in_bytes(self, found: Found) -> None:
        """The file does."""
        self._add(found, self.item)

    def _add(self, found: Found, item: str) -> None:
        sighting = found.sighted(self.surface, item)
        if sighting.is_control():
            self.controls += 1
        else:
            self.sightings.append(sighting)
