"""What the ledger needs of a store. `storage.sqlite` is one; a PostgreSQL for several nodes would be another."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from reference_gateway.ledger.accounts import Account, AccountTerms, Act, ApiKey, AuditEntry, Revision
from reference_gateway.ledger.keys import Verifier
from reference_gateway.ledger.spend import PricedModel, Settled
from reference_gateway.ledger.wire import Held, Refused, Reserve, Settle


class Storage(Protocol):
    """All but `use` and `close` is called inside `transaction()`. `now` is UTC ms, amounts are nano-dollars."""

    def use(self, models: Sequence[PricedModel]) -> None:
        """The models on offer; a model's place here is its number on the wire."""

    def transaction(self) -> AbstractContextManager[None]:
        """Durable at its end, or nothing happened. Raises LedgerDownError where the store fails."""

    def close(self) -> None:
        """Lets go of the store."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        """Holds the worst case at the key and at its account, at both or at neither."""

    def settle(self, message: Settle, now: int) -> Settled | None:
        """Ends a hold and charges it; None when it was ended before."""

    def open_holds(self) -> tuple[int, ...]:
        """The rids of all holds that were not settled."""

    def insert_key(self, key: ApiKey, salt: bytes, digest: bytes) -> None:
        """Adds a key. Raises ValueError when its scope names a model that is not on offer."""

    def key(self, key_id: int, now: int) -> ApiKey | None:
        """The key as it is at `now`; None when unknown or deleted."""

    def keys(self, offset: int, size: int, now: int) -> tuple[ApiKey, ...]:
        """Keys, newest first."""

    def revise_key(self, key_id: int, to: Revision, now: int) -> None:
        """Sets what may be changed. A new period forgets nothing spent or held so far. Raises ValueError."""

    def rotate(self, key_id: int, salt: bytes, digest: bytes, now: int) -> None:
        """Replaces the verifier."""

    def delete_key(self, key_id: int, now: int) -> bool:
        """Ends a key, erasing name and verifier; what it holds and has spent stays."""

    def verifier(self, key_id: int) -> Verifier | None:
        """What is kept of a key that was not deleted."""

    def verifiers(self) -> tuple[Verifier, ...]:
        """What is kept of every key that was not deleted."""

    def verifiers_of(self, account: int) -> tuple[Verifier, ...]:
        """The same of those in one account."""

    def insert_account(self, account: Account) -> None:
        """Adds an account."""

    def account(self, account_id: int, now: int) -> Account | None:
        """The account as it is at `now`."""

    def accounts(self, offset: int, size: int, now: int) -> tuple[Account, ...]:
        """Accounts, newest first."""

    def revise_account(self, account_id: int, to: AccountTerms, now: int) -> None:
        """As `revise_key`."""

    def note(self, at: int, actor: str, act: Act, subject: int) -> None:
        """Adds a line to the audit log."""

    def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        """Lines of the audit log with numbers above `after`, oldest first."""
