"""What keys and accounts have in common: a limit, and a window of time in which it counts.

Windows roll when they are next used, so there is no reset job to miss. A clock that steps back rolls nothing.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from reference_gateway.ledger import spend
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.storage.database import Database


@dataclass(frozen=True, slots=True)
class Kind:
    """The statements over one of the two tables."""

    find: str
    roll: str
    turn: str  # to another period
    move_holds: str


KEY: Final = Kind(
    find="SELECT period, win, ends FROM api_key WHERE key_id = ?",
    roll="UPDATE api_key SET spent = 0, win = ?, ends = ? WHERE key_id = ?",
    turn="UPDATE api_key SET period = ?, win = ?, ends = ? WHERE key_id = ?",
    move_holds="UPDATE reservation SET key_win = ? WHERE key_id = ?",
)
ACCOUNT: Final = Kind(
    find="SELECT period, win, ends FROM account WHERE account_id = ?",
    roll="UPDATE account SET spent = 0, win = ?, ends = ? WHERE account_id = ?",
    turn="UPDATE account SET period = ?, win = ?, ends = ? WHERE account_id = ?",
    move_holds="UPDATE reservation SET account_win = ? WHERE account = ?",
)


class Budgets(Database):
    """The windows of keys and accounts."""

    def _roll(self, kind: Kind, number: int, now: int) -> bool:
        """Begins the window that `now` lies in, if the last one has ended; open holds stay what they are."""
        row = self._one(kind.find, (number,))
        if row is None or now < row["ends"]:
            return False
        start, end = spend.window(Period(row["period"]), now)
        self._db.execute(kind.roll, (start, end, number))
        return True

    def _turn(self, kind: Kind, number: int, period: Period, now: int) -> None:
        """Another period: the present window goes on to that period's end, with all that is spent and held."""
        self._roll(kind, number, now)
        row = self._one(kind.find, (number,))
        if row is None or row["period"] == period:
            return
        # Not before the present window began, or a clock that was set back would let it end at once.
        start, end = spend.window(period, max(now, row["win"]))
        self._db.execute(kind.turn, (int(period), start, end, number))
        self._db.execute(kind.move_holds, (start, number))


def present(row: sqlite3.Row, now: int) -> dict[str, Any]:
    """The fields of a budget as they are at `now`, for a record; the row itself rolls when it is next used."""
    period, ended = Period(row["period"]), now >= row["ends"]
    return {
        "disabled": bool(row["disabled"]),
        "limit": row["lim"],
        "period": period,
        "window": spend.window(period, now)[0] if ended else row["win"],
        "spent": 0 if ended else row["spent"],
        "reserved": row["reserved"],
        "total": row["total"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
