"""What was seen of money: what keys were allowed to spend, and what the provider's true bill was. Integers, picodollars."""

from typing import Literal

from conformance.model.evidence import Evidence, Record
from conformance.model.preflight import Price


class Spent(Record, frozen=True, kw_only=True):
    """One call on a limited key: what the gateway said, and how often the provider was called for it.

    `left_ms` and `answered_ms` count from the start of its scenario; `cost` is the provider's bill for it.
    """

    left_ms: int
    answered_ms: int
    told: str  # a status, or what happened instead of an answer
    served: bool
    reached: int
    cost: int


class Control(Record, frozen=True, kw_only=True):
    """What makes a refusal mean the limit: an ample key is served just before and after, and a raised limit revives the key."""

    ample_before: bool
    ample_after: bool
    revived: bool | None  # None: the gateway cannot change a limit


class Scenario(Record, frozen=True, kw_only=True):
    """One attempt to spend more than a key may."""

    name: str
    limit: int
    calls: tuple[Spent, ...]
    control: Control
    in_flight: int  # the most calls that the provider had at once

    def bill(self) -> int:
        """What the provider would bill for the key."""
        return sum(call.cost for call in self.calls)

    def refusals(self) -> tuple[Spent, ...]:
        """Calls that the gateway answered without serving them."""
        return tuple(call for call in self.calls if not call.served and call.told.isdigit())


class SpendSequential(Evidence, frozen=True, kw_only=True):
    """A key spent to its limit, one call at a time."""

    price: Price
    scenarios: tuple[Scenario, ...]

    def seen(self) -> int:
        """Calls whose bill is known."""
        return sum(len(scenario.calls) for scenario in self.scenarios)


class SpendRace(Evidence, frozen=True, kw_only=True):
    """Keys spent by calls that arrive at once."""

    price: Price
    volley: int  # calls per round
    ample_served: int  # control round: of that many calls at once on an ample key
    ample_in_flight: int  # control round: the most that the provider had at once
    rounds: tuple[Scenario, ...]

    def seen(self) -> int:
        """Calls whose bill is known."""
        return sum(len(scenario.calls) for scenario in self.rounds)


UsageAfter = Literal[
    "plain calls", "streams", "provider refusals", "a plain call again", "calls of a sibling"
]


class UsageRow(Record, frozen=True, kw_only=True):
    """Recorded usage against the bill after one kind of call; both are sums since the key was made, as is `billed_calls`."""

    after: UsageAfter
    calls: int
    reached: int
    billed_calls: int
    bill: int
    recorded: int | None
    lag_ms: int


class UsageTruth(Evidence, frozen=True, kw_only=True):
    """What the gateway recorded, step by step, beside the provider's bill.

    When usage is read is a matter of time, so rows that do not agree are made once more, with new keys: `replayed`.
    """

    price: Price
    rows: tuple[UsageRow, ...]
    replayed: tuple[UsageRow, ...] = ()

    def seen(self) -> int:
        """Rows in which usage could be read."""
        return sum(row.recorded is not None for row in self.rows)
