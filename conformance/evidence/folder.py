"""The run folder: `evidence/` can be sealed and shown, `private/` never leaves the machine."""

import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from conformance.evidence.writing import write_whole
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.run import RunRecord

_Some = TypeVar("_Some", bound=Evidence)
_RECORD = "run.json"


class NotARun(Exception):
    """The folder is not one that an audit wrote, or it is damaged; the message says which."""


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        """Open the run folder at `path`; nothing is read yet."""
        self.path = path
        self.evidence = path / "evidence"
        self.private = path / "private"

    @classmethod
    def create(cls, root: Path, run: str, now: datetime) -> "RunFolder":
        """Make a new run folder below `root`. Raises OSError where that cannot be written."""
        folder = cls(root / f"{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{run}")
        folder.evidence.mkdir(parents=True)
        folder.private.mkdir(mode=0o700)
        return folder

    def write(self, name: str, found: Evidence | Unobserved) -> None:
        """Record what an observation brought back, under the name of its evidence type."""
        self._write(self.evidence / f"{name}.json", found)

    def read(self, kind: type[_Some]) -> _Some | Unobserved | None:
        """What was recorded for an evidence type; None where nothing was.

        Raises NotARun where the record does not have the form that this version writes.
        """
        path = self.evidence / f"{kind.__name__}.json"
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind | Unobserved)
        except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
            raise NotARun(
                f"{path} is not evidence of this version: {trouble}; judge it with the version that {_RECORD} names as `suite`"
            ) from None

    def finish(self, record: RunRecord) -> None:
        """Write the record that closes the run."""
        self._write(self.evidence / _RECORD, record)

    def record(self) -> RunRecord:
        """The record of the run. Raises NotARun where there is none."""
        path = self.evidence / _RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=RunRecord)
        except OSError:
            raise NotARun(
                f"{self.path} is not a finished run: there is no {path.name} in its evidence; name one run folder"
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
            raise NotARun(f"{path} is not a run record of this version: {trouble}") from None

    def digest(self, name: str) -> str | None:
        """SHA-256 of a recorded piece of evidence, in hexadecimal; None where there is none."""
        path = self.evidence / f"{name}.json"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    def keep_private(self, name: str, content: bytes) -> Path:
        """Write a file that only the owner can read and that never enters a bundle."""
        path = self.private / name
        write_whole(path, content, 0o600)
        return path

    def forget(self) -> int:
        """Destroy the private half; the number of files there were. What file systems keep of deleted files is theirs."""
        files = (
            [path for path in self.private.rglob("*") if path.is_file() and not path.is_symlink()]
            if self.private.exists()
            else []
        )
        for path in files:
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.write(b"\0" * size)
                file.flush()
                os.fsync(file.fileno())
        shutil.rmtree(self.private, ignore_errors=True)
        return len(files)

    def write_text(self, name: str, text: str) -> Path:
        """Write a rendering beside the evidence."""
        path = self.path / name
        write_whole(path, text.encode())
        return path

    @staticmethod
    def _write(path: Path, value: msgspec.Struct) -> None:
        write_whole(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
