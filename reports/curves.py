"""Curves of spending as geometry: a chart of bills against limits, and the calls of the worst round in time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model.exhibit import SpendCall, SpendPicture, SpendRound

# In units of the pictures' view boxes.
WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 16, 40
_HEIGHT = 260
_ROW = 11
_MOST_CALLS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One round: how much of its limit was billed, at how many calls at once."""

    x: float
    y: float
    over: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bills in percent of their limits against calls at once."""

    height: int
    limit_y: float
    left: float
    right: float
    floor: float
    dots: tuple[Dot, ...]
    line: str  # through the worst round of each number of calls at once
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One call: from when it left to when it was answered."""

    x: float
    width: float
    y: float
    reached: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The calls of one round, the first on top."""

    height: int
    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    floor: float
    left_out: int


def percent_of_limit(one: SpendRound) -> float:
    """What the provider billed, in percent of the limit."""
    return 100 * one.bill / one.limit


def chart(picture: SpendPicture) -> Chart:
    """The chart of all rounds of a picture."""
    sizes = sorted({one.at_once for one in picture.rounds})
    top = _nice(max(125.0, *(percent_of_limit(one) for one in picture.rounds)))
    xs = dict(zip(sizes, _spread(len(sizes)), strict=True))

    def y(percent: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - percent / top), 1)

    worst = {size: max(percent_of_limit(r) for r in picture.rounds if r.at_once == size) for size in sizes}
    return Chart(
        height=_HEIGHT,
        limit_y=y(100),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        floor=y(0),
        dots=tuple(
            Dot(
                x=xs[one.at_once],
                y=y(percent_of_limit(one)),
                over=one.bill > one.limit + picture.tolerated,
                label=f"{one.name}: {percent_of_limit(one):.1f} % of the limit",
            )
            for one in picture.rounds
        ),
        line=" ".join(f"{xs[size]},{y(percent)}" for size, percent in worst.items()),
        across=tuple(Tick(at=xs[size], label=str(size)) for size in sizes),
        up=tuple(Tick(at=y(percent), label=f"{percent:g} %") for percent in _steps(top)),
    )


def timeline(calls: Sequence[SpendCall]) -> Timeline:
    """The first calls of a round as bars over time."""
    shown = calls[:_MOST_CALLS]
    end = max((call.answered_ms for call in shown), default=0) or 1
    scale = (WIDTH - _LEFT - _RIGHT) / end
    floor = _TOP + len(shown) * _ROW
    return Timeline(
        height=floor + _BOTTOM,
        bars=tuple(
            Bar(
                x=round(_LEFT + call.left_ms * scale, 1),
                width=max(2.0, round((call.answered_ms - call.left_ms) * scale, 1)),
                y=_TOP + row * _ROW,
                reached=call.reached > 0,
                label=f"left at {call.left_ms} ms, answered at {call.answered_ms} ms with {call.told}",
            )
            for row, call in enumerate(shown)
        ),
        across=tuple(
            Tick(at=round(_LEFT + part * (WIDTH - _LEFT - _RIGHT), 1), label=f"{part * end:.0f} ms")
            for part in (0, 0.25, 0.5, 0.75, 1)
        ),
        floor=floor,
        left_out=len(calls) - len(shown),
    )


def _spread(count: int) -> tuple[float, ...]:
    """Places at equal distances; few sizes are tried, and each doubles the one before."""
    room = WIDTH - _LEFT - _RIGHT
    return tuple(round(_LEFT + room * (place + 0.5) / count, 1) for place in range(count))


def _nice(value: float) -> float:
    """The next round number: a hundred times 1, 1.5, 2, 3, 5 or 10, and so on."""
    scale = 100.0
    while True:
        for factor in (1, 1.5, 2, 3, 5):
            if value <= factor * scale:
                return factor * scale
        scale *= 10


def _steps(top: float) -> tuple[float, ...]:
    return tuple(dict.fromkeys(sorted((0.0, top / 2, 100.0, top)))) if top > 200 else (0.0, 50.0, 100.0, top)
