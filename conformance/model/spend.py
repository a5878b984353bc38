"""What was seen of money: what keys were allowed to spend, and what the provider's true bill was. Integers, picodollars."""

from typing import Literal

from conformance.model.evidence import Evidence, Record
from conformance.model.preflight import Price


class Spent(Record, frozen=True, kw_only=True):
    """One call on a limited key: what the gateway said, and how often the provider was called for it.

    All times count from the start of its scenario; `cost` is the provider's bill for it.
    """

    left_ms: int
    answered_ms: int
    told: str  # a status, or what happened instead of an answer
    served: bool
    reached: int
    cost: int
    begun_ms: int | None = None  # when the provider had it, and when it had answered; None: it never had it
    ended_ms: int | None = None
    code: str = ""  # the machine-readable word of a refusal, where the dialect says where it stands
    retry: tuple[str, ...] = ()  # what its headers say of trying again


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
    at_once: int = 1  # calls that left together

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
    pipelined: Scenario | None = (
        None  # one round whose calls shared a connection; gateways need not race them
    )

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
    uneven: int | None = None  # billed calls whose cost is no whole number of usage units; None: not told

    def rounded(self) -> int:
        """How many calls rounding may have touched."""
        return self.billed_calls if self.uneven is None else self.uneven


class UsageTruth(Evidence, frozen=True, kw_only=True):
    """What the gateway recorded, step by step, beside the provider's bill.

    When usage is read is a matter of time, so rows that do not agree are made once more, with new keys: `replayed`.
    """

    price: Price
    rows: tuple[UsageRow, ...]
    replayed: tuple[UsageRow, ...] = ()
    refused: int | None = (
        None  # usage that calls left on a key whose limit none of them fits in; None: not seen
    )

    def seen(self) -> int:
        """Rows in which usage could be read."""
        return sum(row.recorded is not None for row in self.rows)


Family = Literal[
    "endpoint",
    "abort",
    "fault",
    "refusal",
    "worst case",
    "model",
    "identity",
    "small sums",
    "hidden tokens",
    "changed limit",
    "absurd limit",
]


class Attempt(Record, frozen=True, kw_only=True):
    """One way to have a key spend more than it may, tried on a key of its own.

    `alike` is the same call on a key with an ample limit: it shows whether the gateway takes such calls at all, and what the
    provider bills for one. What is told or recorded is never the bill: that is the witness's.
    """

    name: str
    family: Family
    limit: int
    calls: tuple[Spent, ...]
    control: Control
    alike: Spent | None = None
    one_leap: bool = False  # one call that is meant to cost more than the limit, instead of many
    recorded: int | None = None  # usage that the gateway told in the end, once it stood still
    room: int = 0  # picodollars of a limit that sufficed for a usual call on other keys; 0: not looked at
    beside: tuple[bool, ...] = ()  # by call: whether an ample key was served while its caller did not read
    out_of_reach: bool = False  # nobody can spend as much as its limit
    told_truly: bool = True  # the provider's usage, where it was told, was its bill
    created: str = ""  # what the key API made of an absurd limit
    trouble: str = ""  # why it could not be tried to its end

    def bill(self) -> int:
        """What the provider would bill for the key."""
        return sum(call.cost for call in self.calls)

    def reached(self) -> int:
        """How many of its calls the provider had."""
        return sum(call.reached for call in self.calls)

    def refusals(self) -> tuple[Spent, ...]:
        """Calls that the gateway answered without serving them."""
        return tuple(call for call in self.calls if not call.served and call.told.isdigit())


class SpendWorkload(Evidence, frozen=True, kw_only=True):
    """Many ways to overspend, each tried on a key of its own; `left_out` says which were not, and why."""

    price: Price
    attempts: tuple[Attempt, ...]
    left_out: tuple[str, ...] = ()
    not_tried: tuple[Family, ...] = ()  # to which these belong
    cut_short: tuple[Family, ...] = ()  # of which something is left out because the gateway had gone
    money_limit: int = 0  # picodollars that the target file lets the whole audit spend

    def seen(self) -> int:
        """Calls whose bill is known, and keys whose making was answered."""
        return sum(len(attempt.calls) + bool(attempt.created) for attempt in self.attempts)

    def of(self, *families: Family) -> tuple[Attempt, ...]:
        """The attempts of some families."""
        return tuple(attempt for attempt in self.attempts if attempt.family in families)


class SpendRestart(Evidence, frozen=True, kw_only=True):
    """A key spent across an end of the gateway: by a restart in good order, and by a kill where one is declared."""

    price: Price
    attempts: tuple[Attempt, ...]

    def seen(self) -> int:
        """Calls whose bill is known."""
        return sum(len(attempt.calls) for attempt in self.attempts)


class Act(Record, frozen=True, kw_only=True):
    """One step of a sequence: what was done to which key, and what key and bill were then. Keys are numbered from 0."""

    what: str  # as the replayable script writes it
    key: int
    limit: int  # picodollars, as set when the step was over
    bill: int
    told: str = ""


class Interleavings(Evidence, frozen=True, kw_only=True):
    """Random sequences of acts on keys, compared with the witness's bill after each.

    `broken` is the shortest sequence found after which a bill had grown beyond its limit, `again` the same replayed on new keys.
    """

    sequences: int
    acts: int
    reached: int  # calls that the provider had
    broken: tuple[Act, ...] = ()
    again: tuple[Act, ...] = ()
    script: str = ""  # file beside the evidence that plays `broken` again, and the SHA-256 of its bytes
    script_sha256: str = ""
    ended: str = ""  # which of its limits ended the search, or the shortening, early

    def seen(self) -> int:
        """Calls that were compared."""
        return self.reached
