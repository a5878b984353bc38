"""How surely an audit sees a race against a limit: what a pass is worth. Measured beforehand, on gateways with that flaw."""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

from conformance.model.power import CONFIDENCE

_HALVINGS = 60  # of an interval of length 1: far more than is ever printed


class Race(msgspec.Struct, frozen=True, kw_only=True):
    """How many audits failed a gateway that checks a limit, and records the call so many milliseconds later."""

    window_ms: int
    audits: int
    caught: int
    at_least: Annotated[
        float, Meta(description="share of audits that catch it: the exact binomial bound, 95 % confidence")
    ]


class Races(msgspec.Struct, frozen=True, kw_only=True):
    """The power of the check of races, by the width of the race's window; measured on loopback with `suite` on so many cores."""

    suite: str
    check: str
    profile: str
    cores: int
    windows: tuple[Race, ...]


def at_least(caught: int, audits: int) -> float:
    """The least share of audits that catch a race, of which this many did, with 95 % confidence and three digits, rounded down.

    The share p for which P(X >= caught) = 0.05, X binomial (Clopper and Pearson, Biometrika 26, 1934; one-sided).
    """
    if caught <= 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        low, high = (low, share) if _tail(caught, audits, share) > 1 - CONFIDENCE else (share, high)
    return math.floor(low * 1000) / 1000


def _tail(least: int, audits: int, share: float) -> float:
    """P(X >= least), X binomial."""
    return sum(
        math.comb(audits, n) * share**n * (1 - share) ** (audits - n) for n in range(least, audits + 1)
    )
