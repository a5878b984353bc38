"""Keys and accounts as the admin plane sees them, and what it may ask of the ledger.

An account is what several keys have in common: its limit stands above theirs. Amounts are nano-dollars,
times UTC milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a key may be used for; None is everything. Models by name, as in the configuration."""

    models: frozenset[str] | None = None
    endpoints: frozenset[Endpoint] | None = None


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret.

    `spent` counts in the present window, `total` for ever, `reserved` is held by requests under way.
    `account` is the id of the account above, or None.
    """

    key_id: int
    account: int | None
    name: str
    disabled: bool
    generation: int
    scope: Scope
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
    account: int | None = None
    scope: Scope = EVERYTHING
    limit: int | None = None
    period: Period = Period.NEVER
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The whole of what an administrator may change of a key, after the change."""

    name: str
    disabled: bool
    scope: Scope
    limit: int | None
    period: Period
    expires_at: int | None


Revise = Callable[[ApiKey], Revision]


@dataclass(frozen=True, slots=True)
class Issued:
    """A key's record and, this once, the key."""

    record: ApiKey
    key: str

    def __repr__(self) -> str:
        return "Issued(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A budget that several keys share. Its fields mean what those of a key mean."""

    account_id: int
    name: str
    disabled: bool
    limit: int | None
    period: Period
    window: int
    spent: int
    reserved: int
    total: int
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """The whole of what an administrator may choose for an account."""

    name: str
    disabled: bool = False
    limit: int | None = None
    period: Period = Period.NEVER


class Act(IntEnum):
    """What an administrator can do; the vocabulary of the audit log."""

    KEY_CREATED = 1
    KEY_CHANGED = 2
    KEY_ROTATED = 3
    KEY_DELETED = 4
    ACCOUNT_CREATED = 5
    ACCOUNT_CHANGED = 6
    REFUSED_CREDENTIAL = 7  # an admin credential that is not one; the subject is 0
    REFUSED_ROLE = 8  # a credential whose role does not allow the act; the subject is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log. `link` is SHA-256 over the line before's link and this line's fields.

    `actor` names the admin credential by its name in the configuration, "" where there was none;
    `subject` is the id of a key or account. There is no field for a secret or for a name of a key.
    """

    number: int
    at: int
    actor: str
    act: Act
    subject: int
    link: bytes


class NoSuchAccountError(Exception):
    """A key was to be made in an account that is not there."""


class Accounts(Protocol):
    """The admin plane's whole view of the ledger; None is "no such key". Each raises LedgerDownError.

    `by` names the admin credential. Every change and its line in the audit log are one transaction.
    What the content plane said before a call here was made is counted before it is answered.
    """

    async def create(self, new: NewKey, by: str) -> Issued:
        """A new key; its text is not kept. Raises NoSuchAccountError."""

    async def rotate(self, key_id: int, by: str) -> Issued | None:
        """A new secret; the old one is dead before this returns."""

    async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
        """Applies `revise` to the present key, in one transaction."""

    async def delete(self, key_id: int, by: str) -> bool:
        """Ends a key for good and erases its verifier and name; its spending stays counted."""

    async def get(self, key_id: int) -> ApiKey | None:
        """The key as it is now."""

    async def page(self, offset: int, size: int) -> tuple[ApiKey, ...]:
        """Keys, newest first."""

    async def create_account(self, terms: AccountTerms, by: str) -> Account:
        """A new account."""

    async def revise_account(
        self, account_id: int, revise: Callable[[Account], AccountTerms], by: str
    ) -> Account | None:
        """Applies `revise` to the present account. Disabling one stops all of its keys at once."""

    async def account(self, account_id: int) -> Account | None:
        """The account as it is now."""

    async def account_page(self, offset: int, size: int) -> tuple[Account, ...]:
        """Accounts, newest first."""

    async def note(self, act: Act, by: str) -> None:
        """Writes down an act that was refused."""

    async def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        """Lines of the audit log with numbers above `after`, oldest first."""
