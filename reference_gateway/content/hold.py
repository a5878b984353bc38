"""One reservation from its making to its settling, which happens exactly once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reference_gateway.content.envelope import Envelope
from reference_gateway.content.meter import Usage
from reference_gateway.ledger.wire import Held, Ledger, Outcome, Refused, Reserve, Settle, Standing, Why
from reference_gateway.web.faults import Fault, RefusalError

_FAULTS: Final = {
    Why.LIMIT: Fault.LIMIT,
    Why.ACCOUNT_LIMIT: Fault.ACCOUNT_LIMIT,
    Why.KEY_UNUSABLE: Fault.BAD_KEY,
    Why.LIMIT_IS_NEW: Fault.KEY_CHANGED,
    Why.OUT_OF_SCOPE: Fault.OUT_OF_SCOPE,
    Why.MODEL_SUSPENDED: Fault.MODEL_SUSPENDED,
    Why.DOWN: Fault.LEDGER_DOWN,
}


def refusal_of(refused: Refused) -> RefusalError:
    """The ledger's no, as the caller hears it."""
    return RefusalError(_FAULTS[refused.why])


class Hold:
    """An open reservation. The first `settle` counts."""

    def __init__(self, ledger: Ledger, rid: int) -> None:
        self._ledger = ledger
        self._rid = rid
        self._settled = False

    def settle(self, outcome: Outcome, usage: Usage | None = None) -> None:
        """Charges what the outcome says. Handed over when this returns, so that no cancellation undoes it."""
        if self._settled:
            return
        self._settled = True
        tokens = usage or Usage(0, 0)
        self._ledger.settle(
            Settle(
                rid=self._rid,
                outcome=outcome,
                prompt_tokens=tokens.prompt_tokens,
                completion_tokens=tokens.completion_tokens,
                cached_tokens=tokens.cached_tokens,
                written_tokens=tokens.written_tokens,
            )
        )

    def settle_by(self, usage: Usage | None) -> None:
        """The usage if there is one, else the full hold."""
        self.settle(Outcome.METERED if usage is not None else Outcome.UNKNOWN, usage)


@asynccontextmanager
async def held(ledger: Ledger, standing: Standing, envelope: Envelope) -> AsyncIterator[Hold]:
    """Reserves the worst case; whatever leaves the block unsettled is charged in full.

    Raises RefusalError and LedgerDownError. A caller that goes away while the answer is awaited leaves a
    hold that nobody knows here: the ledger client settles it.
    """
    reserve = Reserve(
        key_id=standing.key_id,
        generation=standing.generation,
        limited=standing.limited,
        endpoint=envelope.endpoint,
        model=envelope.model.place,
        prompt_bound=envelope.prompt_bound,
        completion_bound=envelope.completion_bound,
    )
    answer = await ledger.reserve(reserve)
    if not isinstance(answer, Held):
        raise refusal_of(answer)
    hold = Hold(ledger, answer.rid)
    try:
        yield hold
    finally:
        hold.settle(Outcome.UNKNOWN)
