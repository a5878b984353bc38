"""The journal: what the audit is about to create, written down and flushed before it is created.

After a SIGKILL at any moment the journal names everything that may be left on the target: an entry without a closing
entry is either a key with known identifiers, or a name that a listing can find. It holds public identifiers and our own
names, never a secret.
"""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from conformance.evidence.writing import recording


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a thing is about to be created (`intend`), exists (`made`, with its identifiers), or is gone (`gone`)."""

    event: Literal["intend", "made", "gone"]
    name: str
    variables: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Leftover:
    """A key that was, or may have been, created and is not known to be gone."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)


class Journal:
    """Appends entries, each on disk before the call returns. Raises CannotRecord where there is no room for one."""

    def __init__(self, path: Path) -> None:
        """Open or continue the journal at `path`; the folder must exist."""
        self.path = path
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with recording(path):
            self._file = path.open("ab", buffering=0)
            path.chmod(0o600)
            if torn and self._file.tell():
                self._file.write(b"\n")  # what a crash cut short must not swallow the next entry

    def intend(self, name: str) -> None:
        """A key of this name is about to be created."""
        self._write(Entry(event="intend", name=name))

    def made(self, name: str, variables: dict[str, str]) -> None:
        """It exists, under these public identifiers."""
        self._write(Entry(event="made", name=name, variables=variables))

    def gone(self, name: str) -> None:
        """It was revoked, or its creation was refused."""
        self._write(Entry(event="gone", name=name))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, entry: Entry) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        with recording(self.path):
            end = self._file.seek(0, os.SEEK_END)
            try:
                self._append(line)
            except OSError:
                self._file.truncate(end)  # the next entry must not follow upon half an entry
                raise

    def _append(self, line: bytes) -> None:
        if self._file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._file.fileno())


def leftovers(path: Path) -> tuple[Leftover, ...]:
    """What the journal at `path` leaves open, oldest first. A last line cut short by a crash is passed over: it was not flushed,
    so nothing followed it.
    """
    entries = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    there: dict[str, Leftover] = {}
    for entry in entries:
        if entry.event == "gone":
            there.pop(entry.name, None)
        else:
            there[entry.name] = Leftover(name=entry.name, variables=entry.variables)
    return tuple(there.values())
