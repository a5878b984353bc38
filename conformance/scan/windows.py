"""Windows over the bytes of an item, in page-aligned memory, searched by other threads while the last one is looked at.

Some kernels copy several times slower to where no page begins, as in `bytes`. Files are not mapped: that was measured to
cost as much as reading them, and a file that is cut short meanwhile would end us by a signal.
"""

import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

CHUNK = 1 << 20  # bytes that a window adds
_LARGE = 1 << 22  # the same with several threads: waking one costs as much as searching 100 kB
TAIL = 1 << 14  # bytes of the window before that it repeats: whole pages

_Looked = TypeVar("_Looked")
_Laid = tuple[memoryview, int, int, bool]


@runtime_checkable
class Source(Protocol):
    """Something whose bytes are read into memory of ours."""

    def read_into(self, view: memoryview) -> int:
        """Fill the view as far as there is something; how many bytes that was, 0 at the end."""


@dataclass(frozen=True, slots=True)
class Window(Generic[_Looked]):
    """A part of an item: the first byte has offset `at`, and those from `fresh` on are new."""

    data: memoryview
    at: int
    fresh: int
    last: bool
    seen: _Looked


class _Pieces:
    """Bytes that somebody else read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read_into(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            part = self._rest[: len(view) - filled]
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = self._rest[len(part) :]
        return filled


def windows(
    source: Source | Iterable[bytes], look: Callable[[memoryview], _Looked], threads: int = 1
) -> Iterator[Window[_Looked]]:
    """All windows in order, with what `look` saw in each. One is valid until the next but one is asked for.

    With more than one thread, so many windows are looked at ahead.
    """
    pieces = source if isinstance(source, Source) else _Pieces(source)
    # No more buffers than are valid at a time: what was read lies the nearer to the processor.
    laid = _laid(pieces, 2, CHUNK) if threads < 2 else _laid(pieces, threads + 2, _LARGE)
    if threads < 2:
        yield from (Window(data, at, fresh, last, look(data)) for data, at, fresh, last in laid)
        return
    first = next(laid)
    if first[3]:
        yield Window(*first, look(first[0]))
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[tuple[_Laid, Future[_Looked]]] = deque([(first, pool.submit(look, first[0]))])
        for one in laid:
            ahead.append((one, pool.submit(look, one[0])))
            if len(ahead) > threads:
                done, seen = ahead.popleft()
                yield Window(*done, seen.result())
        for done, seen in ahead:
            yield Window(*done, seen.result())


def _laid(source: Source, buffers: int, chunk: int) -> Iterator[_Laid]:
    """Windows laid into a ring of buffers, the new bytes at the beginning of a page."""
    tail, at = memoryview(b""), 0
    ring: deque[memoryview] = deque(maxlen=buffers)
    while True:
        buffer = memoryview(mmap.mmap(-1, TAIL + chunk)) if len(ring) < buffers else ring[0]
        ring.append(buffer)
        begin = TAIL - len(tail)
        buffer[begin:TAIL] = tail
        size = _filled(source, buffer[TAIL:])
        data = buffer[begin : TAIL + size]
        yield data, at, len(tail), size < chunk
        if size < chunk:
            return
        tail = data[len(data) - TAIL :]
        at += len(data) - len(tail)


def _filled(source: Source, view: memoryview) -> int:
    filled = 0
    while filled < len(view) and (size := source.read_into(view[filled:])):
        filled += size
    return filled
