"""Long runs of base64 or hexadecimal digits, decoded at every phase and scanned again."""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Protocol

from conformance.scan.carve import Outlet
from conformance.scan.views import Alphabet, View, runs

_BETWEEN = b"\0\0"  # keeps the runs of a batch apart


class Host(Protocol):
    """Whoever scans what runs decode to."""

    def branch(self, name: str, offset: int) -> Outlet | None:
        """A place for what a run at an offset decodes to, beside others that are open."""

    def batch(self, name: str, data: bytes, locate: Callable[[int], int]) -> None:
        """Scan the decoded bytes of several runs."""


class RunDecoder:
    """Finds runs of one alphabet in views fed in order. What follows a run's first digits tells no phase,
    so all are tried; a run that touches the end goes on in the next view."""

    def __init__(self, host: Host, alphabet: Alphabet) -> None:
        """Begin with no open run."""
        self._host = host
        self._alphabet = alphabet
        self._open: list[_Phase] = []

    def feed(self, view: View, base: int, *, last: bool) -> None:
        """Decode the runs of a view of the bytes that begin at offset `base`."""
        mask = view.data.translate(self._alphabet.mask)
        position = self._continue(view.data, mask)
        if position == len(mask) and not last:
            return
        self._finish()
        tail = len(mask) if last else mask.rfind(b" ") + 1
        spans = [span for span in runs(mask, self._alphabet.least, position) if span[0] < tail]
        if spans:
            self._batch(view, base, spans)
        if tail < len(mask):
            self._begin(view.data[tail:], base + view.locate(tail))

    def _continue(self, data: bytes, mask: bytes) -> int:
        """Feed the open run; the position behind it."""
        if not self._open:
            return 0
        end = mask.find(b" ")
        end = len(mask) if end < 0 else end
        for phase in self._open:
            phase.feed(data[:end])
        return end

    def _begin(self, digits: bytes, offset: int) -> None:
        for skipped in range(self._alphabet.unit):
            outlet = self._host.branch(self._alphabet.name, offset)
            if outlet is not None:
                self._open.append(_Phase(self._alphabet, skipped, outlet))
                self._open[-1].feed(digits)

    def _finish(self) -> None:
        for phase in self._open:
            phase.close()
        self._open = []

    def _batch(self, view: View, base: int, spans: list[tuple[int, int]]) -> None:
        for phase in range(self._alphabet.unit):
            parts = [self._alphabet.decode(view.data[start + phase : end]) + _BETWEEN for start, end in spans]
            ends = list(accumulate(len(part) for part in parts))

            def locate(position: int, ends: list[int] = ends) -> int:
                run = min(bisect_right(ends, position), len(spans) - 1)
                return base + view.locate(spans[run][0])

            self._host.batch(self._alphabet.name, b"".join(parts), locate)


class _Phase:
    """An open run, read with a number of digits left out at its start."""

    def __init__(self, alphabet: Alphabet, skipped: int, outlet: Outlet) -> None:
        self._alphabet = alphabet
        self._skip = skipped
        self._rest = b""
        self._outlet = outlet

    def feed(self, digits: bytes) -> None:
        """Decode whole units; the rest waits."""
        text = self._rest + digits[self._skip :]
        self._skip = max(0, self._skip - len(digits))
        whole = len(text) // self._alphabet.unit * self._alphabet.unit
        self._rest = text[whole:]
        self._outlet.feed(self._alphabet.decode(text[:whole]))

    def close(self) -> None:
        """Decode the rest."""
        self._outlet.feed(self._alphabet.decode(self._rest))
        self._outlet.close()
