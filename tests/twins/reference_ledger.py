"""What twins of the reference gateway with another ledger are built from."""

import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reference_gateway.ledger.spend import Settled
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle, Why
from reference_gateway.parts import Parts
from reference_gateway.price import Price, Rate
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins.around import LedgerAround

# As `--init` writes it.
PRICE = Price(rate=Rate(prompt=10**6, completion=2 * 10**6, cached=10**6, written=10**6))
# What the request under way looks like; a flaw that hangs on it reads it here.
REQUEST: ContextVar[MutableMapping[str, Any]] = ContextVar("request")


def write(path: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    """Change a ledger behind the gateway's back."""
    with closing(sqlite3.connect(path, timeout=10)) as database, database:
        database.execute(statement, values)


class Unlimited(SqliteStorage):
    """Holds without a look at the limit."""

    @classmethod
    def open(cls, path: Path) -> "Unlimited":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        row = self._one("SELECT lim FROM api_key WHERE key_id = ?", (message.key_id,))
        self._db.execute("UPDATE api_key SET lim = NULL WHERE key_id = ?", (message.key_id,))
        answer = super().reserve(message, now)
        self._db.execute("UPDATE api_key SET lim = ? WHERE key_id = ?", (row and row["lim"], message.key_id))
        return answer


@dataclass(frozen=True, slots=True)
class Money:
    """Of one key, in nano-dollars."""

    limit: int | None
    spent: int
    held: int


def worst_case(message: Reserve) -> int:
    """What a call may cost, in nano-dollars."""
    return PRICE.worst(message.prompt_bound, message.completion_bound)


def checking(parts: Parts, fits: Callable[[Money, Reserve], bool | Awaitable[bool]]) -> Parts:
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


def known_to_the_ledger(app: App) -> App:
    """An application whose request bodies, and whether their caller left, are known to the ledger."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        seen: MutableMapping[str, Any] = {"body": b"", "left": False}
        REQUEST.set(seen)

        async def received() -> Message:
            message = await receive()
            seen["body"] += message.get("body", b"")
            seen["left"] = seen["left"] or message["type"] == "http.disconnect"
            return message

        await app(scope, received, send)

    return reading


def settling(parts: Parts, free: Callable[[Settle, MutableMapping[str, Any]], bool]) -> Parts:
    """Calls that are free cost nothing. What is known of a request at its hold is remembered for its end."""
    requests: dict[int, MutableMapping[str, Any]] = {}

    class Settling(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            if isinstance(answer, Held):
                requests[answer.rid] = {
                    **REQUEST.get(),
                    "seen": REQUEST.get(),
                    "endpoint": message.endpoint,
                }
            return answer

        def settle(self, message: Settle) -> None:
            request = requests.pop(message.rid, {})
            nothing = request and free(message, request)
            super().settle(replace(message, outcome=Outcome.NOTHING_SENT) if nothing else message)

    return replace(parts, ledger=Settling, app=known_to_the_ledger)


class Unsuspicious(SqliteStorage):
    """A store to which a bill above its hold is nothing to worry about."""

    @classmethod
    def open(cls, path: Path) -> "Unsuspicious":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def settle(self, message: Settle, now: int) -> Settled | None:
        settled = super().settle(message, now)
        return settled and replace(settled, overrun=False)
