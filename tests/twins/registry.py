"""The list of twins. One decorator enters one: what it is called, on which host it stands, which checks it must fail.

    @twin("hsts-missing", host="reference", fails={"transport.hsts-on-every-answer"})
    def hsts_missing(parts: Parts) -> Parts:
        return replace(parts, response_headers=())

That is all there is to do: the test, the exam and the kill matrix find it here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, TypeVar

Host = Literal["reference", "second"]
Kind = Literal["flawed", "conformant", "broken"]
_Made = TypeVar("_Made")
# Modules by the host whose process needs them; importing no more keeps the start of a twin short.
_MODULES: Mapping[str, tuple[str, ...]] = {
    "reference": ("reference_twins", "reference_variants", "reference_places"),
    "second": ("second_twins", "second_variants", "second_places"),
    "broken": ("broken",),
}
_KINDS: tuple[Kind, ...] = ("flawed", "conformant", "broken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One gateway to be audited.

    `make` is what its host replaces: a `Change` of the reference gateway, a class of the second gateway, or for
    a broken target the `Breakage` that stands before it. `claims`, `dialect`, `limits` and further `surfaces` go into the target
    file, `config` into the second gateway's own configuration.
    """

    name: str
    host: Host
    kind: Kind
    make: Any = field(repr=False)
    fails: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict)
    dialect: str = ""
    limits: Mapping[str, object] = field(default_factory=dict)
    surfaces: str = ""
    config: Mapping[str, object] = field(default_factory=dict)

    def id(self) -> str:
        """Host and name, unique."""
        return f"{self.host}-{self.name}"


_entries: dict[str, Entry] = {}


def twin(name: str, *, host: Host, fails: Iterable[str], **more: Any) -> Callable[[_Made], _Made]:
    """Enter a gateway with one flaw, which must fail exactly these checks and no other."""
    return _entering(name=name, host=host, kind="flawed", fails=frozenset(fails), **more)


def variant(name: str, *, host: Host, **more: Any) -> Callable[[_Made], _Made]:
    """Enter a gateway that is odd and keeps every promise: it must fail nothing and conform."""
    return _entering(name=name, host=host, kind="conformant", **more)


def broken(name: str, *, host: Host, **more: Any) -> Callable[[_Made], _Made]:
    """Enter a target that cannot be judged: it must fail nothing, and not conform either."""
    return _entering(name=name, host=host, kind="broken", **more)


def _entering(**fields: Any) -> Callable[[_Made], _Made]:
    def enter(make: _Made) -> _Made:
        entry = Entry(make=make, **fields)
        if entry.id() in _entries:
            raise ValueError(f"two twins are called {entry.id()}")
        _entries[entry.id()] = entry
        return make

    return enter


def entries() -> tuple[Entry, ...]:
    """Every twin, ordered by kind, host and name."""
    _import(name for modules in _MODULES.values() for name in modules)
    return tuple(sorted(_entries.values(), key=lambda e: (_KINDS.index(e.kind), e.host, e.name)))


def spread(least: int) -> tuple[Entry, ...]:
    """A choice for every change: all variants, every way of being broken on one of the hosts, and on each host flawed twins.

    Of those at least so many, and such that every check is failed by one of them where any twin of the host fails it.
    """
    every = entries()
    flawed = [
        e for host in ("reference", "second") for e in _covering([e for e in every if e.host == host], least)
    ]
    first: dict[str, Entry] = {}
    for number, e in enumerate(e for e in every if e.kind == "broken"):
        if e.name not in first or number % 2:
            first[e.name] = e
    return (*flawed, *(e for e in every if e.kind == "conformant"), *first.values())


def _covering(candidates: Iterable[Entry], least: int) -> list[Entry]:
    """Flawed twins in the order in which each adds most to what is failed, then by name, until there are enough."""
    left = [e for e in candidates if e.kind == "flawed"]
    chosen: list[Entry] = []
    covered: set[str] = set()
    while left and (len(chosen) < least or any(e.fails - covered for e in left)):
        best = max(left, key=lambda e: len(e.fails - covered))
        left.remove(best)
        chosen.append(best)
        covered |= best.fails
    return chosen


def entry(host: Host, name: str) -> Entry:
    """The twin of a host by its name; KeyError where there is none."""
    _import(_MODULES[host])
    return _entries[f"{host}-{name}"]


def _import(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(f"tests.twins.{module}")
