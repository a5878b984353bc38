"""The journal of a scan: what was finished stands in it, so that an interrupted scan goes on where it was."""

import hashlib
from pathlib import Path

import msgspec

from conformance.evidence.writing import recording
from conformance.model.archive import ScannedItem

Identity = tuple[int, int, int, int]


class Journal:
    """One line per file that was scanned to its end; it goes away with the scan."""

    def __init__(self, folder: Path, about: tuple[str, ...]) -> None:
        """Open the journal of the scan that is `about` these paths and options, where one was interrupted."""
        name = hashlib.sha256("\0".join(about).encode(errors="surrogateescape")).hexdigest()[:16]
        self._path = folder / f"scan-{name}.jsonl"
        self._done = _read(self._path)

    def find(self, identity: Identity) -> ScannedItem | None:
        """What was found in a file that has not changed since."""
        return self._done.get(identity)

    def add(self, item: ScannedItem) -> None:
        """Enter a file. Raises CannotRecord."""
        with recording(self._path), self._path.open("ab") as file:
            file.write(msgspec.json.encode(item) + b"\n")

    def end(self) -> None:
        """The scan is over."""
        self._path.unlink(missing_ok=True)


def _read(path: Path) -> dict[Identity, ScannedItem]:
    done = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            item = msgspec.json.decode(line, type=ScannedItem)
        except msgspec.DecodeError:
            continue  # cut off with the scan, or of another version: that file is scanned again
        done[item.identity] = item
    return done
