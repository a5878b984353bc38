"""Is recorded usage true? The provider's bill beside what the gateway tells, step by step."""

import asyncio
from collections.abc import Sequence
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD, from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import UsageAfter, UsageRow, UsageTruth
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.door import Answer
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
    full = await _full(session)
    rows = await _rows(session)
    agreed = all(_agrees(session, row) for row in rows)
    refused = None if full is None else (await api.read(full)).usage
    replayed = () if agreed else await _rows(session)
    return UsageTruth(price=price, rows=rows, replayed=replayed, refused=refused)


async def _full(session: Session) -> Key | None:
    """A key whose limit no call fits in, after calls that it was refused; None where such a key cannot be made, or is served.

    Its usage is read when that of later calls was recorded: then theirs would have been, too.
    """
    try:
        key = await session.keys().create("usage-full", 1)
    except KeyApiTrouble:
        return None
    asked = [calls.usual(session, key.secret, "usage") for _ in range(_EACH)]
    replies = [await calls.send(session, one) for one in asked]
    told = all(isinstance(reply, Answer) and not calls.admitted(reply) for reply in replies)
    return key if told and not any(calls.reached(session, one) for one in asked) else None


async def _rows(session: Session) -> tuple[UsageRow, ...]:
    """Every kind of call in turn, on keys of their own."""
    api = session.keys()
    key, sibling = await api.create("usage", PICO_PER_USD), await api.create("usage-sibling", PICO_PER_USD)
    account = _Account(session, key)

    def calls_of(who: Key, **how: Any) -> list[Asked]:
        return [calls.usual(session, who.secret, "usage", **how) for _ in range(_EACH)]

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
    anthropic = calls.usual_kind(session) == "messages"
    named = [{"metadata": {"user_id": name}} if anthropic else {"user": name} for name in key.names()]
    return [
        calls.usual(session, sibling.secret, "usage", max_tokens=_FEW_TOKENS, more=more) for more in named
    ]


def _agrees(session: Session, row: UsageRow) -> bool:
    return row.recorded is None or abs(row.recorded - row.bill) <= _tolerance(session, row.rounded())


def _tolerance(session: Session, rounded: int) -> int:
    return max(1, rounded) * from_usd(session.target.claims.usage_unit)


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
            mark = calls.usual(self._session, self._key.secret, "usage")
            await calls.send(self._session, mark)
            self._own.append(mark)
        seen = [call for one in self._own for call in calls.reached(self._session, one)]
        price = self._session.price()
        billed = [call for call in seen if call.prompt_tokens or call.completion_tokens]
        costs = [price.bill(call.prompt_tokens, call.completion_tokens) for call in billed]
        bill, unit = sum(costs), from_usd(self._session.target.claims.usage_unit)
        uneven = sum(cost % max(1, unit) > 0 for cost in costs)
        tolerance = _tolerance(self._session, uneven)
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
            uneven=uneven,
        )
