"""Histories of a ledger beside its model: whatever happens, in whatever order, both must say the same.

Workers hold and settle, are cut off and replaced; administrators change what there is; the clock runs and
is set back; the disk is full for a while; the ledger dies, in the middle of its work too, and comes back
with other prices. What providers truly billed is known to the model only.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from reference_gateway.ledger.accounts import Account, AccountTerms, ApiKey, Issued, NewKey
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import (
    Answer,
    Held,
    LedgerDownError,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from tests.reference_gateway.ledger_faulty import Faulty, Killed, Moment
from tests.reference_gateway.ledger_model import Budget, Call, Key, Model
from tests.reference_gateway.ledger_parts import (
    NOW,
    PRICES,
    RESERVE,
    Desk,
    authorise,
    done,
    in_memory,
    metered,
    per_token,
    revision,
)

HOUR = 3_600_000
# Weighted, so that most of a history is spent on calls that can be admitted.
LIMITS = st.sampled_from((None, 0, 60, 150, 150, 300, 300, 300))
PERIODS = st.sampled_from((Period.NEVER, Period.DAILY, Period.DAILY, Period.WEEKLY, Period.MONTHLY))
SELDOM = st.sampled_from((False,) * 7 + (True,))
# A step of the clock: within a day, over a few of them, over the end of a month, back.
HOURS = st.sampled_from((1, 9, 24, 70, 24 * 27, 24 * 31, -1, -30))
LIFETIMES = st.sampled_from((None,) * 6 + (5, 30))  # hours
OUTCOMES = st.sampled_from((Outcome.METERED, Outcome.UNKNOWN, Outcome.NOTHING_SENT, Outcome.REFUSED))
FATES = st.none() | OUTCOMES

Wish = tuple[int, int, Outcome | None]  # bound, share of it that is billed, how it ends
WISHES = st.lists(st.tuples(st.integers(1, 120), st.integers(0, 100), FATES), min_size=1, max_size=5)
Result = TypeVar("Result")


@dataclass(eq=False)
class Worker:
    """A content worker: its connection and what it was told about keys, however long ago."""

    connection: Connection = field(default_factory=lambda: Connection(bytes(16)))
    standings: dict[Key, Standing] = field(default_factory=dict)
    open: dict[int, "Admitted"] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Admitted:
    """A call: who holds it under which name, of which model."""

    worker: Worker
    rid: int
    model: int
    call: Call


class LedgerMachine(RuleBasedStateMachine):
    """Subclass with another `storage_class` to see whether a flaw is found."""

    storage_class: type[Faulty] = Faulty
    keys = Bundle("keys")
    calls = Bundle("calls")

    @initialize(target=keys, limit=LIMITS, period=PERIODS, shared=LIMITS, shared_period=PERIODS)
    def begin(self, limit: int | None, period: Period, shared: int | None, shared_period: Period) -> Key:
        self.storage = in_memory(self.storage_class)
        self.desk = Desk(self.storage)
        self.price = 1  # nano-dollars per token
        self.model = Model()
        self.workers = [Worker(), Worker()]
        self.owed: list[tuple[Admitted, Outcome]] = []  # ended while the disk was full
        self.suspended: set[int] = set()  # models
        self.issued: dict[Key, Issued] = {}
        terms = AccountTerms(name="a", limit=shared, period=shared_period)
        self.account = Budget(shared, shared_period, NOW)
        self.account_id = done(self.desk.book.create_account(terms, "x")).account_id
        return self._create(limit, period, self.account)

    # --- calls ---

    @rule(
        target=calls,
        key=keys,
        number=st.integers(0, 1),
        model=st.integers(0, 1),
        wishes=WISHES,
        ask_anew=st.booleans(),
        hours=st.sampled_from((0, 0, 0, 0, 1, 30, -1, -30)),
    )
    def call(self, key: Key, number: int, model: int, wishes: list[Wish], ask_anew: bool, hours: int) -> Any:
        """Several at once, which the ledger takes one after the other in one transaction. Some end soon."""
        if hours:  # here too, or the two would seldom meet
            self.tick(hours)
        worker = self.workers[number]
        standing = self._standing(worker, key, ask_anew)
        if standing is None:
            return multiple()
        answers = self.desk.ask(worker.connection, *_messages(standing, model, wishes))
        if self.storage.full:
            assert all(isinstance(answer, Refused) for answer in answers)
            return multiple()
        admitted = []
        for answer, (bound, share, fate) in zip(answers, wishes, strict=True):
            call = self._admit(key, standing, model, bound, share, answer)
            if call is not None and isinstance(answer, Held):
                worker.open[answer.rid] = Admitted(worker, answer.rid, model, call)
                admitted.append((worker.open[answer.rid], fate))
        for one, fate in admitted:
            if fate is not None:
                self._end(one, fate, more=0)
        return multiple(*(one for one, fate in admitted if fate is None))

    @rule(admitted=consumes(calls), outcome=OUTCOMES, more=st.sampled_from((0,) * 7 + (50,)))
    def end(self, admitted: Admitted, outcome: Outcome, more: int) -> None:
        """A provider may also bill more than was asked of it."""
        if admitted.rid in admitted.worker.open:
            self._end(admitted, outcome, more)

    @rule(number=st.integers(0, 1))
    def settle_again(self, number: int) -> None:
        worker = self.workers[number]
        self.desk.ask(worker.connection, *(metered(rid, 100) for rid in worker.ended))
        assert not worker.connection.broken

    @rule(number=st.integers(0, 1))
    def settle_for_another(self, number: int) -> None:
        worker, other = self.workers[number], self.workers[1 - number]
        self.desk.ask(
            worker.connection, *(Settle(rid=rid, outcome=Outcome.NOTHING_SENT) for rid in other.open)
        )
        assert worker.connection.broken == bool(other.open)
        if worker.connection.broken:
            self._lose(number)

    # --- accidents ---

    @rule(number=st.integers(0, 1))
    def lose_a_worker(self, number: int) -> None:
        self._lose(number)

    @rule(price=st.integers(1, 3))
    def restart(self, price: int) -> None:
        """With other prices, perhaps, which nothing that was held before may notice."""
        self._come_back(price)

    @rule(key=keys, number=st.integers(0, 1), wishes=WISHES, moment=st.sampled_from(Moment))
    def die_in_the_middle(self, key: Key, number: int, wishes: list[Wish], moment: Moment) -> None:
        """The ledger is killed over a batch of ends and new holds, whose answers nobody hears."""
        worker = self.workers[number]
        standing = None if self.storage.full else self._standing(worker, key, ask_anew=False)
        if standing is None:
            return
        ends = [metered(rid, one.call.bill // self.price) for rid, one in worker.open.items()]
        self.storage.dies = moment
        with pytest.raises(Killed):
            self.desk.ask(worker.connection, *ends, *_messages(standing, 0, wishes))
        if moment is Moment.AFTER_THE_COMMIT:
            for one in worker.open.values():
                one.call.end(Outcome.METERED)
            for bound, _, _ in wishes:
                if self._against(key, standing, 0, bound) is None:
                    self.model.admitted(key, bound * self.price, bill=0)
        self._come_back(self.price)

    @rule()
    def fill_the_disk(self) -> None:
        """Until the clock moves."""
        self.storage.full = True

    # --- time ---

    @rule(hours=HOURS)
    def tick(self, hours: int) -> None:
        self._free_the_disk()
        self.desk.now = max(NOW, self.desk.now + hours * HOUR)

    @rule(key=keys, shared=st.booleans(), after=st.sampled_from((-1, 0)))
    def tick_to_an_end(self, key: Key, shared: bool, after: int) -> None:
        """To the last millisecond of a window, or to the first one behind it."""
        self._free_the_disk()
        budget = self.account if shared else key
        if budget.end < self.desk.now + 40 * 24 * HOUR:
            self.desk.now = max(NOW, int(budget.end) + after)

    # --- administrators ---

    @rule(target=keys, limit=LIMITS, period=PERIODS, shared=st.booleans())
    def create(self, limit: int | None, period: Period, shared: bool) -> Any:
        if self.storage.full or len(self.issued) == 3:
            return multiple()
        return self._create(limit, period, self.account if shared else None)

    @rule(key=keys, limit=LIMITS, period=PERIODS, disabled=SELDOM, hours=LIFETIMES)
    def change_key(
        self, key: Key, limit: int | None, period: Period, disabled: bool, hours: int | None
    ) -> None:
        if key.deleted:
            return
        expires_at = None if hours is None else self.desk.now + hours * HOUR
        terms = {"limit": limit, "period": period, "disabled": disabled, "expires_at": expires_at}
        if self._administer(self.desk.book.revise(self._id(key), lambda old: revision(old, **terms), "x")):
            self._change(key, limit, period, disabled)
            key.expires_at = float("inf") if expires_at is None else expires_at

    @rule(limit=LIMITS, period=PERIODS, disabled=SELDOM)
    def change_account(self, limit: int | None, period: Period, disabled: bool) -> None:
        terms = AccountTerms(name="a", limit=limit, period=period, disabled=disabled)
        if self._administer(self.desk.book.revise_account(self.account_id, lambda _: terms, "x")):
            self._change(self.account, limit, period, disabled)

    @rule(key=keys)
    def rotate(self, key: Key) -> None:
        issued = None if key.deleted else self._administer(self.desk.book.rotate(self._id(key), "x"))
        if issued is not None:
            self.issued[key] = issued
            key.generation += 1

    @rule(key=keys, sure=SELDOM)
    def delete(self, key: Key, sure: bool) -> None:
        if sure and not key.deleted and self._administer(self.desk.book.delete(self._id(key), "x")):
            key.deleted = True

    # --- what must hold ---

    @invariant()
    def no_window_is_overspent(self) -> None:
        for budget in (*self.issued, self.account):
            assert self.model.overspent(budget) == []

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        book, model = self.desk.book, self.model
        shown: dict[Budget, ApiKey | Account | None] = {self.account: done(book.account(self.account_id))}
        shown |= {key: done(book.get(self._id(key))) for key in self.issued if not key.deleted}
        for budget, record in shown.items():
            assert record is not None
            assert (record.spent, record.reserved, record.total) == (
                model.spent(budget, self.desk.now),
                model.reserved(budget),
                model.total(budget),
            )

    @invariant()
    def every_nano_dollar_is_accounted_for(self) -> None:
        """Deleted keys' too, in their rows, in the usage records, and what falls to the operator."""
        rows = self.storage._db.execute("SELECT key_id, reserved, total FROM api_key")
        used = self.storage._db.execute("SELECT key_id, sum(charged) FROM usage_record GROUP BY key_id")
        (excess,) = self.storage._db.execute("SELECT excess FROM operator_account").fetchone()
        model = self.model
        expected = {self._id(key): (model.reserved(key), model.total(key)) for key in self.issued}
        assert {key_id: (reserved, total) for key_id, reserved, total in rows} == expected
        assert dict(used.fetchall()) == {
            key: total for key, (_, total) in expected.items() if key in self._ended()
        }
        assert excess == sum(call.excess for call in self.model.calls)

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.storage.close()

    # --- both sides of an act ---

    def _create(self, limit: int | None, period: Period, account: Budget | None) -> Key:
        key = Key(limit, period, self.desk.now, account=account)
        above = self.account_id if account is not None else None
        self.issued[key] = done(
            self.desk.book.create(NewKey(name="k", account=above, limit=limit, period=period), "x")
        )
        return key

    def _id(self, key: Key) -> int:
        return self.issued[key].record.key_id

    def _ended(self) -> set[int]:
        """Keys of which anything was settled."""
        return {self._id(call.key) for call in self.model.calls if call.charge is not None}

    def _standing(self, worker: Worker, key: Key, ask_anew: bool) -> Standing | None:
        """What the worker knows of the key, though that may be old."""
        if ask_anew or key not in worker.standings:
            (answer,) = self.desk.ask(worker.connection, authorise(self.issued[key]))
            if key.usable(self.desk.now):
                assert isinstance(answer, Standing)
                assert (answer.generation, answer.limited) == (key.generation, key.limited())
                worker.standings[key] = answer
            else:
                assert answer == Refused(Why.KEY_UNUSABLE)
        return worker.standings.get(key)

    def _against(self, key: Key, standing: Standing, model: int, bound: int) -> Why | None:
        if model in self.suspended:
            return Why.MODEL_SUSPENDED
        amount = bound * self.price
        return self.model.reserve(key, standing.generation, standing.limited, amount, self.desk.now)

    def _admit(
        self, key: Key, standing: Standing, model: int, bound: int, share: int, answer: Answer
    ) -> Call | None:
        why = self._against(key, standing, model, bound)
        if why is not None:
            assert answer == Refused(why)
            return None
        assert isinstance(answer, Held)
        return self.model.admitted(key, bound * self.price, bound * share // 100 * self.price)

    def _end(self, admitted: Admitted, outcome: Outcome, more: int) -> None:
        call = admitted.call
        if outcome is Outcome.METERED and more:
            call.bill = call.bound + more * self.price
        elif outcome in {Outcome.NOTHING_SENT, Outcome.REFUSED}:
            call.bill = 0
        message = replace(metered(admitted.rid, call.bill // self.price), outcome=outcome)
        self.desk.ask(admitted.worker.connection, message)
        admitted.worker.ended.append(admitted.rid)
        del admitted.worker.open[admitted.rid]
        self._charge(admitted, outcome)

    def _free_the_disk(self) -> None:
        self.storage.full = False
        self.desk.book.answer([])
        owed, self.owed = self.owed, []
        for admitted, outcome in owed:
            self._charge(admitted, outcome)

    def _lose(self, number: int) -> None:
        worker, self.workers[number] = self.workers[number], Worker()
        self.desk.book.lost(worker.connection)
        for admitted in worker.open.values():
            self._charge(admitted, Outcome.ORPHANED)
        worker.open.clear()

    def _come_back(self, price: int) -> None:
        self.storage.full = False
        self.price = price
        prices = [(number, name, per_token(price)) for number, name, _ in PRICES]
        self.desk = Desk(self.storage, now=self.desk.now, prices=prices)
        for call in self.model.calls:
            if call.charge is None:
                call.end(Outcome.ORPHANED)
        for worker in self.workers:
            worker.open.clear()
        self.workers = [Worker(), Worker()]
        self.owed.clear()
        self.suspended.clear()

    def _charge(self, admitted: Admitted, outcome: Outcome) -> None:
        if self.storage.full:
            self.owed.append((admitted, outcome))
            return
        admitted.call.end(outcome)
        if outcome is Outcome.METERED and admitted.call.overrun():
            self.suspended.add(admitted.model)

    def _administer(self, act: Coroutine[Any, Any, Result]) -> Result | None:
        """What an act gives; None where the disk is full, for then it must fail as a whole."""
        if not self.storage.full:
            return done(act)
        with pytest.raises(LedgerDownError):
            done(act)
        return None

    def _change(self, budget: Budget, limit: int | None, period: Period, disabled: bool) -> None:
        before = budget.period
        budget.change(limit, period, disabled, self.desk.now)
        if period is not before:
            self.model.turn(budget)


def _messages(standing: Standing, model: int, wishes: list[Wish]) -> list[Reserve]:
    shown = replace(
        RESERVE,
        key_id=standing.key_id,
        generation=standing.generation,
        limited=standing.limited,
        model=model,
    )
    return [replace(shown, completion_bound=bound) for bound, _, _ in wishes]
