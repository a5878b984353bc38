"""The ledger against its model, and well-known ways to get it wrong, each of which must be found."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from reference_gateway.ledger.spend import Period, Settled, window, worst_case
from reference_gateway.ledger.storage.budgets import Kind
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle, Why
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_machine import LedgerMachine

# The same histories each time: what is found today is found tomorrow, and in the same time.
_SAME = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
THOROUGH = settings(_SAME, max_examples=150, stateful_step_count=40)
UNTIL_FOUND = settings(
    _SAME, max_examples=1500, stateful_step_count=40, phases=[Phase.generate], report_multiple_bugs=False
)


class ClampsTheHold(Faulty):
    """Shrinks a hold to the headroom instead of refusing it."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        key = self.key(message.key_id, now)
        if key is not None and key.limit is not None:
            headroom = key.limit - key.spent - key.reserved
            worst = worst_case(message, self._models[message.model].price)
            if 0 < headroom < worst:
                message = replace(message, completion_bound=headroom)
        return super().reserve(message, now)


class RefundsAborts(Faulty):
    """Takes an aborted call for one that cost nothing."""

    def settle(self, message: Settle, now: int) -> Settled | None:
        if message.outcome is Outcome.UNKNOWN:
            message = replace(message, outcome=Outcome.NOTHING_SENT)
        return super().settle(message, now)


class ForgetsOrphans(Faulty):
    """Releases what a dead process held."""

    def settle(self, message: Settle, now: int) -> Settled | None:
        if message.outcome is Outcome.ORPHANED:
            message = replace(message, outcome=Outcome.NOTHING_SENT)
        return super().settle(message, now)


class ZeroesHoldsAtAReset(Faulty):
    """Starts a window without the holds that are still open."""

    def _roll(self, kind: Kind, number: int, now: int) -> bool:
        rolled = super()._roll(kind, number, now)
        if rolled:
            self._db.execute("UPDATE api_key SET reserved = 0 WHERE key_id = ?", (number,))
        return rolled


class ChargesTheWindowThatIs(Faulty):
    """Counts a late bill in the window in which it came."""

    def _charge(self, hold: sqlite3.Row, charge: int, excess: int) -> None:
        (win,) = self._db.execute("SELECT win FROM api_key WHERE key_id = ?", (hold["key_id"],)).fetchone()
        late: Any = {**hold, "key_win": win}
        super()._charge(late, charge, excess)


class FollowsTheClockBack(Faulty):
    """Takes any other window for a new one, an earlier one too."""

    def _roll(self, kind: Kind, number: int, now: int) -> bool:
        row = self._one(kind.find, (number,))
        if row is not None and window(Period(row["period"]), now)[0] < row["win"]:
            self._db.execute(kind.roll, (*window(Period(row["period"]), now), number))
            return True
        return super()._roll(kind, number, now)


class ForgetsTheAccount(Faulty):
    """Looks at the limit of the key, and not at the one above it."""

    def _hold_account(self, account: int, message: Reserve, amount: int, now: int) -> sqlite3.Row | Why:
        held = super()._hold_account(account, message, 0, now)
        if not isinstance(held, Why):
            self._db.execute(
                "UPDATE account SET reserved = reserved + ? WHERE account_id = ?", (amount, account)
            )
        return held


def test_no_history_overspends_a_limit() -> None:
    run_state_machine_as_test(LedgerMachine, settings=THOROUGH)


@pytest.mark.parametrize(
    "flawed",
    [
        ClampsTheHold,
        RefundsAborts,
        ForgetsOrphans,
        ZeroesHoldsAtAReset,
        ChargesTheWindowThatIs,
        FollowsTheClockBack,
        ForgetsTheAccount,
    ],
    ids=lambda flaw: flaw.__name__,
)
def test_a_flawed_ledger_is_found_out(flawed: type[Faulty]) -> None:
    machine = type("Flawed", (LedgerMachine,), {"storage_class": flawed})

    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=UNTIL_FOUND)
