"""The chain: each bundle names the one before it, and the runs in between that were not sealed.

Who repeats a run until it is green leaves a gap that can be counted. The record lies beside the runs, in the hands of
whoever audits: it makes silent omission visible, not impossible; a timestamp or a published digest does the rest.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.evidence.folder import NotARun, RunFolder
from conformance.evidence.writing import recording

_RECORD = "sealed.jsonl"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the same target that was begun since the last bundle."""

    run: str
    started: str
    ended: str  # "conforms", "exit code 1", "interrupted", "not finished"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of those before it: its number, the SHA-256 of its forerunner's manifest ("": none), runs between."""

    number: int
    forerunner: str
    runs: tuple[Run, ...]


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    number: int
    manifest: str
    runs: tuple[str, ...]  # every run folder that was there


@dataclass(frozen=True, slots=True)
class Chain:
    """The bundles made of one target's runs, below one folder of runs."""

    root: Path
    target: str

    def link(self) -> Link:
        """What the next bundle says of those before it."""
        last = self._last()
        known = set(last.runs) if last else set()
        between = [run for path in self._folders() if path.name not in known and (run := self._run(path))]
        return Link(
            number=last.number + 1 if last else 1,
            forerunner=last.manifest if last else "",
            runs=tuple(between),
        )

    def sealed(self, manifest: str) -> None:
        """Note that a bundle was made, by the SHA-256 of its manifest. Raises CannotRecord."""
        last = self._last()
        entry = _Sealed(
            target=self.target,
            number=last.number + 1 if last else 1,
            manifest=manifest,
            runs=tuple(path.name for path in self._folders()),
        )
        path = self.root / _RECORD
        with recording(path), path.open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _last(self) -> _Sealed | None:
        path = self.root / _RECORD
        lines = path.read_bytes().splitlines() if path.exists() else []
        entries = [entry for line in lines if (entry := _read(line)) and entry.target == self.target]
        return entries[-1] if entries else None

    def _folders(self) -> list[Path]:
        return sorted(path.parent for path in self.root.glob("*/evidence") if path.is_dir())

    def _run(self, path: Path) -> Run | None:
        """What became of a run, where it is one of this target."""
        folder = RunFolder(path)
        try:
            declared = msgspec.json.decode((folder.evidence / "Declared.json").read_bytes())
            if declared.get("name") != self.target:
                return None
            record = folder.record()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            return None
        except NotARun:
            return Run(run=path.name, started="", ended="not finished")
        return Run(
            run=path.name, started=record.started, ended=_ended(folder, interrupted=record.interrupted)
        )


def _ended(folder: RunFolder, *, interrupted: bool) -> str:
    if interrupted:
        return "interrupted"
    try:
        results = msgspec.json.decode((folder.path / "results.json").read_bytes())
        return f"exit code {int(results['gate']['exit_code'])}"
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return "not judged"


def _read(line: bytes) -> _Sealed | None:
    try:
        return msgspec.json.decode(line, type=_Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a line cut by a full disk: the chain goes on from the one before
