"""What the target file lets random sequences take: the search, its shortening, and what it found played again."""

import time

from conformance.model.money import from_usd
from conformance.probes.meter import Meter
from conformance.probes.spending.acts import Step
from conformance.target_parts import Sequences

_OTHERS = (
    8  # requests of a step that are no inference calls: of the key API, and for the revocation of its key
)
_CALLING = {"call", "stream", "leave", "burst"}
# Of ten parts: the rest is kept for shortening what was found, and for playing it again.
SEARCH, SHORTEN, ALL = 7, 9, 10


class Allowance:
    """Counts what was taken since it was made. The money is what the meter reckons with: the worst case of each call."""

    def __init__(self, allowed: Sequences, meter: Meter, *, worst: int) -> None:
        """`worst` is what one call costs at most, in picodollars."""
        self._allowed = allowed
        self._meter = meter
        self._worst = worst
        self._began = time.monotonic()
        self._requests, self._money = meter.requests, meter.money

    def beyond(self, step: Step, parts: int) -> str:
        """Which limit a step could go beyond where only so many parts of ten may be taken; empty where none."""
        calls = step.amount if step.what in _CALLING else 0
        requests = self._meter.requests - self._requests + calls + _OTHERS
        money = self._meter.money - self._money + calls * self._worst
        seconds = time.monotonic() - self._began
        if ALL * requests > parts * self._allowed.requests:
            return f"requests ({self._allowed.requests})"
        if ALL * money > parts * from_usd(self._allowed.money):
            return f"money (${self._allowed.money})"
        return f"seconds ({self._allowed.seconds:g})" if ALL * seconds > parts * self._allowed.seconds else ""
