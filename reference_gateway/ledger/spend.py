"""What a request costs, what it may cost, and when a limit's window begins and ends. Pure integers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from reference_gateway.ledger.wire import Outcome, Reserve, Settle
from reference_gateway.price import Price

FOREVER: Final = 2**63 - 1  # the end (UTC ms) of a window that has none


class Period(IntEnum):
    """How often the spend limit starts anew, at midnight UTC; weeks start on Monday."""

    NEVER = 0
    DAILY = 1
    WEEKLY = 2
    MONTHLY = 3


@dataclass(frozen=True, slots=True)
class PricedModel:
    """A model as the ledger knows it. `number` stands for it in stored records."""

    number: int
    name: str
    price: Price


@dataclass(frozen=True, slots=True)
class Settled:
    """How a hold ended, in nano-dollars: what the key was charged, and what the operator pays.

    `overrun`: the provider of `model` billed more than was asked of it. It could not be held to a limit.
    """

    charged: int
    excess: int
    overrun: bool
    model: int


def worst_case(message: Reserve, price: Price) -> int:
    """The most that the request can cost, in nano-dollars."""
    return price.worst(message.prompt_bound, message.completion_bound)


def bill(message: Settle, held: int, price: Price | None) -> int:
    """What an ended request cost: the usage if there is one, else nothing if proven, else the hold.

    Usage without a price (the model is configured no longer) costs the hold.
    """
    match message.outcome:
        case Outcome.NOTHING_SENT | Outcome.REFUSED:
            return 0
        case Outcome.METERED if price is not None:
            return price.cost(
                message.prompt_tokens,
                message.completion_tokens,
                message.cached_tokens,
                message.written_tokens,
            )
        case _:
            return held


def window(period: Period, now: int) -> tuple[int, int]:
    """(beginning, end) of the window that `now` lies in, all UTC ms; the end is the next one's beginning."""
    if period is Period.NEVER:
        return 0, FOREVER
    midnight = datetime.fromtimestamp(now // 1000, UTC).replace(hour=0, minute=0, second=0)
    match period:
        case Period.DAILY:
            return _milliseconds(midnight), _milliseconds(midnight + timedelta(days=1))
        case Period.WEEKLY:
            monday = midnight - timedelta(days=midnight.weekday())
            return _milliseconds(monday), _milliseconds(monday + timedelta(weeks=1))
        case Period.MONTHLY:
            first = midnight.replace(day=1)
            return _milliseconds(first), _milliseconds((first + timedelta(days=31)).replace(day=1))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
