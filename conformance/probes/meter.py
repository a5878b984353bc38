"""The meter: hard limits on what the audit may do to its target, counted before anything is sent."""

import asyncio
import time
from collections.abc import Callable

from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Fault
from conformance.target import Limits


class LimitReached(CannotObserve):
    """The next request would exceed what the target file allows."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            f"the declared limit on {what} was reached",
            fault=Fault.OPERATOR,
            decide=f"raise `limits.{key}` in the target file",
        )


class Meter:
    """Counts requests, money and time against the declared limits; every request passes through `admit` first.

    The rate is kept by spacing: request n leaves no earlier than n / rate after the first, with a burst of one
    second's worth, so that no second sees more than twice the declared rate and the average never exceeds it.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Start counting now; `clock` is monotonic, in seconds."""
        self._limits = limits
        self._clock = clock
        self._money_limit = from_usd(limits.money)
        self._started = clock()
        self._next = self._started
        self.requests = 0
        self.money = 0
        self.connections = asyncio.Semaphore(limits.connections)

    async def admit(self, *, requests: int = 1, money: int = 0) -> None:
        """Wait for room in the rate, or raise `LimitReached`. `money` is the worst case in picodollars."""
        now = self._clock()
        if now - self._started > self._limits.seconds:
            raise LimitReached(f"time ({self._limits.seconds:g} s)", "seconds")
        if self.requests + requests > self._limits.requests:
            raise LimitReached(f"requests ({self._limits.requests})", "requests")
        if self.money + money > self._money_limit:
            raise LimitReached(f"money ({in_usd(self._money_limit)})", "money")
        self.requests += requests
        self.money += money
        # Unused room older than a second is lost, which bounds the burst.
        self._next = max(self._next, now - 1.0) + requests / self._limits.rate
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def elapsed(self) -> float:
        """Seconds since the audit began."""
        return self._clock() - self._started
