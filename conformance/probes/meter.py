"""The meter: hard limits on what the audit may do to its target, counted before anything is sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable

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

    The rate is kept by spacing: each request leaves no earlier than 1 / rate after the one before. Room that was not used
    is lost, so that no second sees more than the declared rate.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Start counting now; `clock` is monotonic, in seconds, and `sleep` waits by it."""
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._money_limit = from_usd(limits.money)
        self._started = clock()
        self._next = self._started
        self._clearing = False
        self.requests = 0
        self.money = 0
        self.connections = asyncio.Semaphore(limits.connections)

    async def admit(self, *, requests: int = 1, money: int = 0) -> None:
        """Wait for room in the rate, or raise `LimitReached`. `money` is the worst case in picodollars."""
        now = self._clock()
        leaves = max(self._next, now)
        if not self._clearing:
            self._refuse_beyond(leaves, requests, money)
        self.requests += requests
        self.money += money
        self._next = leaves + requests / self._limits.rate
        if leaves > now:
            await self._sleep(leaves - now)

    def clear_up(self) -> None:
        """From now on only the rate holds: what the audit made must be revoked, whatever limit was reached."""
        self._clearing = True

    def _refuse_beyond(self, leaves: float, requests: int, money: int) -> None:
        if leaves - self._started > self._limits.seconds:
            raise LimitReached(f"time ({self._limits.seconds:g} s)", "seconds")
        if self.requests + requests > self._limits.requests:
            raise LimitReached(f"requests ({self._limits.requests})", "requests")
        if self.money + money > self._money_limit:
            raise LimitReached(f"money ({in_usd(self._money_limit)})", "money")
