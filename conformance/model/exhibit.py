"""What a report shows beside verdicts: tables of facts, dispositions and comparisons. No verdict depends on them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

TransportWord = Literal["agreed", "refused", "no service", "unclear", "not tried"]


class TransportRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one address and port does, asked by these names: the versions it agrees to, its certificate, its HSTS fields."""

    address: str
    names: tuple[str, ...]
    versions: Annotated[dict[str, TransportWord], Meta(description="by version, oldest first")]
    certificate: Annotated[str, Meta(description="what a verifying client said of it, and its last day")] = ""
    hsts: Annotated[str, Meta(description="the distinct fields seen at this address")] = ""


class SpendRound(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to spend more than a key may, as the provider billed it. Money in picodollars."""

    name: str
    limit: int
    bill: int
    calls: int
    reached: Annotated[int, Meta(description="calls that the provider had")]
    at_once: Annotated[int, Meta(description="calls that were made at one time, at most")]
    controlled: Annotated[
        bool, Meta(description="an ample key was served before and after, so that a refusal means the limit")
    ]


class SpendCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a round: times in milliseconds from the round's start."""

    left_ms: int
    answered_ms: int
    told: str
    reached: int
    cost: int


class SpendRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which calls were refused for their limit."""

    status: str
    code: Annotated[
        str, Meta(description="its machine-readable word, where the dialect says where that stands")
    ]
    retry: Annotated[tuple[str, ...], Meta(description="what its headers said of trying again")]
    calls: int


class SpendFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Spending in figures; money in picodollars."""

    priced_by: Annotated[
        str, Meta(description="where prices were learnt: declared, models endpoint, or measured")
    ]
    overspent: Annotated[int, Meta(description="the most that a bill went beyond its limit")]
    overspent_percent: int
    most_used_percent: Annotated[
        int, Meta(description="the most of a limit that could be spent by usual calls")
    ]
    refusals: tuple[SpendRefusal, ...]
    usage_lag_ms: Annotated[
        int | None, Meta(description="the longest time that usage took to be recorded; null: not looked at")
    ]
    money_limit: Annotated[
        int, Meta(description="what the target file lets the audit spend; 0: not recorded")
    ]


class SpendPicture(msgspec.Struct, frozen=True, kw_only=True):
    """How bills stood to limits, and the calls of the worst round: the furthest beyond its limit, else the largest."""

    tolerated: Annotated[
        int, Meta(description="what the target declares that a bill may go beyond its limit")
    ]
    rounds: tuple[SpendRound, ...]
    worst: Annotated[str, Meta(description="name of the round whose calls these are")]
    calls: tuple[SpendCall, ...]
    figures: SpendFigures | None = None


WaiverState = Literal["used", "unused", "expired", "contradicted"]


class WaiverResult(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver of a check's failure. It changes the exit code and never the verdict."""

    check: str
    kind: Literal["accepted-risk", "incorrect-result", "expected-failure"]
    owner: str
    reason: str
    ticket: str
    expires: Annotated[str, Meta(description="RFC 3339, with a zone")]
    days_left: int
    state: Annotated[
        WaiverState,
        Meta(description="contradicted: it was expected to fail, and passes"),
    ]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The failed checks of this run beside those of an earlier one. What is inconclusive is in none of these lists but `lost`."""

    baseline: Annotated[str, Meta(description="id of the earlier run")]
    new: tuple[str, ...] = ()
    regressed: Annotated[tuple[str, ...], Meta(description="passed then, and fail now")] = ()
    persisting: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    lost: Annotated[tuple[str, ...], Meta(description="decided then, and inconclusive now")] = ()
