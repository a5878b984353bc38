"""The book: one thread writes, everything queued meanwhile goes into its next transaction.

Group commit makes one disk flush serve all that waited for it. Both planes reach it through their own
small interface (`wire.Ledger`, `accounts.Accounts`), which is where a process boundary can go.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from reference_gateway import credential
from reference_gateway.events import Emit, Event, Kind
from reference_gateway.ledger.accounts import Account, Issued, NewKey, Revise, Revision
from reference_gateway.ledger.keys import NOBODY, Hashing, Verifier, matches
from reference_gateway.ledger.spend import window_start
from reference_gateway.ledger.wire import (
    Authorise,
    Held,
    LedgerDownError,
    Refused,
    Reserve,
    Settle,
    Settled,
    Standing,
)

_MAX_BATCH: Final = 512

Result = TypeVar("Result")
Clock = Callable[[], int]


class Storage(Protocol):
    """What the book needs of a store; see `storage.sqlite` for what each promises."""

    def transaction(self) -> AbstractContextManager[None]: ...
    def close(self) -> None: ...
    def reserve(self, message: Reserve, now: int) -> Held | Refused: ...
    def settle(self, message: Settle, now: int) -> Settled | None: ...
    def charge_orphans(self, now: int) -> tuple[int, int]: ...
    def insert(self, account: Account, salt: bytes, digest: bytes) -> None: ...
    def account(self, key_id: int, now: int) -> Account | None: ...
    def page(self, offset: int, size: int, now: int) -> tuple[Account, ...]: ...
    def revise(self, key_id: int, to: Revision, now: int) -> None: ...
    def rotate(self, key_id: int, salt: bytes, digest: bytes, now: int) -> None: ...
    def delete(self, key_id: int, now: int) -> bool: ...
    def verifier(self, key_id: int) -> Verifier | None: ...
    def verifiers(self) -> tuple[Verifier, ...]: ...


def utc_milliseconds() -> int:
    """The clock of the ledger."""
    return time.time_ns() // 1_000_000


_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Book:
    """Implements `wire.Ledger` and `accounts.Accounts` over a storage. Start inside an event loop."""

    def __init__(
        self, storage: Storage, emit: Emit, hashing: Hashing | None = None, clock: Clock = utc_milliseconds
    ) -> None:
        self._storage = storage
        self._emit = emit
        self._hashing = hashing or Hashing()
        self._clock = clock
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="ledger")
        self._verifiers: dict[int, Verifier] = {}
        self._listeners: list[Callable[[int], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Charges what an earlier process left open, then serves the running loop."""
        with self._storage.transaction():
            count, charged = self._storage.charge_orphans(self._clock())
            self._verifiers = {verifier.key_id: verifier for verifier in self._storage.verifiers()}
        if count:
            self._emit(Event(event=Kind.ORPHANS_CHARGED, count=count, nanodollars=charged))
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finishes what is queued and closes the file."""
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._storage.close()

    # the content plane's side

    async def authorise(self, message: Authorise) -> Standing | None:
        """Compares first and asks afterwards, so that every refusal costs the same."""
        verifier = self._verifiers.get(message.key_id, NOBODY)
        proven = matches(self._hashing, verifier, message.key)
        if not (proven and verifier.live(self._clock())):
            return None
        return Standing(verifier.key_id, verifier.generation, verifier.limited)

    async def reserve(self, message: Reserve) -> Held | Refused:
        """See `wire.Ledger`."""
        return await self._do(lambda: self._storage.reserve(message, self._clock()))

    async def settle(self, message: Settle) -> Settled | None:
        """See `wire.Ledger`."""
        return await self._do(lambda: self._storage.settle(message, self._clock()))

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        """See `wire.Ledger`; called on the event loop."""
        self._listeners.append(listener)

    # the admin plane's side

    async def create(self, new: NewKey) -> Issued:
        """See `accounts.Accounts`."""
        key_id, now = credential.new_key_id(), self._clock()
        account = Account(
            key_id=key_id,
            name=new.name,
            disabled=False,
            generation=1,
            limit=new.limit,
            period=new.period,
            window=window_start(new.period, now),
            spent=0,
            reserved=0,
            total=0,
            created_at=now,
            updated_at=now,
            expires_at=new.expires_at,
        )
        key, salt, digest = self._minted(key_id)
        await self._do(lambda: self._storage.insert(account, salt, digest))
        await self._refresh(key_id)
        return Issued(account, key)

    async def rotate(self, key_id: int) -> Issued | None:
        """See `accounts.Accounts`."""
        key, salt, digest = self._minted(key_id)

        def work() -> Account | None:
            if self._storage.account(key_id, self._clock()) is None:
                return None
            self._storage.rotate(key_id, salt, digest, self._clock())
            return self._storage.account(key_id, self._clock())

        account = await self._do(work)
        if account is None:
            return None
        await self._refresh(key_id)
        self._announce(key_id)
        return Issued(account, key)

    async def revise(self, key_id: int, revise: Revise) -> Account | None:
        """See `accounts.Accounts`."""

        def work() -> Account | None:
            account = self._storage.account(key_id, self._clock())
            if account is None:
                return None
            self._storage.revise(key_id, revise(account), self._clock())
            return self._storage.account(key_id, self._clock())

        account = await self._do(work)
        if account is not None:
            await self._refresh(key_id)
            if account.disabled:
                self._announce(key_id)
        return account

    async def delete(self, key_id: int) -> bool:
        """See `accounts.Accounts`."""
        deleted = await self._do(lambda: self._storage.delete(key_id, self._clock()))
        if deleted:
            await self._refresh(key_id)
            self._announce(key_id)
        return deleted

    async def get(self, key_id: int) -> Account | None:
        """See `accounts.Accounts`."""
        return await self._do(lambda: self._storage.account(key_id, self._clock()))

    async def page(self, offset: int, size: int) -> tuple[Account, ...]:
        """See `accounts.Accounts`."""
        return await self._do(lambda: self._storage.page(offset, size, self._clock()))

    # inside

    def _minted(self, key_id: int) -> tuple[str, bytes, bytes]:
        key, salt = credential.mint(key_id), self._hashing.salt()
        return key, salt, self._hashing.digest(salt, key.encode())

    async def _refresh(self, key_id: int) -> None:
        verifier = await self._do(lambda: self._storage.verifier(key_id))
        if verifier is None or not verifier.usable:
            self._verifiers.pop(key_id, None)
        else:
            self._verifiers[key_id] = verifier

    def _announce(self, key_id: int) -> None:
        for listener in self._listeners:
            listener(key_id)

    async def _do(self, work: Callable[[], Result]) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.put((work, future))
        return await future

    def _write_all(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._deliver(batch, self._commit(batch))

    def _next_batch(self) -> list[_Job] | None:
        batch: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _MAX_BATCH:
                return batch
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch
        if not batch:
            return None
        self._queue.put(None)
        return batch

    def _commit(self, batch: Sequence[_Job]) -> list[Any] | None:
        try:
            with self._storage.transaction():
                return [work() for work, _ in batch]
        except Exception:  # noqa: BLE001 - whatever fails, the batch is rolled back and the writer lives
            self._emit(Event(event=Kind.LEDGER_FAULT))
            return None

    def _deliver(self, batch: Sequence[_Job], results: list[Any] | None) -> None:
        def resolve() -> None:
            for index, (_, future) in enumerate(batch):
                if future.cancelled():
                    continue
                if results is None:
                    future.set_exception(LedgerDownError())
                else:
                    future.set_result(results[index])

        assert self._loop is not None  # noqa: S101 - set before the thread starts
        self._loop.call_soon_threadsafe(resolve)
