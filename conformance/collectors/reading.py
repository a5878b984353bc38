"""Reading surfaces: each kind is a function from a declared surface to the items that lie in it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.model.storage import SurfaceSize
from conformance.target import Surface

CHUNK = 1 << 20


def _whole(_offset: int) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to scan. `open` yields its bytes in order; `place` may turn an offset into a row and column.

    `size` and `modified` are what its storage said; an item that is a part or another view of one has size 0.
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


Read = Callable[[Surface, Path, tuple[Path, ...]], Iterator[Item | Missed]]
_kinds: dict[str, Read] = {}


def surface_kind(name: str) -> Callable[[Read], Read]:
    """Enter a reader under the kind by which target files name it."""

    def enter(read: Read) -> Read:
        if name in _kinds:
            raise ValueError(f"two readers are called {name}")
        _kinds[name] = read
        return read

    return enter


def read_surface(surface: Surface, base: Path, skip: tuple[Path, ...] = ()) -> Iterator[Item | Missed]:
    """All that lies in a surface, but for what is below `skip`. Relative locators begin at `base`."""
    read = _kinds.get(surface.kind)
    if read is None:
        yield Missed(name=surface.locator, reason=f"surfaces of kind '{surface.kind}' cannot be read here")
        return
    yield from read(surface, base, tuple(path.resolve() for path in skip))


def measure(surface: Surface, base: Path) -> SurfaceSize:
    """How large a surface is now, without reading it."""
    items = [item for item in read_surface(surface, base) if isinstance(item, Item) and item.modified]
    return SurfaceSize(
        bytes=sum(item.size for item in items),
        items=len(items),
        newest=max((item.modified for item in items), default=0.0),
    )


def settle(measured: Callable[[], SurfaceSize], *, still: float = 0.5, most: float = 5.0) -> bool:
    """Wait, `most` seconds at most, until two measurements `still` seconds apart agree; whether they did."""
    end = time.monotonic() + most
    size = measured()
    while time.monotonic() + still <= end:
        time.sleep(still)
        now = measured()
        if now == size:
            return True
        size = now
    return False
