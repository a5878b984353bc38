"""Small ledgers for tests: one nano-dollar per token, a clock that stands still, no file unless one is wanted."""

import sqlite3
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from reference_gateway import credential
from reference_gateway.events import Event
from reference_gateway.ledger.accounts import ApiKey, Issued, NewKey, Revision, Scope
from reference_gateway.ledger.book import Book
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.spend import Period, PricedModel
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite, prepared
from reference_gateway.ledger.wire import (
    Answer,
    Authorise,
    Endpoint,
    Held,
    Notice,
    Outcome,
    Question,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.price import Price, Rate

NOW: Final = 1_800_000_000_000
ENVIRONMENT: Final = "test"


def per_token(nano: int) -> Price:
    """Every token costs the same, in nano-dollars."""
    pico = 1000 * nano
    return Price(rate=Rate(prompt=pico, completion=pico, cached=pico, written=pico))


PENNY: Final = per_token(1)
PRICES: Final = ((70, "small", PENNY), (71, "large", PENNY))
MODELS: Final = tuple(PricedModel(*priced) for priced in PRICES)
KEY: Final = ApiKey(
    key_id=1,
    account=None,
    name="k",
    disabled=False,
    generation=1,
    scope=Scope(),
    limit=1000,
    period=Period.NEVER,
    window=0,
    spent=0,
    reserved=0,
    total=0,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + 10,
)
RESERVE: Final = Reserve(
    key_id=1,
    generation=1,
    limited=True,
    endpoint=Endpoint.CHAT,
    model=0,
    prompt_bound=0,
    completion_bound=100,
)

Result = TypeVar("Result")
Stored = TypeVar("Stored", bound=SqliteStorage)


def in_memory(kind: type[Stored]) -> Stored:
    """A storage that is gone when it is closed, with the models of `PRICES` on offer."""
    storage = kind(prepared(sqlite3.connect(":memory:", isolation_level=None)))
    storage.use(MODELS)
    return storage


def on_disk(folder: Path, kind: type[Stored]) -> Stored:
    """The same in a file."""
    opened = open_sqlite(folder / "ledger.sqlite3")
    storage = kind(opened._db, opened._lock)
    storage.use(MODELS)
    return storage


def done(act: Coroutine[Any, Any, Result]) -> Result:
    """The result of one of the book's own coroutines, none of which ever waits."""
    try:
        act.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise AssertionError("it waits")


def authorise(issued: Issued, endpoint: Endpoint = Endpoint.CHAT) -> Authorise:
    """What a worker asks that was shown this key."""
    presented = credential.parse(ENVIRONMENT, issued.key)
    assert presented is not None
    return Authorise(presented.key_id, presented.tail, endpoint)


def reserve_for(standing: Standing) -> Reserve:
    """`RESERVE` for a key that was shown."""
    return replace(RESERVE, key_id=standing.key_id, generation=standing.generation, limited=standing.limited)


@dataclass
class Desk:
    """A book, what it reported, and its clock."""

    storage: SqliteStorage
    now: int = NOW
    events: list[Event] = field(default_factory=list)
    hashing: Hashing = Hashing()  # noqa: RUF009 - frozen
    prices: Sequence[tuple[int, str, Price]] = PRICES

    def __post_init__(self) -> None:
        self.book = Book(
            self.storage,
            self.events.append,
            self.hashing,
            ENVIRONMENT,
            self.prices,
            clock=lambda: self.now,
        )

    def new_key(self, **terms: Any) -> Issued:
        """A key with a limit of 1000, unless other terms are given."""
        return done(self.book.create(NewKey(**{"name": "k", "limit": 1000, **terms}), "x"))

    def record(self, issued: Issued) -> ApiKey:
        """A key as it is now."""
        record = done(self.book.get(issued.record.key_id))
        assert record is not None
        return record

    def change(self, issued: Issued, **terms: Any) -> ApiKey:
        """Changes some of a key's terms."""
        revised = done(self.book.revise(issued.record.key_id, lambda key: revision(key, **terms), "x"))
        assert revised is not None
        return revised

    def ask(self, connection: Connection, *messages: Question | Notice) -> list[Answer]:
        """One batch of one worker; the answers in the order of the questions."""
        batch = [(connection, place, message) for place, message in enumerate(messages)]
        return [answer for _, _, answer in sorted(self.book.answer(batch), key=lambda reply: reply[1])]

    def shown(self, connection: Connection, issued: Issued) -> Reserve:
        """`RESERVE` for a key, after showing it."""
        (standing,) = self.ask(connection, authorise(issued))
        assert isinstance(standing, Standing)
        return reserve_for(standing)

    def tried(self, connection: Connection, issued: Issued, **change: Any) -> Answer:
        """What becomes of `RESERVE` for a key, which is shown first."""
        (answer,) = self.ask(connection, replace(self.shown(connection, issued), **change))
        return answer

    def held(self, connection: Connection, issued: Issued, **change: Any) -> Held:
        """The same where it must become a hold."""
        answer = self.tried(connection, issued, **change)
        assert isinstance(answer, Held)
        return answer


def revision(key: ApiKey, **terms: Any) -> Revision:
    """A key's terms with some of them changed."""
    names = (field.name for field in fields(Revision))
    return Revision(**{name: getattr(key, name) for name in names} | terms)


def metered(rid: int, tokens: int) -> Settle:
    """A call that cost `tokens` nano-dollars."""
    return Settle(rid=rid, outcome=Outcome.METERED, completion_tokens=tokens)
