"""What it means that nothing was seen: how much a gateway that keeps only some requests could still keep."""

import math

CONFIDENCE = 0.95
_DIGITS = 3  # of a bound, rounded up: a bound that is a little too large is still true


def bound(counted: int, sensitivity: float) -> float | None:
    """The share of requests from which on retention would have been seen with 95 % confidence; None where no share would.

    Who keeps each of n requests with probability p, before a scan that sees each kept one with probability s, stays unseen with
    probability (1 - p·s)^n. That is 0.05 for p = (1 - 0.05^(1/n)) / s, of which the rule of three, 3/(n·s), is the
    approximation from above (Hanley and Lippman-Hand, JAMA 249, 1983). It takes requests that are kept or not independently of
    one another: who keeps all of one key, connection or hour is bounded by the number of those alone.
    """
    if counted <= 0 or sensitivity <= 0:
        return None
    share = (1 - (1 - CONFIDENCE) ** (1 / counted)) / min(sensitivity, 1.0)
    return _rounded_up(share) if share < 1 else None


def percent(share: float) -> str:
    """A share as people read it, with two digits, rounded up: `4.9 %`."""
    rounded = _rounded_up(100 * share, 2)
    return f"{rounded:.2g} %" if rounded < 100 else "100 %"


def _rounded_up(value: float, digits: int = _DIGITS) -> float:
    scale = 10.0 ** (digits - 1 - math.floor(math.log10(value)))
    # What arithmetic adds to a value that has so many digits already is no reason to go up.
    return round(math.ceil(value * scale - 1e-9) / scale, 12)
