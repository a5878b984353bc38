"""A model of keys, provider and clock beside the ledger: what was truly billed is kept outside it.

Time passes, requests are admitted, end well, badly or never, the process dies, limits change. In no
window may the provider's true bill exceed the highest limit that was in force there.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from reference_gateway.ledger.accounts import Account, Revision
from reference_gateway.ledger.spend import Period, window_start
from reference_gateway.ledger.storage.sqlite import SqliteStorage, prepared
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle

KEY = 42
DAY = 86_400_000
START = 1_800_000_000_000


@dataclass(frozen=True)
class Call:
    """An admitted call: what it may cost and what the provider really bills, in tokens at 1 nano each."""

    rid: int
    bound: int
    bill: int
    sent: bool
    window: int


class LedgerMachine(RuleBasedStateMachine):
    """Subclass with another `storage_class` to see whether a flaw is found."""

    storage_class: type[SqliteStorage] = SqliteStorage
    calls = Bundle("calls")
    ended = Bundle("ended")

    @initialize(limit=st.integers(0, 300))
    def begin(self, limit: int) -> None:
        self.db = prepared(sqlite3.connect(":memory:", isolation_level=None))
        self.storage = self.storage_class(self.db)
        self.now = START
        self.window = window_start(Period.DAILY, START)
        self.open: dict[int, Call] = {}
        self.billed: defaultdict[int, int] = defaultdict(int)
        self.highest: dict[int, int] = {self.window: limit}
        self.limit = limit
        account = Account(
            key_id=KEY,
            name="k",
            disabled=False,
            generation=1,
            limit=limit,
            period=Period.DAILY,
            window=self.window,
            spent=0,
            reserved=0,
            total=0,
            created_at=START,
            updated_at=START,
            expires_at=None,
        )
        with self.storage.transaction():
            self.storage.insert(account, b"s" * 16, b"d" * 32)

    @rule(target=calls, bound=st.integers(1, 120), share=st.integers(0, 100), sent=st.booleans())
    def reserve(self, bound: int, share: int, sent: bool) -> Call | None:
        message = Reserve(
            key_id=KEY,
            generation=1,
            limited=True,
            model=1,
            prompt_bound=0,
            completion_bound=bound,
            prompt_price=0,
            completion_price=1000,
        )
        with self.storage.transaction():
            answer = self.storage.reserve(message, self.now)
        if isinstance(answer, Refused):
            return None
        assert isinstance(answer, Held)
        bill = bound * share // 100 if sent else 0
        call = Call(answer.rid, bound, bill, sent, self.window)
        self.open[call.rid] = call
        self.billed[call.window] += bill
        return call

    @rule(target=ended, call=consumes(calls))
    def answer(self, call: Call | None) -> Call | None:
        if call is not None and call.sent:
            self._settle(call, Outcome.METERED, call.bill)
        return call

    @rule(target=ended, call=consumes(calls))
    def abort(self, call: Call | None) -> Call | None:
        if call is not None:
            self._settle(call, Outcome.UNKNOWN if call.sent else Outcome.NOTHING_SENT, 0)
        return call

    @rule(call=ended)
    def settle_again(self, call: Call | None) -> None:
        if call is not None and call.rid not in self.open:
            before = self._account()
            self._settle(call, Outcome.METERED, call.bound)
            assert self._account() == before

    @rule()
    def crash(self) -> None:
        self.storage = self.storage_class(self.db)
        with self.storage.transaction():
            self.storage.charge_orphans(self.now)
        self.open.clear()

    @rule(hours=st.integers(-20, 60))
    def tick(self, hours: int) -> None:
        self.now = max(START, self.now + hours * 3_600_000)
        self.window = max(self.window, window_start(Period.DAILY, self.now))
        self.highest.setdefault(self.window, self.limit)

    @rule(limit=st.integers(0, 300))
    def change_limit(self, limit: int) -> None:
        revision = Revision(name="k", disabled=False, limit=limit, period=Period.DAILY, expires_at=None)
        with self.storage.transaction():
            self.storage.revise(KEY, revision, self.now)
        self.limit = limit
        self.highest[self.window] = max(limit, self.highest[self.window])

    @invariant()
    def no_window_is_overspent(self) -> None:
        for window, bill in self.billed.items():
            assert bill <= self.highest[window]

    @invariant()
    def the_ledger_counts_at_least_what_was_billed(self) -> None:
        account = self._account()
        still_open = sum(call.bill for call in self.open.values())
        assert account.total >= sum(self.billed.values()) - still_open

    @invariant()
    def holds_are_what_is_open(self) -> None:
        assert self._account().reserved == sum(call.bound for call in self.open.values())

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def _settle(self, call: Call, outcome: Outcome, tokens: int) -> None:
        message = Settle(rid=call.rid, outcome=outcome, completion_tokens=tokens)
        with self.storage.transaction():
            self.storage.settle(message, self.now)
        self.open.pop(call.rid, None)

    def _account(self) -> Account:
        with self.storage.transaction():
            account = self.storage.account(KEY, self.now)
        assert account is not None
        return account
