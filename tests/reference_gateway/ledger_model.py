"""What a ledger of limits should do, told another way: no counters, but sums over everything that happened."""

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import Outcome, Why

DAY = 86_400_000
_EPOCH = date(1970, 1, 1)


def begin_of(period: Period, now: float) -> float:
    """When the window that `now` lies in began, counted in days since 1970, which began on a Thursday."""
    day = int(now // DAY) if period is not Period.NEVER else 0
    match period:
        case Period.NEVER:
            return -math.inf
        case Period.DAILY:
            return day * DAY
        case Period.WEEKLY:
            return ((day + 3) // 7 * 7 - 3) * DAY
        case Period.MONTHLY:
            return (day + 1 - (_EPOCH + timedelta(days=day)).day) * DAY


def end_of(period: Period, now: float) -> float:
    """When it ends."""
    begin = begin_of(period, now)
    match period:
        case Period.NEVER:
            return math.inf
        case Period.DAILY:
            return begin + DAY
        case Period.WEEKLY:
            return begin + 7 * DAY
        case Period.MONTHLY:
            first = _EPOCH + timedelta(days=begin // DAY)
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            return (after - _EPOCH).days * DAY


@dataclass(eq=False)
class Budget:
    """A limit over time. Windows are numbered; `highest` is the highest limit that each of them saw."""

    limit: int | None
    period: Period
    made_at: int
    disabled: bool = False
    window: int = 0
    highest: list[float] = field(default_factory=list)
    begin: float = field(init=False)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self._span(self.made_at)
        self.highest.append(self._cap())

    def roll(self, now: int) -> None:
        if now >= self.end:
            self.window += 1
            self._span(now)
            self.highest.append(self._cap())

    def change(self, limit: int | None, period: Period, disabled: bool, now: int) -> None:
        """A window goes on to the end of its new period; where the clock was set back, of the later one."""
        self.roll(now)
        if period is not self.period:
            self.period = period
            self._span(max(now, self.begin))
        self.limit, self.disabled = limit, disabled
        self.highest[self.window] = max(self._cap(), self.highest[self.window])

    def _span(self, now: float) -> None:
        self.begin, self.end = begin_of(self.period, now), end_of(self.period, now)

    def _cap(self) -> float:
        return math.inf if self.limit is None else self.limit


@dataclass(eq=False)
class Key(Budget):
    """A key. `generation` grows with each rotation."""

    account: Budget | None = None
    generation: int = 1
    deleted: bool = False
    expires_at: float = math.inf

    def budgets(self) -> tuple[Budget, ...]:
        return (self,) if self.account is None else (self, self.account)

    def limited(self) -> bool:
        return any(budget.limit is not None for budget in self.budgets())

    def usable(self, now: int) -> bool:
        stopped = self.deleted or any(budget.disabled for budget in self.budgets())
        return not stopped and now < self.expires_at


@dataclass(eq=False)
class Call:
    """An admitted call: what it may cost, what its provider truly bills, and in which windows that counts."""

    key: Key
    bound: int
    bill: int
    limited: bool
    windows: dict[Budget, int]
    admitted: dict[Budget, int]
    charge: int | None = None  # None while it is open
    excess: int = 0  # of the bill over the hold, as far as the ledger was told

    def overrun(self) -> int:
        """What its provider bills beyond what was asked; that is nobody's but the operator's to pay."""
        return max(0, self.bill - self.bound) if self.limited else 0

    def end(self, outcome: Outcome) -> None:
        match outcome:
            case Outcome.NOTHING_SENT | Outcome.REFUSED:
                self.charge = 0
            case Outcome.METERED:
                self.excess = max(0, self.bill - self.bound) if self.limited or self.key.limited() else 0
                self.charge = self.bill - self.excess
            case _:
                self.charge = self.bound


class Model:
    """All calls that ever were, and what follows from them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def reserve(self, key: Key, generation: int, limited: bool, bound: int, now: int) -> Why | None:
        """Why the ledger must refuse, or None if it must not."""
        key.roll(now)
        if key.disabled or key.deleted or now >= key.expires_at or generation != key.generation:
            return Why.KEY_UNUSABLE
        if key.limit is not None and not (limited and self._fits(key, bound, now)):
            return _refusal(key, limited, Why.LIMIT, now)
        account = key.account
        if account is None:
            return None
        account.roll(now)
        if account.limit is not None and not (limited and self._fits(account, bound, now)):
            return _refusal(key, limited, Why.ACCOUNT_LIMIT, now)
        return None if key.usable(now) else Why.KEY_UNUSABLE

    def admitted(self, key: Key, bound: int, bill: int) -> Call:
        """Remembers a call."""
        windows = {budget: budget.window for budget in key.budgets()}
        call = Call(key, bound, bill, key.limited(), windows, dict(windows))
        self.calls.append(call)
        return call

    def turn(self, budget: Budget) -> None:
        """Its period has changed: what is open counts in the window that goes on."""
        for call in self._of(budget):
            if call.charge is None:
                call.windows[budget] = budget.window

    def spent(self, budget: Budget, now: int) -> int:
        if now >= budget.end:
            return 0
        return sum(call.charge or 0 for call in self._of(budget) if call.windows[budget] == budget.window)

    def reserved(self, budget: Budget) -> int:
        return sum(call.bound for call in self._of(budget) if call.charge is None)

    def total(self, budget: Budget) -> int:
        return sum(call.charge or 0 for call in self._of(budget))

    def overspent(self, budget: Budget) -> list[int]:
        """Windows whose true bill, but for overruns, passed every limit that there was."""
        bills = [0] * (budget.window + 1)
        for call in self._of(budget):
            bills[call.admitted[budget]] += call.bill - call.overrun()
        return [window for window, bill in enumerate(bills) if bill > budget.highest[window]]

    def _fits(self, budget: Budget, bound: int, now: int) -> bool:
        assert budget.limit is not None
        return self.spent(budget, now) + self.reserved(budget) + bound <= budget.limit

    def _of(self, budget: Budget) -> list[Call]:
        return [call for call in self.calls if budget in call.windows]


def _refusal(key: Key, limited: bool, why: Why, now: int) -> Why:
    if not key.usable(now):
        return Why.KEY_UNUSABLE
    return why if limited else Why.LIMIT_IS_NEW
