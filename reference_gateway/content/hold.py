"""One reservation from its making to its settling, which happens exactly once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reference_gateway.content.envelope import Envelope
from reference_gateway.content.meter import Usage
from reference_gateway.ledger.wire import (
    Held,
    Ledger,
    LedgerDownError,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from reference_gateway.web.faults import Fault, RefusalError


class Hold:
    """An open reservation. The first `settle` counts; `overrun` is called when bounds were broken."""

    def __init__(self, ledger: Ledger, rid: int, prompt_bound: int, overrun: Callable[[], None]) -> None:
        self._ledger = ledger
        self._rid = rid
        self._prompt_bound = prompt_bound
        self._overrun = overrun
        self._settled = False

    async def settle(self, outcome: Outcome, usage: Usage | None = None) -> None:
        """Charges what the outcome says. Not interruptible: a bill that is known is written."""
        if self._settled:
            return
        self._settled = True
        tokens = usage or Usage(0, 0)
        message = Settle(
            rid=self._rid,
            outcome=outcome,
            prompt_tokens=tokens.prompt_tokens,
            completion_tokens=tokens.completion_tokens,
        )
        try:
            settled = await asyncio.shield(self._ledger.settle(message))
        except LedgerDownError:
            return  # the hold stays and is charged in full at the next start
        if (settled is not None and settled.excess) or tokens.prompt_tokens > self._prompt_bound:
            self._overrun()

    async def settle_by(self, usage: Usage | None) -> None:
        """The usage if there is one, else the full hold."""
        await self.settle(Outcome.METERED if usage is not None else Outcome.UNKNOWN, usage)


@asynccontextmanager
async def held(
    ledger: Ledger, standing: Standing, envelope: Envelope, overrun: Callable[[], None]
) -> AsyncIterator[Hold]:
    """Reserves the worst case; whatever leaves the block unsettled is charged in full."""
    hold = await _reserve(ledger, standing, envelope, overrun)
    try:
        yield hold
    finally:
        await hold.settle(Outcome.UNKNOWN)


async def _reserve(
    ledger: Ledger, standing: Standing, envelope: Envelope, overrun: Callable[[], None]
) -> Hold:
    model = envelope.model
    reserve = Reserve(
        key_id=standing.key_id,
        generation=standing.generation,
        limited=standing.limited,
        model=model.number,
        prompt_bound=envelope.prompt_bound,
        completion_bound=envelope.completion_bound,
        prompt_price=model.prompt_price,
        completion_price=model.completion_price,
    )
    match await ledger.reserve(reserve):
        case Held(rid):
            # Without a limit nothing was checked against the allow-list, so no bound can be broken.
            bound = envelope.prompt_bound if standing.limited else 2**63
            return Hold(ledger, rid, bound, overrun)
        case Refused(Why.LIMIT):
            raise RefusalError(Fault.LIMIT)
        case Refused(Why.KEY_UNUSABLE):
            raise RefusalError(Fault.BAD_KEY)
        case Refused(Why.LIMIT_IS_NEW):
            raise RefusalError(Fault.KEY_CHANGED)
    raise RefusalError(Fault.LEDGER_DOWN)
