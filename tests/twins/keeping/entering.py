"""Enters every way, collection, page and trap for a host, given what that host is replaced by to keep or show so."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.twins import registry
from tests.twins.keeping import traps, way
from tests.twins.keeping.pages import Page, counters, pages
from tests.twins.keeping.way import Begin, Way
from tests.twins.keeping.ways import COLLECTIONS, WAYS
from tests.twins.places import ABOUT, OPEN
from tests.twins.registry import Host

# Of each way, so that a host with a hundred of them still keeps up.
_IN_A_COLLECTION = 48


def enter(host: Host, keeping: Callable[[Begin], Any], showing: Callable[[Page], Any], *, state: str) -> None:
    """`keeping` and `showing` make what the host is replaced by; its state lies at `state` below the gateway's folder."""
    for one in WAYS:
        bundled = not one.rare
        _keeps(host, f"keeps-{one.name}", (one,), keeping, state, bundled=bundled, rare=one.rare)
    for name, ways in COLLECTIONS.items():
        _keeps(host, f"keeps-in-all-{name}", ways, keeping, state, most=_IN_A_COLLECTION, collection=True)
    for name, page in pages().items():
        registry.twin(name, host=host, fails={OPEN})(showing(page))
    registry.variant("counters-open-to-all", host=host, about=ABOUT)(showing(counters()))
    for name, begin in traps.TRAPS.items():
        registry.variant(f"writes-{name}", host=host, about=ABOUT, bundled=True)(keeping(begin))
    everything = registry.variant("writes-all-that-is-no-content", host=host, about=ABOUT, collection=True)
    everything(keeping(traps.all_at_once))


def _keeps(
    host: Host,
    name: str,
    ways: tuple[Way, ...],
    keeping: Callable[[Begin], Any],
    state: str,
    most: int = 0,
    **more: Any,
) -> None:
    entered = registry.twin(
        name,
        host=host,
        fails={one.fails for one in ways},
        surfaces=way.surfaces(ways, state),
        sighted=frozenset(one.locator(state) for one in ways),
        config={name: value for one in ways for name, value in one.config.items()},
        inference=tuple(dict.fromkeys(kind for one in ways for kind in one.inference)),
        **more,
    )
    entered(keeping(partial(way.begin, ways, most=most)))
