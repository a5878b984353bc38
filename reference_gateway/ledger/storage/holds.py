"""Holds: the worst case taken out of two budgets at once, and put back as what it came to."""

import sqlite3
from typing import Final

from reference_gateway.ledger import spend
from reference_gateway.ledger.spend import PricedModel, Settled
from reference_gateway.ledger.storage.budgets import ACCOUNT, KEY
from reference_gateway.ledger.storage.keys import Keys
from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle, Why

# Whatever can stand against a hold is in its WHERE. Why one was not made is found out afterwards.
_HOLD_KEY: Final = """
    UPDATE api_key SET reserved = reserved + :amount
    WHERE key_id = :key_id AND generation = :generation AND NOT disabled AND NOT deleted
        AND (expires_at IS NULL OR :now < expires_at)
        AND endpoints & :endpoint
        AND (any_model OR EXISTS (SELECT 1 FROM key_model m WHERE m.key_id = :key_id AND m.model = :model))
        AND :now < ends
        AND (lim IS NULL OR (:limited AND spent + reserved + :amount <= lim))
    RETURNING win, lim IS NOT NULL AS limited, account
"""
_HOLD_ACCOUNT: Final = """
    UPDATE account SET reserved = reserved + :amount
    WHERE account_id = :account AND NOT disabled AND :now < ends
        AND (lim IS NULL OR (:limited AND spent + reserved + :amount <= lim))
    RETURNING win, lim IS NOT NULL AS limited
"""
_NOTE_HOLD: Final = """
    INSERT INTO reservation (key_id, account, amount, key_win, account_win, limited, model, endpoint,
        prompt_bound, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The DELETE is the claim: whoever gets the row settles, and nobody gets it twice.
_CLAIM: Final = "DELETE FROM reservation WHERE rid = ? RETURNING *"
_LIMITED_NOW: Final = """
    SELECT k.lim IS NOT NULL OR a.lim IS NOT NULL AS limited
    FROM api_key k LEFT JOIN account a ON a.account_id = k.account WHERE k.key_id = ?
"""
_CHARGE_KEY: Final = """
    UPDATE api_key SET reserved = reserved - :amount, total = total + :charge,
        spent = spent + iif(win = :win, :charge, 0)
    WHERE key_id = :id
"""
_CHARGE_ACCOUNT: Final = """
    UPDATE account SET reserved = reserved - :amount, total = total + :charge,
        spent = spent + iif(win = :win, :charge, 0)
    WHERE account_id = :id
