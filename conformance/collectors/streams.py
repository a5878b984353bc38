"""What a surface yields: named streams of bytes, and what could not be read. The scan knows no more of a surface than this.

A kind of surface is one module in `conformance/collectors/kinds`: a function from a declared surface to an iterator of
`Item` and `Missed`. It reads and never writes, holds no more than some pieces at once, and raises nothing: trouble before an
item is opened is a `Missed`, trouble while it is read an `UnreadableError` from its iterator. An item is opened, if at all,
before the next is asked for: what it is read through, such as a connection, may be gone afterwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CHUNK = 1 << 20  # bytes of a piece at most; smaller ones are gathered by whoever scans


def _whole(_offset: int) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to scan. `open` yields its bytes in order; `place` may turn an offset into a row and column.

    `size` and `modified` are what its storage said; an item that is a part or another view of one has size 0.
    The name is scanned too: it may hold content. What `place` says is not, and may not.
    """

    name: str
    open: Callable[[], Iterator[bytes]] = field(repr=False)
    size: int = 0
    modified: float = 0.0
    place: Callable[[int], str] = field(default=_whole, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Something that could not be read, or was left out; not `deciding` where that hides nothing."""

    name: str
    reason: str
    deciding: bool = True


class UnreadableError(Exception):
    """Raised while an item's bytes are read; says why the rest cannot be."""
