"""Twins of the reference gateway whose limits can be exceeded, each by one flaw."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path

from reference_gateway.ledger.accounts import ApiKey, Issued, NewKey, Revise
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround
from tests.twins.checks import ABSURD, CHANGED, CONCURRENT, SEQUENTIAL
from tests.twins.reference_ledger import PRICE, Money, Unlimited, checking, worst_case, write

twin = partial(registry.twin, host="reference")


@twin("limit-ignored", fails={SEQUENTIAL, CONCURRENT})
def limit_ignored(parts: Parts) -> Parts:
    """A limit that is shown and never asked for."""
    return replace(parts, storage=Unlimited.open)


@twin("limit-after-the-fact", fails={SEQUENTIAL, CONCURRENT})
def limit_after_the_fact(parts: Parts) -> Parts:
    """A call is let through while less than the limit is recorded."""
    return checking(parts, lambda money, _: money.limit is None or money.spent < money.limit)


def _after(seconds: float) -> Callable[[Money, Reserve], Awaitable[bool]]:
    async def fits(money: Money, message: Reserve) -> bool:
        fit = money.limit is None or money.spent + money.held + worst_case(message) <= money.limit
        await asyncio.sleep(seconds)
        return fit

    return fits


@twin("limit-check-then-act", fails={CONCURRENT})
def limit_check_then_act(parts: Parts) -> Parts:
    """The worst case is checked, and held a moment later: a race for whoever does not wait."""
    return checking(parts, _after(0.03))


@twin("limit-check-then-act-20ms", fails={CONCURRENT})
def limit_check_then_act_20ms(parts: Parts) -> Parts:
    """Check and hold lie twenty milliseconds apart."""
    return checking(parts, _after(0.02))


@twin("limit-check-then-act-5ms", fails={CONCURRENT})
def limit_check_then_act_5ms(parts: Parts) -> Parts:
    """Check and hold lie five milliseconds apart."""
    return checking(parts, _after(0.005))


@twin("limit-check-then-act-1ms", fails={CONCURRENT})
def limit_check_then_act_1ms(parts: Parts) -> Parts:
    """Check and hold lie one millisecond apart."""
    return checking(parts, _after(0.001))


_FLUSH_SECONDS = 0.5


@twin("limit-on-a-lazy-counter", fails={SEQUENTIAL, CONCURRENT})
def limit_on_a_lazy_counter(parts: Parts) -> Parts:
    """The limit is compared with a counter that is brought up to date twice a second."""
    counted: dict[int, tuple[float, int]] = {}

    def fits(money: Money, message: Reserve) -> bool:
        at, spent = counted.get(message.key_id, (0.0, 0))
        if time.monotonic() - at > _FLUSH_SECONDS:
            spent = money.spent
            counted[message.key_id] = time.monotonic(), spent
        return money.limit is None or spent + worst_case(message) <= money.limit

    return checking(parts, fits)


_process: ContextVar[int] = ContextVar("process", default=0)


def _two_processes(app: App) -> App:
    """Connections fall to one of two, in turn."""
    fallen: dict[object, int] = {}

    async def distributing(scope: Scope, receive: Receive, send: Send) -> None:
        peer = tuple(scope.get("client") or ())
        _process.set(fallen.setdefault(peer, len(fallen) % 2))
        await app(scope, receive, send)

    return distributing


@twin("limit-counted-by-each-process", fails={SEQUENTIAL})
def limit_counted_by_each_process(parts: Parts) -> Parts:
    """Two processes, each of which knows what it served itself."""
    open_holds: dict[int, tuple[int, int, int]] = {}
    used: dict[tuple[int, int], int] = {}

    def fits(money: Money, message: Reserve) -> bool:
        place = _process.get(), message.key_id
        if money.limit is not None and used.get(place, 0) + worst_case(message) > money.limit:
            return False
        used[place] = used.get(place, 0) + worst_case(message)
        return True

    checked = checking(parts, fits)

    class Counting(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            if isinstance(answer, Held):
                open_holds[answer.rid] = _process.get(), message.key_id, worst_case(message)
            return answer

        def settle(self, message: Settle) -> None:
            process, key_id, worst = open_holds.pop(message.rid, (0, 0, 0))
            used[process, key_id] = used.get((process, key_id), 0) - worst + _charge(message, worst)
            super().settle(message)

    return replace(checked, ledger=lambda inner: Counting(checked.ledger(inner)), app=_two_processes)


def _charge(message: Settle, worst: int) -> int:
    if message.outcome is Outcome.METERED:
        return PRICE.worst(message.prompt_tokens, message.completion_tokens)
    return worst if message.outcome is Outcome.UNKNOWN else 0


@twin("zero-is-unlimited", fails={ABSURD})
def zero_is_unlimited(parts: Parts) -> Parts:
    """A limit that is not true is none."""

    class Truthful(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            return await super().create(replace(new, limit=new.limit or None), by)

    return replace(parts, accounts=Truthful)


@twin("change-resets-usage", fails={CHANGED})
def change_resets_usage(parts: Parts) -> Parts:
    """A changed key begins anew."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        return open_sqlite(path)

    class Resetting(AccountsAround):
        async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
            revised = await super().revise(key_id, revise, by)
            await asyncio.to_thread(
                write, ledger[0], "UPDATE api_key SET spent = 0 WHERE key_id = ?", (key_id,)
            )
            return revised

    return replace(parts, storage=storage, accounts=Resetting)


class _EveryCallAWindow(SqliteStorage):
    """Windows that begin with each call."""

    @classmethod
    def open(cls, path: Path) -> "_EveryCallAWindow":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        self._db.execute("UPDATE api_key SET spent = 0 WHERE key_id = ? AND period > 0", (message.key_id,))
        return super().reserve(message, now)


@twin("window-begins-with-each-call", fails={CHANGED})
def window_begins_with_each_call(parts: Parts) -> Parts:
    """The start of the window is the time of the call."""
    return replace(parts, storage=_EveryCallAWindow.open)
