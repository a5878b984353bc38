"""The `hyperscan` package from PyPI (MIT; it brings Vectorscan, BSD): for machines without libhs."""

import importlib
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from conformance.scan.engines.expressions import DOTALL, expression, features
from conformance.scan.engines.interface import Engine, FloodedError, Hits


def wheel() -> Engine | None:
    """The package, or None where it is not installed or cannot be loaded."""
    try:
        hyperscan = importlib.import_module("hyperscan")
    except ImportError:
        return None
    info = _Database(hyperscan, (b"told",)).info()
    told = f"{version('hyperscan')} {features(info)}".strip()
    return Engine(
        name="hyperscan wheel", version=told, compile=lambda patterns: _Database(hyperscan, patterns)
    )


class _Database:
    """A compiled database, and the scratch memory of each thread that scans with it."""

    def __init__(self, hyperscan: Any, patterns: Sequence[bytes]) -> None:
        self._terminated = hyperscan.ScanTerminated
        self._new_scratch = hyperscan.Scratch
        self._threads = threading.local()
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[expression(pattern) for pattern in patterns],
            ids=list(range(len(patterns))),
            flags=[DOTALL] * len(patterns),
        )

    def info(self) -> bytes:
        """What the library says of the database."""
        told = self._database.info()
        return told if isinstance(told, bytes) else str(told).encode()

    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        """Every match, overlapping ones too."""
        hits: Hits = []

        def found(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            hits.append((number, end))
            return len(hits) > most or None

        try:
            self._database.scan(data, match_event_handler=found, scratch=self._scratch())
        except self._terminated:
            raise FloodedError from None
        return hits

    def _scratch(self) -> Any:
        if not hasattr(self._threads, "scratch"):
            self._threads.scratch = self._new_scratch(self._database)
        return self._threads.scratch