"""
_NOTE_USAGE: Final = "INSERT INTO usage_record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Holds(Keys):
    """A hold belongs to the windows in which it was admitted: settled late, it leaves the next ones alone."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        """See `Storage`."""
        model = self._models[message.model]
        amount = spend.worst_case(message, model.price)
        key = self._hold_key(message, model, amount, now)
        if isinstance(key, Why):
            return Refused(key)
        if key["account"] is None:
            return self._held(message, model, amount, key, None, now)
        account = self._hold_account(key["account"], message, amount, now)
        if isinstance(account, Why):
            self._db.execute(
                "UPDATE api_key SET reserved = reserved - ? WHERE key_id = ?", (amount, message.key_id)
            )
            return Refused(account)
        return self._held(message, model, amount, key, account, now)

    def settle(self, message: Settle, now: int) -> Settled | None:
        """See `Storage`. Where there is a limit, nobody is charged more than was held."""
        hold = self._one(_CLAIM, (message.rid,))
        if hold is None:
            return None
        amount, model = hold["amount"], self._by_number.get(hold["model"])
        bill = spend.bill(message, amount, model.price if model else None)
        excess = bill - amount if bill > amount and (hold["limited"] or self._limited(hold["key_id"])) else 0
        charge = bill - excess
        self._charge(hold, charge, excess)
        self._note_usage(message, hold, charge, now)
        overrun = hold["limited"] and (bill > amount or _prompt(message) > hold["prompt_bound"])
        return Settled(charge, excess, bool(overrun), hold["model"])

    def open_holds(self) -> tuple[int, ...]:
        """See `Storage`."""
        return tuple(row["rid"] for row in self._all("SELECT rid FROM reservation ORDER BY rid", ()))

    def _hold_key(self, message: Reserve, model: PricedModel, amount: int, now: int) -> sqlite3.Row | Why:
        values = {
            "amount": amount,
            "key_id": message.key_id,
            "generation": message.generation,
            "now": now,
            "endpoint": 1 << message.endpoint,
            "model": model.number,
            "limited": int(message.limited),
        }
        row = self._one(_HOLD_KEY, values)
        if row is None and self._roll(KEY, message.key_id, now):
            row = self._one(_HOLD_KEY, values)
        return row if row is not None else self._against_key(message, model, now)

    def _against_key(self, message: Reserve, model: PricedModel, now: int) -> Why:
        verifier = self.verifier(message.key_id)
        if verifier is None or not verifier.live(now) or verifier.generation != message.generation:
            return Why.KEY_UNUSABLE
        if not verifier.is_for(message.endpoint) or not self._is_for_model(message.key_id, model.number):
            return Why.OUT_OF_SCOPE
        return Why.LIMIT if message.limited else Why.LIMIT_IS_NEW

    def _hold_account(self, account: int, message: Reserve, amount: int, now: int) -> sqlite3.Row | Why:
        values = {"amount": amount, "account": account, "now": now, "limited": int(message.limited)}
        row = self._one(_HOLD_ACCOUNT, values)
        if row is None and self._roll(ACCOUNT, account, now):
            row = self._one(_HOLD_ACCOUNT, values)
        return row if row is not None else self._against_account(account, message)

    def _against_account(self, account: int, message: Reserve) -> Why:
        row = self._one("SELECT disabled FROM account WHERE account_id = ?", (account,))
        if row is None or row["disabled"]:
            return Why.KEY_UNUSABLE
        return Why.ACCOUNT_LIMIT if message.limited else Why.LIMIT_IS_NEW

    def _held(
        self,
        message: Reserve,
        model: PricedModel,
        amount: int,
        key: sqlite3.Row,
        account: sqlite3.Row | None,
        now: int,
    ) -> Held:
        limited = key["limited"] or (account is not None and account["limited"])
        account_win = account["win"] if account is not None else None
        # Not RETURNING, which for one number would make and drop a table.
        noted = self._db.execute(
            _NOTE_HOLD,
            (
                message.key_id,
                key["account"],
                amount,
                key["win"],
                account_win,
                limited,
                model.number,
                int(message.endpoint),
                message.prompt_bound,
                now,
            ),
        )
        assert noted.lastrowid is not None  # noqa: S101 - an INSERT gives one or raises
        return Held(noted.lastrowid)

    def _limited(self, key_id: int) -> bool:
        row = self._one(_LIMITED_NOW, (key_id,))
        return row is not None and bool(row["limited"])

    def _charge(self, hold: sqlite3.Row, charge: int, excess: int) -> None:
        charged = {"amount": hold["amount"], "charge": charge}
        self._db.execute(_CHARGE_KEY, {**charged, "id": hold["key_id"], "win": hold["key_win"]})
        if hold["account"] is not None:
            self._db.execute(_CHARGE_ACCOUNT, {**charged, "id": hold["account"], "win": hold["account_win"]})
        if excess:
            self._db.execute("UPDATE operator_account SET excess = excess + ?", (excess,))

    def _note_usage(self, message: Settle, hold: sqlite3.Row, charge: int, now: int) -> None:
        tokens = (
            message.prompt_tokens,
            message.completion_tokens,
            message.cached_tokens,
            message.written_tokens,
        )
        self._db.execute(
            _NOTE_USAGE,
            (
                message.rid,
                hold["key_id"],
                hold["model"],
                hold["endpoint"],
                int(message.outcome),
                *(tokens if message.outcome is Outcome.METERED else (0, 0, 0, 0)),
                charge,
                hold["created_at"],
                now,
            ),
        )


def _prompt(message: Settle) -> int:
    return message.prompt_tokens if message.outcome is Outcome.METERED else 0
