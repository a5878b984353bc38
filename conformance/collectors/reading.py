"""Reading surfaces: each kind is a function from a declared surface to the items that lie in it."""

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from conformance.collectors import kinds
from conformance.collectors.streams import CHUNK, Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface

__all__ = [
    "CHUNK", "Accounted", "Allowance", "Item", "Missed", "UnreadableError", "accounted", "kinds_entered", "measure",
    "read_surface", "settle", "surface_kind",
]  # fmt: skip

Read = Callable[[Surface, Path, tuple[Path, ...]], Iterator[Item | Missed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounted:
    """What a declared surface accounts for of all that a gateway may write to or talk to on this machine.

    `holds` says of a path whether it lies in the surface; `peers` are (host, port), or (path, 0) of a Unix socket; `output`
    says that what processes print ends there.
    """

    holds: Callable[[Path], bool] = lambda _path: False
    peers: tuple[tuple[str, int], ...] = ()
    output: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    read: Read
    accounts: Callable[[Surface, Path], Accounted]
    measure: Callable[[Surface, Path], SurfaceSize] | None


_kinds: dict[str, _Kind] = {}


def surface_kind(
    name: str,
    *,
    accounts: Callable[[Surface, Path], Accounted] = lambda _surface, _base: Accounted(),
    measure: Callable[[Surface, Path], SurfaceSize] | None = None,
) -> Callable[[Read], Read]:
    """Enter a reader under the kind by which target files name it.

    `accounts` says what a surface accounts for, `measure` how large it is, where that is cheaper to learn than by listing it.
    """

    def enter(read: Read) -> Read:
        if name in _kinds:
            raise ValueError(f"two readers are called {name}")
        _kinds[name] = _Kind(read=read, accounts=accounts, measure=measure)
        return read

    return enter


def kinds_entered() -> tuple[str, ...]:
    """The kinds that can be read, in alphabetical order."""
    _load()
    return tuple(sorted(_kinds))


def read_surface(surface: Surface, base: Path, skip: tuple[Path, ...] = ()) -> Iterator[Item | Missed]:
    """All that lies in a surface, but for what is below `skip`, as far as its limits go. Relative locators begin at `base`."""
    _load()
    kind = _kinds.get(surface.kind)
    if kind is None:
        yield Missed(name=surface.locator, reason=f"surfaces of kind '{surface.kind}' cannot be read here")
        return
    if surface.follow:
        yield Missed(
            name=surface.locator, reason="it never ends: it is followed while canaries pass, and not read"
        )
        return
    yield from Allowance(surface).within(kind.read(surface, base, tuple(path.resolve() for path in skip)))


def accounted(surface: Surface, base: Path) -> Accounted:
    """What a surface accounts for."""
    _load()
    kind = _kinds.get(surface.kind)
    return kind.accounts(surface, base) if kind is not None else Accounted()


def measure(surface: Surface, base: Path) -> SurfaceSize:
    """How large a surface is now, without reading it."""
    _load()
    kind = _kinds.get(surface.kind)
    if kind is not None and kind.measure is not None:
        return kind.measure(surface, base)
    items = [item for item in read_surface(surface, base) if isinstance(item, Item) and item.modified]
    return SurfaceSize(
        bytes=sum(item.size for item in items),
        items=len(items),
        newest=max((item.modified for item in items), default=0.0),
    )


def settle(measured: Callable[[], object], *, still: float = 0.5, most: float = 5.0) -> bool:
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


class Allowance:
    """What may still be read of a surface. Whatever goes beyond becomes a gap that says so."""

    def __init__(self, surface: Surface) -> None:
        """All that the surface's limits allow; the time runs from now on."""
        self._left = surface.most_bytes
        self._until = time.monotonic() + surface.most_seconds
        self._name = surface.locator
        self._time_limit = f"`most_seconds` of the surface, {surface.most_seconds:g}, were over"
        self._byte_limit = f"`most_bytes` of the surface, {surface.most_bytes:,}, were reached"

    def within(self, found: Iterable[Item | Missed]) -> Iterator[Item | Missed]:
        """What was found, read as far as the allowance goes."""
        for one in found:
            if self._time_is_over():
                yield Missed(name=self._name, reason=f"what is left was not listed: {self._time_limit}")
                return
            yield self._metered(one) if isinstance(one, Item) else one

    def _time_is_over(self) -> bool:
        return time.monotonic() > self._until

    def _metered(self, item: Item) -> Item:
        def chunks() -> Iterator[bytes]:
            for chunk in item.open():
                if self._time_is_over():
                    raise UnreadableError(f"not read to its end: {self._time_limit}")
                yield chunk[: self._left]
                self._left -= len(chunk)
                if self._left < 0:
                    self._left = 0
                    raise UnreadableError(f"not read to its end: {self._byte_limit}")

        return replace(item, open=chunks)


@cache
def _load() -> None:
    for name in ("files", "sqlite"):
        importlib.import_module(f"conformance.collectors.{name}")
    for module in pkgutil.iter_modules(kinds.__path__):
        importlib.import_module(f"{kinds.__name__}.{module.name}")
