"""A source tree and everything that its git history holds, as bytes with a name."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MOST = 1 << 26  # bytes of one file
_GIT = ("git", "--no-optional-locks", "--no-pager")


class NoHistory(Exception):
    """What should be a git repository cannot be read as one."""


@dataclass(slots=True)
class SourceTree:
    """Files below a folder, and the blobs of its repository, unreachable ones included. `skipped` was not read, and why."""

    root: Path
    skipped: list[str] = field(default_factory=list)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What lies there now. Symbolic links are not followed."""
        if self.root.is_file():
            yield from self._file(self.root, self.root.name)
            return
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(names):
                path = Path(folder) / name
                yield from self._file(path, str(path.relative_to(self.root)))

    def history(self) -> Iterator[tuple[str, bytes]]:
        """Every blob, commit and tag as `kind id`, from packs and loose objects; nothing where the tree is no repository.

        Raises NoHistory where git is missing or cannot read it.
        """
        if not (self.root / ".git").exists():
            return
        listed = self._git("cat-file", "--batch-check", "--batch-all-objects", "--unordered")
        with self._reader() as git:
            for line in listed.decode().splitlines():
                name, kind, size = line.split()
                if kind == "blob" and int(size) > _MOST:
                    self.skipped.append(f"blob {name[:12]}: larger than {_MOST:,} bytes")
                elif kind in {"blob", "commit", "tag"}:
                    yield f"{kind} {name}", _object(git, name)

    def where(self, blob: str) -> str:
        """A commit and path at which a blob stood; its id alone where no branch or tag leads there."""
        told = self._git("log", "--all", "--format=%h", "--name-only", "-1", "--find-object", blob).decode()
        lines = [line for line in told.splitlines() if line]
        return f"commit {lines[0]}, {lines[1]}" if len(lines) > 1 else f"blob {blob[:12]}, in no branch"

    def _file(self, path: Path, name: str) -> Iterator[tuple[str, bytes]]:
        if path.is_symlink() or not path.is_file():
            return
        try:
            if path.stat().st_size > _MOST:
                self.skipped.append(f"{name}: larger than {_MOST:,} bytes")
                return
            yield name, path.read_bytes()
        except OSError as trouble:
            self.skipped.append(f"{name}: {trouble.strerror or trouble}")

    def _reader(self) -> "subprocess.Popen[bytes]":
        """One process that gives objects by their names."""
        return subprocess.Popen(
            [*_GIT, "-C", str(self.root), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _git(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                [*_GIT, "-C", str(self.root), *arguments],
                capture_output=True,
                check=True,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.CalledProcessError):
            raise NoHistory(f"git cannot read the history of {self.root}") from None
        return done.stdout


def _object(git: "subprocess.Popen[bytes]", name: str) -> bytes:
    """An object's bytes. Raises NoHistory."""
    assert git.stdin is not None and git.stdout is not None  # noqa: S101, PT018 - both are pipes
    try:
        git.stdin.write(name.encode() + b"\n")
        git.stdin.flush()
        _, _, size = git.stdout.readline().split()
        data = git.stdout.read(int(size))
        git.stdout.read(1)
    except (OSError, ValueError):
        raise NoHistory(f"git did not give object {name[:12]}") from None
    return data
