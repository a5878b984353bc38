"""Writing to the run folder: whole or not at all, and one word for it where that fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotRecord(Exception):
    """The run folder cannot be written, as on a full disk. What it held before is still whole."""


@contextmanager
def recording(path: Path) -> Iterator[None]:
    """Turn an OSError of writing `path` into CannotRecord, so that nobody takes it for trouble of the network."""
    try:
        yield
    except OSError as trouble:
        raise CannotRecord(f"{path} cannot be written: {trouble.strerror or trouble}") from None


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file first whole, then visible: a full disk or a kill leaves the previous state. Raises CannotRecord."""
    partial = path.with_name(f"{path.name}.partial")
    with recording(path):
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
