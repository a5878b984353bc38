"""What a measurement is, where they are found, and the table and file they make.

    @measurement("cli.help_s", unit="s", target=0.5, better="lower", how="wall time of `gateproof --help`, median of 5")
    def help_seconds() -> float: ...

A function in any module of `tests/bench/` is found by its decorator; nothing else has to be told.
"""

import importlib
import pkgutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

_Function = TypeVar("_Function", bound=Callable[[], float])
Better = Literal["lower", "higher"]


class NothingHereError(Exception):
    """This machine lacks what a measurement needs; the text says what, and how to get it."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of bench.json."""

    name: str
    value: float
    unit: str
    target: float
    better: Better
    how: str

    def meets(self) -> bool:
        """Whether the value is at least as good as its target."""
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement to be made. `take` gives its value, or raises NothingHereError."""

    name: str
    unit: str
    target: float
    better: Better
    how: str
    take: Callable[[], float]

    def result(self) -> Result:
        """Measure, and round to four significant digits: more would be noise. Raises NothingHereError."""
        return Result(
            name=self.name,
            value=float(f"{self.take():.4g}"),
            unit=self.unit,
            target=self.target,
            better=self.better,
            how=self.how,
        )


_measurements: dict[str, Measurement] = {}


def measurement(
    name: str, *, unit: str, target: float, better: Better, how: str
) -> Callable[[_Function], _Function]:
    """Enter a function that measures one thing; `how` says what, on what, how often."""

    def enter(function: _Function) -> _Function:
        if name in _measurements:
            raise ValueError(f"two measurements are called {name}")
        _measurements[name] = Measurement(
            name=name, unit=unit, target=target, better=better, how=how, take=function
        )
        return function

    return enter


def measurements(*packages: str) -> tuple[Measurement, ...]:
    """Every measurement of these packages' modules, ordered by name; of `tests.bench` when none is named."""
    modules = {module for package in packages or ("tests.bench",) for module in _modules(package)}
    return tuple(one for _, one in sorted(_measurements.items()) if one.take.__module__ in modules)


def _modules(package: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, prefix=f"{package}."):
        if not module.name.rpartition(".")[2].startswith(("_", "test_", "conftest")):
            importlib.import_module(module.name)
            yield module.name


def encode(results: Iterable[Result]) -> bytes:
    """The bytes of bench.json."""
    return msgspec.json.format(msgspec.json.encode(tuple(results)), indent=2) + b"\n"


def table(results: Iterable[Result]) -> str:
    """The results for a reader; a missed target is marked."""
    rows = [
        (
            "✓" if result.meets() else "✗",
            result.name,
            f"{result.value:g} {result.unit}",
            f"{'≤' if result.better == 'lower' else '≥'} {result.target:g}",
            result.how,
        )
        for result in results
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]
    return "\n".join(lines)


def median_seconds(action: Callable[[], object], times: int = 5) -> float:
    """Median wall time of doing something, in seconds."""
    return statistics.median(_seconds(action) for _ in range(times))


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def write(results: Iterable[Result], path: Path) -> None:
    """Write bench.json."""
    path.write_bytes(encode(results))
