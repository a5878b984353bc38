"""What administrators do to keys and accounts, each act and its line in the audit log in one transaction."""

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from reference_gateway import credential
from reference_gateway.events import Emit, Event, Kind
from reference_gateway.ledger import spend
from reference_gateway.ledger.accounts import (
    Account,
    AccountTerms,
    Act,
    ApiKey,
    AuditEntry,
    Issued,
    NewKey,
    NoSuchAccountError,
    Revise,
)
from reference_gateway.ledger.keys import Hashing, Register, Verifier
from reference_gateway.ledger.store import Storage
from reference_gateway.ledger.wire import LedgerDownError, News, Revoked

Clock = Callable[[], int]
Result = TypeVar("Result")


def utc_milliseconds() -> int:
    """The clock of the ledger."""
    return time.time_ns() // 1_000_000


class Channels(Protocol):
    """The way to the content workers."""

    def catch_up(self) -> None:
        """Hears and does what they have said by now."""

    def tell(self, news: News) -> None:
        """Hands news to every worker."""


class _Nobody:
    def catch_up(self) -> None:
        """There is nobody to be heard."""

    def tell(self, news: News) -> None:
        """There is nobody to be told."""


class Administration:
    """Implements `accounts.Accounts`. Synchronous at heart: nothing else of the ledger runs meanwhile."""

    def __init__(
        self, storage: Storage, emit: Emit, hashing: Hashing, environment: str, clock: Clock
    ) -> None:
        self._storage = storage
        self._emit = emit
        self._hashing = hashing
        self._environment = environment
        self._clock = clock
        self._register = Register(hashing, environment)
        self._channels: Channels = _Nobody()

    def attach(self, channels: Channels) -> None:
        """The workers that are heard before each act, and told of keys that end."""
        self._channels = channels

    async def create(self, new: NewKey, by: str) -> Issued:
        """See `Accounts`."""
        key_id, now = credential.new_key_id(), self._clock()
        key, salt, digest = self._minted(key_id)
        record = ApiKey(
            key_id=key_id,
            account=new.account,
            name=new.name,
            disabled=False,
            generation=1,
            scope=new.scope,
            limit=new.limit,
            expires_at=new.expires_at,
            **_fresh(new.period, now),
        )

        def work() -> Verifier | None:
            if new.account is not None and self._storage.account(new.account, now) is None:
                raise NoSuchAccountError
            self._storage.insert_key(record, salt, digest)
            self._storage.note(now, by, Act.KEY_CREATED, key_id)
            return self._storage.verifier(key_id)

        self._refresh(key_id, self._done(work))
        return Issued(record, key)

    async def rotate(self, key_id: int, by: str) -> Issued | None:
        """See `Accounts`."""
        now = self._clock()
        key, salt, digest = self._minted(key_id)

        def work() -> tuple[ApiKey | None, Verifier | None]:
            if self._storage.key(key_id, now) is None:
                return None, None
            self._storage.rotate(key_id, salt, digest, now)
            self._storage.note(now, by, Act.KEY_ROTATED, key_id)
            return self._storage.key(key_id, now), self._storage.verifier(key_id)

        record, verifier = self._done(work)
        if record is None:
            return None
        self._refresh(key_id, verifier)
        self._channels.tell(Revoked(key_id))
        return Issued(record, key)

    async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
        """See `Accounts`. A key that is disabled or expired by it is revoked."""
        now = self._clock()

        def work() -> tuple[ApiKey | None, Verifier | None]:
            record = self._storage.key(key_id, now)
            if record is None:
                return None, None
            self._storage.revise_key(key_id, revise(record), now)
            self._storage.note(now, by, Act.KEY_CHANGED, key_id)
            return self._storage.key(key_id, now), self._storage.verifier(key_id)

        record, verifier = self._done(work)
        if record is not None:
            self._refresh(key_id, verifier)
            self._tell_of_end(verifier, now)
        return record

    async def delete(self, key_id: int, by: str) -> bool:
        """See `Accounts`."""
        now = self._clock()

        def work() -> bool:
            deleted = self._storage.delete_key(key_id, now)
            if deleted:
                self._storage.note(now, by, Act.KEY_DELETED, key_id)
            return deleted

        deleted = self._done(work)
        if deleted:
            self._refresh(key_id, None)
            self._channels.tell(Revoked(key_id))
        return deleted

    async def get(self, key_id: int) -> ApiKey | None:
        """See `Accounts`."""
        return self._done(lambda: self._storage.key(key_id, self._clock()))

    async def page(self, offset: int, size: int) -> tuple[ApiKey, ...]:
        """See `Accounts`."""
        return self._done(lambda: self._storage.keys(offset, size, self._clock()))

    async def create_account(self, terms: AccountTerms, by: str) -> Account:
        """See `Accounts`."""
        account_id, now = credential.new_key_id(), self._clock()
        record = Account(
            account_id=account_id,
            name=terms.name,
            disabled=terms.disabled,
            limit=terms.limit,
            **_fresh(terms.period, now),
        )

        def work() -> None:
            self._storage.insert_account(record)
            self._storage.note(now, by, Act.ACCOUNT_CREATED, account_id)

        self._done(work)
        return record

    async def revise_account(
        self, account_id: int, revise: Callable[[Account], AccountTerms], by: str
    ) -> Account | None:
        """See `Accounts`."""
        now = self._clock()

        def work() -> tuple[Account | None, tuple[Verifier, ...]]:
            record = self._storage.account(account_id, now)
            if record is None:
                return None, ()
            self._storage.revise_account(account_id, revise(record), now)
            self._storage.note(now, by, Act.ACCOUNT_CHANGED, account_id)
            return self._storage.account(account_id, now), self._storage.verifiers_of(account_id)

        record, verifiers = self._done(work)
        for verifier in verifiers:
            self._refresh(verifier.key_id, verifier)
            self._tell_of_end(verifier, now)
        return record

    async def account(self, account_id: int) -> Account | None:
        """See `Accounts`."""
        return self._done(lambda: self._storage.account(account_id, self._clock()))

    async def account_page(self, offset: int, size: int) -> tuple[Account, ...]:
        """See `Accounts`."""
        return self._done(lambda: self._storage.accounts(offset, size, self._clock()))

    async def note(self, act: Act, by: str) -> None:
        """See `Accounts`."""
        self._done(lambda: self._storage.note(self._clock(), by, act, 0))

    async def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        """See `Accounts`."""
        return self._done(lambda: self._storage.audit(after, size))

    def _done(self, work: Callable[[], Result]) -> Result:
        """What the workers said before, then `work` in one transaction. Raises LedgerDownError."""
        self._channels.catch_up()
        try:
            with self._storage.transaction():
                return work()
        except LedgerDownError:
            self._emit(Event(event=Kind.LEDGER_FAULT))
            raise

    def _minted(self, key_id: int) -> tuple[str, bytes, bytes]:
        key, salt = credential.mint(self._environment, key_id), self._hashing.salt()
        return key, salt, self._hashing.digest(salt, key.encode())

    def _refresh(self, key_id: int, verifier: Verifier | None) -> None:
        if verifier is None:
            self._register.drop(key_id)
        else:
            self._register.put(verifier)

    def _tell_of_end(self, verifier: Verifier | None, now: int) -> None:
        if verifier is not None and not verifier.live(now):
            self._channels.tell(Revoked(verifier.key_id))


def _fresh(period: spend.Period, now: int) -> dict[str, Any]:
    """The fields of a budget that nothing was spent of."""
    return {
        "period": period,
        "window": spend.window(period, now)[0],
        "spent": 0,
        "reserved": 0,
        "total": 0,
        "created_at": now,
        "updated_at": now,
    }
