"""What a request costs, what it may cost, and when a limit's window begins. Pure integers."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from reference_gateway.ledger.wire import Outcome, Reserve, Settle

_PICO_PER_NANO: Final = 1000


class Period(IntEnum):
    """How often the spend limit starts anew, at midnight UTC; weeks start on Monday."""

    NEVER = 0
    DAILY = 1
    WEEKLY = 2
    MONTHLY = 3


def cost(prompt_tokens: int, completion_tokens: int, prompt_price: int, completion_price: int) -> int:
    """Nano-dollars, summed exactly in pico-dollars and rounded up once."""
    pico = prompt_tokens * prompt_price + completion_tokens * completion_price
    return -(-pico // _PICO_PER_NANO)


def worst_case(message: Reserve) -> int:
    """The most the request can cost, in nano-dollars."""
    return cost(
        message.prompt_bound, message.completion_bound, message.prompt_price, message.completion_price
    )


def actual(message: Settle, held: int, prompt_price: int, completion_price: int) -> int:
    """What an ended request cost: the usage if there is one, else nothing if proven, else the hold."""
    match message.outcome:
        case Outcome.METERED:
            return cost(message.prompt_tokens, message.completion_tokens, prompt_price, completion_price)
        case Outcome.NOTHING_SENT | Outcome.REFUSED:
            return 0
        case Outcome.UNKNOWN | Outcome.ORPHANED:
            return held


def window_start(period: Period, now: int) -> int:
    """The beginning (UTC ms) of the window that `now` (UTC ms) lies in; 0 for NEVER."""
    if period is Period.NEVER:
        return 0
    midnight = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.WEEKLY:
        midnight -= timedelta(days=midnight.weekday())
    elif period is Period.MONTHLY:
        midnight = midnight.replace(day=1)
    return int(midnight.timestamp()) * 1000
