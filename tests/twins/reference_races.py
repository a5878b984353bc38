"""Twins of the reference gateway between whose check of a limit and record of a call much time passes."""

import asyncio
from functools import partial

from reference_gateway.ledger.wire import Reserve
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.checks import CONCURRENT
from tests.twins.reference_ledger import Money, checking, worst_case

twin = partial(registry.twin, host="reference")


@twin("limit-check-then-act-50ms", fails={CONCURRENT})
def limit_check_then_act_50ms(parts: Parts) -> Parts:
    """Check and hold lie fifty milliseconds apart, as where the ledger stands in another region."""

    async def fits(money: Money, message: Reserve) -> bool:
        fit = money.limit is None or money.spent + money.held + worst_case(message) <= money.limit
        await asyncio.sleep(0.05)
        return fit

    return checking(parts, fits)
