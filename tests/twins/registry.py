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

MODEL = "demo-model"  # which every host offers
Host = Literal["reference", "second"]
Kind = Literal["flawed", "conformant", "broken"]
_Made = TypeVar("_Made")
# Modules by the host whose process needs them; importing no more keeps the start of a twin short.
_MODULES: Mapping[str, tuple[str, ...]] = {
    "reference": (
        "reference_tls",
        "reference_headers",
        "reference_made_keys",
        "reference_shown_keys",
        "reference_stored_keys",
        "reference_presented_keys",
        "reference_administering",
        "reference_key_tenancy",
        "reference_credentials",
        "reference_ended_keys",
        "reference_key_life",
        "reference_limits",
        "reference_races",
        "reference_holds",
        "reference_usage",
        "reference_refusals",
        "reference_spend_caps",
        "reference_content",
        "reference_forwarding",
        "reference_variants",
        "reference_spend_rest",
        "keeping.elsewhere",
        "reference_places",
        "reference_keeping",
        "reference_caches",
        "reference_reading",
        "reference_changing",
        "reference_egress",
        "reference_transport",
    ),
    "second": (
        "second_tls",
        "second_headers",
        "second_made_keys",
        "second_shown_keys",
        "second_stored_keys",
        "second_presented_keys",
        "second_administering",
        "second_key_tenancy",
        "second_credentials",
        "second_ended_keys",
        "second_key_life",
        "second_key_owners",
        "second_limits",
        "second_usage",
        "second_refusals",
        "second_spend_caps",
        "second_account_race",
        "second_content",
        "second_forwarding",
        "second_variants",
        "second_spend_rest",
        "keeping.elsewhere",
        "second_places",
        "second_keeping",
        "second_reading",
        "second_caches",
        "second_changing",
        "second_egress",
        "second_spend",
        "second_transport",
    ),
    "broken": ("broken",),
}
KINDS: tuple[Kind, ...] = ("flawed", "conformant", "broken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One gateway to be audited.

    `make` is what its host replaces: a `Change` of the reference gateway, a class of the second gateway, or for
    a broken target the `Breakage` that stands before it. `claims`, `dialect`, `limits`, `inference` (kinds of endpoint beside
    chat) and further `surfaces` go into the target file, `config` into the second gateway's own configuration, further `models`
    (USD per million prompt and completion tokens, by name) into both;
    the reference gateway has only some of that.
    `sighted` are the surfaces, by locator, on which something must be found: these and no others.
    `collection`: it does what many others do; `bundled`: it is one of those, for which the collection stands where time is
    short. `rare`: only a full campaign is sure to meet the flaw. `about`: the claims that something conformant or broken
    matters to, where those are not all. `other_account`: the target file names the credential of a second customer.
    `alone`: it is held by the checks that it fails and no others, since these look only when nothing else is asked for.
    """

    name: str
    host: Host
    kind: Kind
    make: Any = field(repr=False)
    fails: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict)
    dialect: str = ""
    limits: Mapping[str, object] = field(default_factory=dict)
    inference: tuple[str, ...] = ()
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    surfaces: str = ""
    sighted: frozenset[str] = frozenset()
    collection: bool = False
    bundled: bool = False
    rare: bool = False
    about: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    other_account: bool = False
    alone: bool = False

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
    return tuple(sorted(_entries.values(), key=lambda e: (KINDS.index(e.kind), e.host, e.name)))


def entry(host: Host, name: str) -> Entry:
    """The twin of a host by its name; KeyError where there is none."""
    _import(_MODULES[host])
    return _entries[f"{host}-{name}"]


def _import(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(f"tests.twins.{module}")
