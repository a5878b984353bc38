"""Further twins on the reference gateway that let a key spend more than it may, each by one flaw."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from reference_gateway.ledger.accounts import ApiKey, Issued, NewKey, Revise
from reference_gateway.ledger.spend import Settled
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import Endpoint, Held, Outcome, Refused, Reserve, Settle, Why
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, LedgerAround
from tests.twins.reference_twins import CONCURRENT, PRICE, SEQUENTIAL, Money, Unlimited

twin = partial(registry.twin, host="reference")

ENDPOINTS = "spend.every-billable-endpoint-is-limited"
WORST_CASE = "spend.worst-case-is-set-aside"
ABORTED = "spend.aborted-calls-are-charged"
UNMETERED = "spend.unmetered-answers-are-charged"
MODELS = "spend.models-without-a-price-are-refused"
IDENTITY = "spend.callers-cannot-spend-as-others"
RECORDED = "spend.unmetered-calls-are-recorded"
ROOM = "spend.room-is-served"
SMALL = "spend.small-sums-add-up"
CHANGED = "spend.changed-limits-keep-what-was-spent"
ABSURD = "spend.absurd-limits-grant-nothing"


def _worst(message: Reserve) -> int:
    return PRICE.worst(message.prompt_bound, message.completion_bound)


# --- races -------------------------------------------------------------------------------------------------


def _checking(parts: Parts, fits: Callable[[Money, Reserve], bool | Awaitable[bool]]) -> Parts:
    """A ledger that holds whatever it is asked for, behind a check of ours."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        return Unlimited.open(path)

    def money(key_id: int) -> Money:
        query = "SELECT lim, spent, reserved FROM api_key WHERE key_id = ?"
        with closing(sqlite3.connect(ledger[0], timeout=10)) as database:
            return Money(*database.execute(query, (key_id,)).fetchone())

    class Checking(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            fit = fits(money(message.key_id), message)
            if not (fit if isinstance(fit, bool) else await fit):
                return Refused(Why.LIMIT)
            return await super().reserve(message)

    return replace(parts, storage=storage, ledger=Checking)


def _after(seconds: float) -> Callable[[Money, Reserve], Awaitable[bool]]:
    async def fits(money: Money, message: Reserve) -> bool:
        fit = money.limit is None or money.spent + money.held + _worst(message) <= money.limit
        await asyncio.sleep(seconds)
        return fit

    return fits


@twin("limit-check-then-act-20ms", fails={CONCURRENT})
def limit_check_then_act_20ms(parts: Parts) -> Parts:
    """Check and hold lie twenty milliseconds apart."""
    return _checking(parts, _after(0.02))


@twin("limit-check-then-act-5ms", fails={CONCURRENT})
def limit_check_then_act_5ms(parts: Parts) -> Parts:
    """Check and hold lie five milliseconds apart."""
    return _checking(parts, _after(0.005))


@twin("limit-check-then-act-1ms", fails={CONCURRENT})
def limit_check_then_act_1ms(parts: Parts) -> Parts:
    """Check and hold lie one millisecond apart."""
    return _checking(parts, _after(0.001))


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
        return money.limit is None or spent + _worst(message) <= money.limit

    return _checking(parts, fits)


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
        if money.limit is not None and used.get(place, 0) + _worst(message) > money.limit:
            return False
        used[place] = used.get(place, 0) + _worst(message)
        return True

    checked = _checking(parts, fits)

    class Counting(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            if isinstance(answer, Held):
                open_holds[answer.rid] = _process.get(), message.key_id, _worst(message)
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


# --- holds -------------------------------------------------------------------------------------------------


class _Unsuspicious(SqliteStorage):
    """A store to which a bill above its hold is nothing to worry about."""

    @classmethod
    def open(cls, path: Path) -> "_Unsuspicious":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def settle(self, message: Settle, now: int) -> Settled | None:
        settled = super().settle(message, now)
        return settled and replace(settled, overrun=False)


class _Clamping(_Unsuspicious):
    """A hold larger than what is left is made as large as that."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        row = self._one("SELECT lim, spent, reserved FROM api_key WHERE key_id = ?", (message.key_id,))
        left = None if row is None or row["lim"] is None else row["lim"] - row["spent"] - row["reserved"]
        if left is None or left <= 0 or _worst(message) <= left:
            return super().reserve(message, now)
        tokens = max(0, left // 1000)  # a token of a prompt costs a thousand nano-dollars
        return super().reserve(replace(message, prompt_bound=tokens, completion_bound=0), now)


@twin("hold-clamped-to-what-is-left", fails={SEQUENTIAL})
def hold_clamped_to_what_is_left(parts: Parts) -> Parts:
    """A hold that does not fit is shrunk until it does."""
    return replace(parts, storage=_Clamping.open)


# What the request under way looks like; a flaw that hangs on it reads it here.
_request: ContextVar[MutableMapping[str, Any]] = ContextVar("request")


def _read(app: App) -> App:
    """An application whose request bodies, and whether their caller left, are known to the ledger."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        seen: MutableMapping[str, Any] = {"body": b"", "left": False}
        _request.set(seen)

        async def received() -> Message:
            message = await receive()
            seen["body"] += message.get("body", b"")
            seen["left"] = seen["left"] or message["type"] == "http.disconnect"
            return message

        await app(scope, received, send)

    return reading


def _reserving(parts: Parts, change: Callable[[Reserve, bytes], Reserve]) -> Parts:
    class Reserving(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            return await super().reserve(change(message, _request.get()["body"]))

    return replace(parts, storage=_Unsuspicious.open, ledger=Reserving, app=_read)


@twin("answers-held-as-one", fails={WORST_CASE})
def answers_held_as_one(parts: Parts) -> Parts:
    """Of several answers, one is set aside."""

    def change(message: Reserve, body: bytes) -> Reserve:
        many = int(found[1]) if (found := re.search(rb'"n":\s*(\d+)', body)) else 1
        return replace(message, completion_bound=message.completion_bound // max(1, many))

    return _reserving(parts, change)


@twin("no-bound-no-hold", fails={WORST_CASE})
def no_bound_no_hold(parts: Parts) -> Parts:
    """Where a request bounds no tokens, none are set aside."""

    def change(message: Reserve, body: bytes) -> Reserve:
        return (
            message
            if re.search(rb'"max_[a-z_]*tokens":\s*\d', body)
            else replace(message, completion_bound=0)
        )

    return _reserving(parts, change)


# --- charges -----------------------------------------------------------------------------------------------


def _settling(parts: Parts, free: Callable[[Settle, MutableMapping[str, Any]], bool]) -> Parts:
    """Calls that are free cost nothing. What is known of a request at its hold is remembered for its end."""
    requests: dict[int, MutableMapping[str, Any]] = {}

    class Settling(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            if isinstance(answer, Held):
                requests[answer.rid] = {
                    **_request.get(),
                    "seen": _request.get(),
                    "endpoint": message.endpoint,
                }
            return answer

        def settle(self, message: Settle) -> None:
            request = requests.pop(message.rid, {})
            nothing = request and free(message, request)
            super().settle(replace(message, outcome=Outcome.NOTHING_SENT) if nothing else message)

    return replace(parts, ledger=Settling, app=_read)


@twin("left-calls-refunded", fails={ABORTED, RECORDED})
def left_calls_refunded(parts: Parts) -> Parts:
    """Whoever leaves before the end pays nothing."""
    return _settling(parts, lambda _, request: bool(request["seen"]["left"]))


@twin("holds-stay-after-refusals", fails={ROOM})
def holds_stay_after_refusals(parts: Parts) -> Parts:
    """What was set aside for a call that the provider refused is never given back."""

    class Keeping(LedgerAround):
        def settle(self, message: Settle) -> None:
            if message.outcome is not Outcome.REFUSED:
                super().settle(message)

    return replace(parts, ledger=Keeping)


@twin("unmetered-is-free", fails={UNMETERED, RECORDED})
def unmetered_is_free(parts: Parts) -> Parts:
    """Where the provider does not say what was used, nothing was."""
    return _settling(
        parts, lambda message, request: message.outcome is Outcome.UNKNOWN and not request["seen"]["left"]
    )


@twin("users-have-their-own-budget", fails={IDENTITY})
def users_have_their_own_budget(parts: Parts) -> Parts:
    """Calls in the name of a user are charged to the user, who has no limit."""
    return _settling(parts, lambda _, request: b'"user":' in request["body"])


@twin("embeddings-not-counted", fails={ENDPOINTS}, inference=("embeddings",))
def embeddings_not_counted(parts: Parts) -> Parts:
    """The limit is chat's."""
    return _settling(parts, lambda _, request: request["endpoint"] is Endpoint.EMBEDDINGS)


_POINT = 56_000  # nano-dollars, of which the usual call of an audit costs three


class _InPoints(SqliteStorage):
    """Amounts to the nearest whole point."""

    @classmethod
    def open(cls, path: Path) -> "_InPoints":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def settle(self, message: Settle, now: int) -> Settled | None:
        row = self._one("SELECT key_id FROM reservation WHERE rid = ?", (message.rid,))
        settled = super().settle(message, now)
        if settled is not None and row is not None:
            more = round(settled.charged / _POINT) * _POINT - settled.charged
            self._db.execute(
                "UPDATE api_key SET spent = spent + ?, total = total + ? WHERE key_id = ?",
                (more, more, row["key_id"]),
            )
        return settled


@twin("charges-in-whole-points", fails={SMALL, RECORDED})
def charges_in_whole_points(parts: Parts) -> Parts:
    """Every charge is rounded to whole points, of which small calls cost none."""
    return replace(parts, storage=_InPoints.open)


# --- limits ------------------------------------------------------------------------------------------------


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

    def reset(key_id: int) -> None:
        with closing(sqlite3.connect(ledger[0], timeout=10)) as database, database:
            database.execute("UPDATE api_key SET spent = 0 WHERE key_id = ?", (key_id,))

    class Resetting(AccountsAround):
        async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
            revised = await super().revise(key_id, revise, by)
            await asyncio.to_thread(reset, key_id)
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


@twin("variants-are-free", fails={MODELS})
def variants_are_free(parts: Parts) -> Parts:
    """A model's free variant is the model, and free."""
    free = re.compile(rb'("model":\s*"[^"]*):free"')

    def renaming(app: App) -> App:
        async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
            async def received() -> Message:
                message = await receive()
                body = message.get("body", b"")
                # In the same length, which the head has told already.
                return {**message, "body": free.sub(rb'\1"     ', body)} if body else message

            await app(scope, received, send)

        return renamed

    settled = _settling(parts, lambda _, request: free.search(request["body"]) is not None)
    return replace(settled, app=lambda app: _read(renaming(app)))
