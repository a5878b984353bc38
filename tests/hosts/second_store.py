"""Accounts of the second gateway: keys and users in one JSON file, money in whole pico-dollars.

A hold is on disk before its request leaves, so a crash can only over-count: whatever was held when the
file was last written counts as spent at the next start.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

PICO_PER_USD = 10**12
LARGEST_BUDGET = 10**12


class StoreError(Exception):
    """The file could not be written; nothing may be promised on the strength of it."""


@dataclass(slots=True)
class Account:
    """Whoever has a limit: a key, or the user that stands behind several keys. Amounts in pico-dollars."""

    id: str
    limit: int | None = None
    spent: int = 0
    held: int = 0
    recorded: int = 0


@dataclass(slots=True)
class Key(Account):
    """A virtual key. `stored` is the verifier, `name` a mask; the secret itself is nowhere."""

    stored: str = ""
    name: str = ""
    alias: str | None = None
    user_id: str | None = None
    blocked: bool = False
    expires: float | None = None
    metadata: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Hold:
    """Money set aside for one request; `worst` (pico-dollars) is charged when its outcome stays unknown."""

    key: Key
    payers: tuple[Account, ...]
    amount: int
    worst: int
    settled: bool = False


class Store:
    """Every account under one lock, written whole and replaced atomically on each change."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.keys: dict[str, Key] = {}
        self.users: dict[str, Account] = {}
        self._path = path
        if path.exists():
            self._load(json.loads(path.read_text(encoding="utf-8")))

    def _load(self, rows: dict[str, list[dict[str, object]]]) -> None:
        make_key: Callable[..., Key] = Key
        make_user: Callable[..., Account] = Account
        self.keys = {key.id: key for key in (make_key(**row) for row in rows["keys"])}
        self.users = {user.id: user for user in (make_user(**row) for row in rows["users"])}
        for account in (*self.keys.values(), *self.users.values()):
            account.spent += account.held
            account.held = 0
            account.recorded = account.spent

    def save(self) -> None:
        """Replace the file, readable by its owner only; raises `StoreError` when the disk refuses."""
        with self.lock:
            rows = {
                "keys": [asdict(key) for key in self.keys.values()],
                "users": [asdict(user) for user in self.users.values()],
            }
            fresh = self._path.with_suffix(".new")
            try:
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    json.dump(rows, file)
                fresh.replace(self._path)
            except OSError as error:
                raise StoreError from error

    def payers(self, key: Key) -> tuple[Account, ...]:
        """The accounts that a request of this key is charged to: the key, and its user if there is one."""
        user = self.users.get(key.user_id) if key.user_id is not None else None
        return (key,) if user is None else (key, user)

    def fits(self, key: Key, amount: int) -> bool:
        """Whether no limit is passed when `amount` (pico-dollars) comes on top of all spent and held."""
        return all(
            account.limit is None or account.spent + account.held + amount <= account.limit
            for account in self.payers(key)
        )

    def hold(self, key: Key, amount: int, worst: int) -> Hold:
        """Set `amount` aside on disk, or raise `StoreError` and hold nothing."""
        hold = Hold(key, self.payers(key), amount, worst)
        with self.lock:
            _shift(hold, held=amount, spent=0)
            try:
                self.save()
            except StoreError:
                _shift(hold, held=-amount, spent=0)
                raise
        return hold

    def settle(self, hold: Hold, cost: int) -> None:
        """Turn a hold into its cost (pico-dollars). On `StoreError` memory is right; the file counts more."""
        with self.lock:
            _shift(hold, held=-hold.amount, spent=cost)
            self.save()

    def publish(self) -> None:
        """Let the usage that is shown catch up with the usage that is enforced."""
        with self.lock:
            for account in (*self.keys.values(), *self.users.values()):
                account.recorded = account.spent


def _shift(hold: Hold, *, held: int, spent: int) -> None:
    for account in hold.payers:
        account.held += held
        account.spent += spent


def to_pico(amount: object, per_usd: int) -> int:
    """An amount as it stands in a request (`per_usd` of them make a dollar) in pico-dollars, rounded down.

    Raises ValueError for anything that is not a number from 0 to 10**12.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise ValueError("an amount is a number")  # noqa: TRY004  one kind of error for all that is sent
    if not 0 <= amount <= LARGEST_BUDGET:
        raise ValueError("an amount is not negative, and not absurd")
    return int(Decimal(amount) * PICO_PER_USD / per_usd)


def from_pico(pico: int | None, per_usd: int) -> int | float | None:
    """Pico-dollars as the interface shows them; None (no limit) stays None."""
    if pico is None:
        return None
    whole, rest = divmod(pico * per_usd, PICO_PER_USD)
    return whole if rest == 0 else pico * per_usd / PICO_PER_USD
