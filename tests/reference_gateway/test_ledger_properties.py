"""The ledger against its model, and four well-known ways to get it wrong, each of which must be found."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from reference_gateway.ledger.spend import worst_case
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle, Settled
from tests.reference_gateway.ledger_machine import LedgerMachine

_QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
THOROUGH = settings(max_examples=120, stateful_step_count=30, deadline=None, suppress_health_check=_QUIET)
UNTIL_FOUND = settings(
    max_examples=400,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=_QUIET,
)


class ClampsTheHold(SqliteStorage):
    """Shrinks a hold to the headroom instead of refusing it."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        account = self.account(message.key_id, now)
        assert account is not None
        assert account.limit is not None
        headroom = account.limit - account.spent - account.reserved
        if headroom <= 0 or worst_case(message) <= headroom:
            return super().reserve(message, now)
        return super().reserve(replace(message, completion_bound=headroom), now)


class RefundsAborts(SqliteStorage):
    """Takes an aborted call for one that cost nothing."""

    def settle(self, message: Settle, now: int) -> Settled | None:
        if message.outcome is Outcome.UNKNOWN:
            message = replace(message, outcome=Outcome.NOTHING_SENT)
        return super().settle(message, now)


class ForgetsOrphans(SqliteStorage):
    """Releases what a dead process held."""

    def settle(self, message: Settle, now: int) -> Settled | None:
        if message.outcome is Outcome.ORPHANED:
            message = replace(message, outcome=Outcome.NOTHING_SENT)
        return super().settle(message, now)


class ZeroesHoldsAtAReset(SqliteStorage):
    """Starts a window without the holds that are still open."""

    def _roll(self, key_id: int, now: int) -> None:
        before = self._one("SELECT win FROM account", ())
        super()._roll(key_id, now)
        if before != self._one("SELECT win FROM account", ()):
            self._db.execute("UPDATE account SET reserved = 0")


def test_no_history_overspends_a_limit() -> None:
    run_state_machine_as_test(LedgerMachine, settings=THOROUGH)


@pytest.mark.parametrize(
    "flawed",
    [ClampsTheHold, RefundsAborts, ForgetsOrphans, ZeroesHoldsAtAReset],
    ids=lambda flaw: flaw.__name__,
)
def test_a_flawed_ledger_is_found_out(flawed: type[SqliteStorage]) -> None:
    machine = type("Flawed", (LedgerMachine,), {"storage_class": flawed})

    with pytest.raises(Exception, match=r".") as found:
        run_state_machine_as_test(machine, settings=UNTIL_FOUND)
    assert type(found.value).__name__ in {
        "AssertionError",
        "IntegrityError",
        "FlakyFailure",
        "ExceptionGroup",
    }
