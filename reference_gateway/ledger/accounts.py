"""Keys as the admin plane sees them, and what it may ask of the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from reference_gateway.ledger.spend import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A key without its secret. Amounts are nano-dollars, times UTC ms.

    `spent` counts in the present window, `total` for ever, `reserved` is held by requests under way.
    """

    key_id: int
    name: str
    disabled: bool
    generation: int
    limit: int | None
    period: Period
    window: int
    spent: int
    reserved: int
    total: int
    created_at: int
    updated_at: int
    expires_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What an administrator chooses for a new key."""

    name: str
    limit: int | None = None
    period: Period = Period.NEVER
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The whole of what an administrator may change, after the change."""

    name: str
    disabled: bool
    limit: int | None
    period: Period
    expires_at: int | None


Revise = Callable[[Account], Revision]


@dataclass(frozen=True, slots=True)
class Issued:
    """An account and, this once, its key."""

    account: Account
    key: str

    def __repr__(self) -> str:
        return "Issued(…)"


class Accounts(Protocol):
    """The admin plane's whole view of the ledger; None is "no such key". Each raises LedgerDownError."""

    async def create(self, new: NewKey) -> Issued:
        """A new key; its text is not kept."""

    async def rotate(self, key_id: int) -> Issued | None:
        """A new secret; the old one is dead before this returns."""

    async def revise(self, key_id: int, revise: Revise) -> Account | None:
        """Applies `revise` to the present account, in one transaction."""

    async def delete(self, key_id: int) -> bool:
        """Ends a key for good and erases its verifier and name; its spending stays counted."""

    async def get(self, key_id: int) -> Account | None:
        """The account as it is now."""

    async def page(self, offset: int, size: int) -> tuple[Account, ...]:
        """Accounts, newest first."""
