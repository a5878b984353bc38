"""Twins of the reference gateway that charge calls which they refuse themselves."""

from collections import Counter
from dataclasses import replace

from reference_gateway.ledger.wire import Held, Refused, Reserve
from reference_gateway.parts import Parts
from tests.twins.around import LedgerAround
from tests.twins.registry import twin

_PRICE = 10_000  # nano-dollars of a refusal


@twin("own-refusals-charged", host="reference", fails={"spend.provider-refusals-are-free"})
def own_refusals_charged(parts: Parts) -> Parts:
    """Every call that a limit refuses shows as a little usage, which the limit itself does not count."""
    refused: Counter[int] = Counter()

    class Counting(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            refused[message.key_id] += isinstance(answer, Refused)
            return answer

    return replace(
        parts,
        ledger=Counting,
        key_view=lambda account: parts.key_view(
            replace(account, total=account.total + _PRICE * refused[account.key_id])
        ),
    )
