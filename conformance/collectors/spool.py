"""Where what is followed is kept until it is scanned: a file without a name in the run's private folder, gone with us."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from conformance.collectors.streams import CHUNK


class Spool:
    """Bytes in the order in which they came. One writes, others read what is there by then."""

    def __init__(self, folder: Path, most: int) -> None:
        """An empty spool of at most so many bytes. Raises OSError."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it is open for as long as the audit
        self._most = most
        self.size = 0

    def add(self, data: bytes) -> bool:
        """Keep some bytes; false where there was no room for all of them."""
        kept = data[: self._most - self.size]
        os.pwrite(self._file.fileno(), kept, self.size)
        self.size += len(kept)
        return len(kept) == len(data)

    def chunks(self) -> Iterator[bytes]:
        """What is there now, in pieces."""
        position, end = 0, self.size
        while position < end:
            chunk = os.pread(self._file.fileno(), min(CHUNK, end - position), position)
            position += len(chunk)
            yield chunk

    def close(self) -> None:
        """Let go of it."""
        self._file.close()
