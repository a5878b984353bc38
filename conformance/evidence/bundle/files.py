"""The files of a bundle on disk: plain files in plain folders, read once, in bounded memory."""

import hashlib
import os
import stat
from pathlib import Path

from conformance.evidence.bundle.manifest import Tampered


def tree(root: Path) -> dict[str, Path]:
    """Every file below `root` by its relative path. Raises Tampered for what is neither file nor folder, such as a link.

    A link could point anywhere and be changed without a byte of the bundle changing.
    """
    found: dict[str, Path] = {}
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        for entry in _entries(folder):
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{name}/"))
            elif entry.is_file(follow_symlinks=False):
                found[name] = Path(entry.path)
            else:
                raise Tampered(f"{name!r} is {_kind(entry)}, and a bundle holds files and folders only")
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as trouble:
        raise Tampered(f"{folder} cannot be read: {trouble.strerror}") from None
    return found


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "a symbolic link"
    mode = entry.stat(follow_symlinks=False).st_mode
    return "a named pipe" if stat.S_ISFIFO(mode) else "a special file"


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, streamed. Raises Tampered where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as trouble:
        raise Tampered(f"{path} cannot be read: {trouble.strerror}") from None


def small(path: Path, name: str, most: int = 64 << 20) -> bytes:
    """A whole file of the bundle. Raises Tampered where it is not there, or larger than `most` bytes."""
    try:
        if path.stat().st_size > most:
            raise Tampered(f"{name} is larger than any that is ever sealed")
        return path.read_bytes()
    except OSError as trouble:
        raise Tampered(f"{name} cannot be read: {trouble.strerror}") from None
