"""The catalogue: every check and every observation, found by their decorators.

A new check is one decorated function in `conformance/checks/`; a new observation one decorated coroutine in
`conformance/probes/` or `conformance/collectors/`. Nothing else has to be told.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from conformance.model.evidence import Evidence, Unobserved
from conformance.model.scale import Disruption, Level, Severity
from conformance.model.verdict import Verdict

if TYPE_CHECKING:
    from conformance.session import Session
    from conformance.target import Target

_CHECKED = TypeVar("_CHECKED", bound=Callable[..., Verdict])
_Seen = TypeVar("_Seen", bound=Evidence)


class Phase(IntEnum):
    """When an observation runs. Phases follow one another; inside a phase observations run side by side."""

    PREFLIGHT = 0
    OUTSIDE = 1
    KEYS = 2
    SPEND = 3
    CAMPAIGN = 4
    INSIDE = 5
    TRESPASS = 6  # wrong keys, and many new ones: a gateway may shun for a while whoever comes with them
    PROVIDER = 7  # late: a gateway may shun a provider for a while that showed a bad certificate
    ALONE = 8  # last, one after the other: what takes the time of answers, and what ends the gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of the catalogue: a pure function from evidence to a verdict, and what to print about it."""

    id: str
    claim: str
    severity: Severity
    level: Level
    deciding: bool
    further: str = ""  # an access without which the claim is decided without it
    adds: frozenset[str] = frozenset()  # parameters without which it decides all the same
    fix: str
    title: str
    why: str
    order: int  # of definition: of checks that weigh the same, the first speaks for its claim
    needs: Mapping[str, type[Evidence]]
    may_lack: frozenset[str]  # parameters that take `Unobserved` too: the check is called all the same
    judge: Callable[..., Verdict]

    def decides_by(self) -> frozenset[type[Evidence]]:
        """The evidence without which the claim cannot be decided."""
        needed = (kind for name, kind in self.needs.items() if name not in self.adds)
        return frozenset() if self.further else frozenset(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an observation will take at most: requests to the gateway, and seconds of waiting beside them.

    `bulk` are the bytes of their prompts beyond those of ordinary calls.
    """

    requests: int = 0
    seconds: float = 0.0
    bulk: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at the target: what it yields, what access it takes, what it costs."""

    name: str
    yields: type[Evidence]
    phase: Phase
    level: Level
    disruption: Disruption
    access: tuple[str, ...]  # names of `Target.access()`
    after: tuple[type[Evidence], ...]
    cost: Callable[["Target", int], Cost]
    run: Callable[["Session"], Awaitable[Evidence]]
    title: str


_checks: dict[str, Check] = {}
_observations: dict[str, Observation] = {}


def check(
    id: str,  # noqa: A002
    *,
    claim: str,
    severity: Severity,
    level: Level,
    fix: str,
    deciding: bool = True,
    further: str = "",
    adds: tuple[str, ...] = (),
) -> Callable[[_CHECKED], _CHECKED]:
    """Enter a function into the catalogue.

    The parameter types say which evidence it needs; where one of them was not observed, the function is not called and the
    verdict is inconclusive, unless the parameter's type is `… | Unobserved`: a breach seen in other evidence needs no more.
    The docstring's first line is its title in every report, the rest says why it matters. `fix` tells an operator what to
    change. A check that is not `deciding` informs and never decides its claim. One that looks `further`, by an access that
    not every target file declares, can always break its claim; where that access is not declared and the check could not see,
    the claim is decided without it. Evidence that `adds` to what a check says may lack without leaving it undecided.
    """

    def enter(function: _CHECKED) -> _CHECKED:
        if id in _checks:
            raise ValueError(f"two checks are called {id}")
        title, _, why = inspect.cleandoc(function.__doc__ or "").partition("\n")
        hints = get_type_hints(function)
        hints.pop("return", None)
        may_lack = frozenset(name for name, hint in hints.items() if Unobserved in get_args(hint))
        hints |= {name: next(k for k in get_args(hints[name]) if k is not Unobserved) for name in may_lack}
        _checks[id] = Check(
            id=id,
            claim=claim,
            severity=severity,
            level=level,
            deciding=deciding,
            further=further,
            adds=frozenset(adds),
            fix=fix,
            title=title.rstrip("."),
            why=" ".join(why.split()),
            order=len(_checks),
            needs=hints,
            may_lack=may_lack,
            judge=function,
        )
        return function

    return enter


def observes(
    *,
    phase: Phase,
    level: Level,
    disruption: Disruption,
    cost: Callable[["Target", int], Cost],
    access: tuple[str, ...] = (),
    after: tuple[type[Evidence], ...] = (),
) -> Callable[[Callable[["Session"], Awaitable[_Seen]]], Callable[["Session"], Awaitable[_Seen]]]:
    """Enter a coroutine into the catalogue of observations.

    It is called with the session, returns frozen evidence of its annotated type or raises `CannotObserve`.
    `access` names what the target file must declare (see `Target.access`); where it does not, the observation is not
    made and its evidence is recorded as unobserved. `after` names evidence of the same phase that must be there first.
    `cost(target, n)` is an upper bound, n being the profile's sample size per path.
    """

    def enter(function: Callable[["Session"], Awaitable[_Seen]]) -> Callable[["Session"], Awaitable[_Seen]]:
        yields: Any = inspect.get_annotations(function, eval_str=False)["return"]
        name = function.__name__
        if name in _observations:
            raise ValueError(f"two observations are called {name}")
        _observations[name] = Observation(
            name=name,
            yields=yields,
            phase=phase,
            level=level,
            disruption=disruption,
            access=access,
            after=after,
            cost=cost,
            run=function,
            title=inspect.cleandoc(function.__doc__ or "").partition("\n")[0].rstrip("."),
        )
        return function

    return enter


def checks() -> tuple[Check, ...]:
    """Every check, ordered by id."""
    _discover()
    return tuple(_checks[name] for name in sorted(_checks))


def observations() -> tuple[Observation, ...]:
    """Every observation, in the order of phases."""
    _discover()
    return tuple(sorted(_observations.values(), key=lambda o: (o.phase, o.name)))


def evidence_types() -> dict[str, type[Evidence]]:
    """Every evidence type that an observation yields or a check needs, by name."""
    types = {o.yields.__name__: o.yields for o in observations()}
    for entry in checks():
        types |= {needed.__name__: needed for needed in entry.needs.values()}
    return types


@cache
def _discover() -> None:
    for package in ("conformance.checks", "conformance.probes", "conformance.collectors"):
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
            importlib.import_module(module.name)
