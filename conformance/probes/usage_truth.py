"""Is recorded usage true? The provider's bill beside what the gateway tells, step by step."""

import asyncio
from collections.abc import Sequence
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD, from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import UsageAfter, UsageRow, UsageTruth
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.usage import settled_usage
from conformance.session import Session
from conformance.target import Target

_EACH = 3
_FEW_TOKENS = calls.MAX_TOKENS // 3


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=6 * _EACH + 60, seconds=2 * target.claims.usage_lag)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def usage_truth(session: Session) -> UsageTruth:
    """Compare recorded usage with the provider's bill."""
    api = session.keys()
    if api.dialect.read is None and api.dialect.own is None:
        raise CannotObserve(
            "the dialect describes no way to read usage",
            fault=Fault.OPERATOR,
            decide="describe `read` or `own` in the dialect",
        )
    price = session.price()
    rows = await _rows(session)
    agreed = all(_agrees(session, row) for row in rows)
    return UsageTruth(price=price, rows=rows, replayed=() if agreed else await _rows(session))


async def _rows(session: Session) -> tuple[UsageRow, ...]:
    """Every kind of call in turn, on keys of their own."""
    api = session.keys()
    key, sibling = await api.create("usage", PICO_PER_USD), await api.create("usage-sibling", PICO_PER_USD)
    account = _Account(session, key)

    def calls_of(who: Key, **how: Any) -> list[Asked]:
        return [calls.chat(session, who.secret, "usage", **how) for _ in range(_EACH)]

    # Of another size, so that they are not taken for calls of the key that were recorded late.
    theirs = [*calls_of(sibling, max_tokens=_FEW_TOKENS), *_named(session, sibling, key)]
    return (
        await account.after("plain calls", calls_of(key)),
        await account.after("streams", calls_of(key, stream=True)),
        await account.after("provider refusals", calls_of(key, fault="error-400"), marked=True),
        await account.after("calls of a sibling", theirs, own=False, marked=True),
        await account.after("a plain call again", calls_of(key)[:1]),
    )


def _named(session: Session, sibling: Key, key: Key) -> list[Asked]:
    """Calls of a sibling that say they are the key's, by everything that the gateway may call it or whoever owns it."""
    return [
        calls.chat(session, sibling.secret, "usage", max_tokens=_FEW_TOKENS, more={"user": name})
        for name in key.names()
    ]


def _agrees(session: Session, row: UsageRow) -> bool:
    return row.recorded is None or abs(row.recorded - row.bill) <= _tolerance(session, row.billed_calls)


def _tolerance(session: Session, billed_calls: int) -> int:
    return billed_calls * from_usd(session.target.claims.usage_unit)


class _Account:
    """Bill and recorded usage of one key, kept side by side."""

    def __init__(self, session: Session, key: Key) -> None:
        self._session = session
        self._key = key
        self._own: list[Asked] = []

    async def after(
        self, what: UsageAfter, asked: Sequence[Asked], *, own: bool = True, marked: bool = False
    ) -> UsageRow:
        """Make calls, wait until usage was recorded or the declared lag has passed, and note both sums.

        Where nothing should be recorded, a plain call follows as a mark (`marked`): once it is recorded, whatever came before it
        would have been too, so that a gateway that records late is not taken for one that charges nothing.
        """
        for one in asked:
            await calls.send(self._session, one)
        if own:
            self._own += asked
        if marked:
            mark = calls.chat(self._session, self._key.secret, "usage")
            await calls.send(self._session, mark)
            self._own.append(mark)
        seen = [call for one in self._own for call in calls.reached(self._session, one)]
        price = self._session.price()
        billed = [call for call in seen if call.prompt_tokens or call.completion_tokens]
        bill = sum(price.bill(call.prompt_tokens, call.completion_tokens) for call in billed)
        tolerance = _tolerance(self._session, len(billed))
        loop = asyncio.get_running_loop()
        began = loop.time()
        recorded = await settled_usage(self._session, self._key, until=bill, tolerance=tolerance)
        reached = [call for one in asked for call in calls.reached(self._session, one)]
        return UsageRow(
            after=what,
            calls=len(asked),
            reached=len(reached),
            billed_calls=len(billed),
            bill=bill,
            recorded=recorded,
            lag_ms=int((loop.time() - began) * 1000),
        )
