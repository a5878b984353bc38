"""The book: answers what content workers ask, and does what administrators want, in one thread.

Whatever was readable at once becomes one transaction, so that one flush of the disk serves all who waited
for it. No answer leaves before what it promises is on the disk.

An expired key opens nothing any more; what it had opened before may end, at the cost that was held for it.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from reference_gateway.events import Emit, Event, Kind
from reference_gateway.ledger.administration import Administration, Clock, utc_milliseconds
from reference_gateway.ledger.connection import BreachError, Connection
from reference_gateway.ledger.keys import Hashing, Verifier
from reference_gateway.ledger.spend import PricedModel, Settled
from reference_gateway.ledger.store import Storage
from reference_gateway.ledger.wire import (
    Answer,
    AskBalance,
    Authorise,
    Balance,
    Finished,
    Held,
    LedgerDownError,
    Notice,
    Outcome,
    Question,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from reference_gateway.price import Price

__all__ = ["Book", "Storage"]

Said = tuple[Connection, int, Question | Notice]
Reply = tuple[Connection, int, Answer]
_Write = tuple[Connection, int, AskBalance | Reserve | Settle]

_DOWN: Final = Refused(Why.DOWN)
_UNUSABLE: Final = Refused(Why.KEY_UNUSABLE)


class Book(Administration):
    """Over a storage that nobody else writes. `prices`: number, name and price of each model, in wire order."""

    def __init__(
        self,
        storage: Storage,
        emit: Emit,
        hashing: Hashing,
        environment: str,
        prices: Sequence[tuple[int, str, Price]],
        clock: Clock = utc_milliseconds,
    ) -> None:
        super().__init__(storage, emit, hashing, environment, clock)
        self._models = tuple(PricedModel(*priced) for priced in prices)
        self._suspended: set[int] = set()  # numbers of models
        self._owed: deque[Settle] = deque()  # could not be written yet; their holds stand until then
        storage.use(self._models)
        self._open()

    def close(self) -> None:
        """Writes what is owed, if it can be, and lets go of the store."""
        self._settle_owed(self._clock())
        self._storage.close()

    def answer(self, batch: Sequence[Said]) -> list[Reply]:
        """Answers to the questions among `batch`, in no particular order; `seq` says which is whose.

        Sets `broken` on connections that said what no honest worker says; the rest of theirs is not heard.
        """
        now = self._clock()
        self._settle_owed(now)
        replies: list[Reply] = []
        writes: list[_Write] = []
        for connection, seq, message in batch:
            if connection.broken:
                continue
            try:
                self._hear(connection, seq, message, now, replies, writes)
            except BreachError:
                connection.broken = True
        if writes:
            replies += self._write_all(writes, now)
        return replies

    def lost(self, connection: Connection) -> None:
        """Nothing more will come from there: what it held is charged in full."""
        rids = connection.abandon()
        try:
            self._charge_orphans(rids)
        except LedgerDownError:
            self._emit(Event(event=Kind.LEDGER_FAULT))
            self._owed += [Settle(rid=rid, outcome=Outcome.ORPHANED) for rid in rids]

    def _open(self) -> None:
        """Charges what an earlier process left open, and learns the keys."""
        with self._storage.transaction():
            rids = self._storage.open_holds()
            for verifier in self._storage.verifiers():
                self._register.put(verifier)
        self._charge_orphans(rids)

    def _charge_orphans(self, rids: Sequence[int]) -> None:
        """All of them or none. Raises LedgerDownError."""
        if not rids:
            return
        now = self._clock()
        with self._storage.transaction():
            settled = [self._storage.settle(Settle(rid=rid, outcome=Outcome.ORPHANED), now) for rid in rids]
        charged = [one.charged for one in settled if one is not None]
        self._emit(Event(event=Kind.ORPHANS_CHARGED, count=len(charged), nanodollars=sum(charged)))

    def _hear(
        self,
        connection: Connection,
        seq: int,
        message: Question | Notice,
        now: int,
        replies: list[Reply],
        writes: list[_Write],
    ) -> None:
        """Answers from memory, or notes what has to be written. Raises BreachError."""
        match message:
            case Authorise():
                replies.append((connection, seq, self._authorise(connection, message, now)))
            case Reserve():
                connection.check_reserve(message, len(self._models))
                writes.append((connection, seq, message))
            case Settle():
                if connection.release(message.rid):
                    writes.append((connection, seq, message))
            case Finished():
                self._note_end(connection, message)
            case AskBalance():
                verifier = self._usable(message.key_id, message.tail, now)
                if verifier is None:
                    replies.append((connection, seq, _UNUSABLE))
                else:
                    writes.append((connection, seq, message))

    def _authorise(self, connection: Connection, message: Authorise, now: int) -> Standing | Refused:
        verifier = self._usable(message.key_id, message.tail, now)
        if verifier is None:
            return _UNUSABLE
        if not verifier.is_for(message.endpoint):
            return Refused(Why.OUT_OF_SCOPE)
        connection.prove(verifier.key_id, verifier.generation)
        return Standing(verifier.key_id, verifier.generation, verifier.limited)

    def _usable(self, key_id: int, tail: bytes, now: int) -> Verifier | None:
        """Compares first and asks afterwards, so that every refusal costs the same."""
        verifier = self._register.prove(key_id, tail)
        return verifier if verifier is not None and verifier.live(now) else None

    def _note_end(self, connection: Connection, message: Finished) -> None:
        self._emit(
            Event(
                event=Kind.REQUEST,
                request=connection.finish(message),
                route=message.route,
                status=message.status,
                milliseconds=message.milliseconds,
            )
        )

    def _write_all(self, writes: Sequence[_Write], now: int) -> list[Reply]:
        try:
            with self._storage.transaction():
                results = [self._write(message, now) for _, _, message in writes]
        except Exception:  # noqa: BLE001 - whatever fails, the batch is rolled back and the ledger lives
            self._emit(Event(event=Kind.LEDGER_FAULT))
            self._owed += [message for _, _, message in writes if isinstance(message, Settle)]
            return [
                (connection, seq, _DOWN)
                for connection, seq, message in writes
                if not isinstance(message, Settle)
            ]
        replies: list[Reply] = []
        for (connection, seq, _), result in zip(writes, results, strict=True):
            if isinstance(result, Held):
                connection.hold(result.rid)
            if isinstance(result, Settled):
                self._look_at(result)
            elif result is not None:
                replies.append((connection, seq, result))
        return replies

    def _write(
        self, message: AskBalance | Reserve | Settle, now: int
    ) -> Held | Refused | Balance | Settled | None:
        match message:
            case Reserve():
                if self._models[message.model].number in self._suspended:
                    return Refused(Why.MODEL_SUSPENDED)
                return self._storage.reserve(message, now)
            case Settle():
                return self._storage.settle(message, now)
            case AskBalance():
                return self._balance(message, now)

    def _balance(self, message: AskBalance, now: int) -> Balance | Refused:
        key = self._storage.key(message.key_id, now)
        if key is None:
            return _UNUSABLE
        return Balance(
            key_id=key.key_id,
            period=int(key.period),
            limit=key.limit,
            spent=key.spent,
            reserved=key.reserved,
            total=key.total,
            expires_at=key.expires_at,
        )

    def _look_at(self, settled: Settled) -> None:
        """A model whose provider overran its bounds cannot be held to a limit: no more of it until a restart."""
        if settled.overrun:
            self._suspended.add(settled.model)
            self._emit(Event(event=Kind.PROVIDER_OVERRUN, nanodollars=settled.excess))

    def _settle_owed(self, now: int) -> None:
        """One by one, so that one that never can be written does not keep the others from it."""
        for _ in range(len(self._owed)):
            message = self._owed.popleft()
            try:
                with self._storage.transaction():
                    settled = self._storage.settle(message, now)
            except Exception:  # noqa: BLE001 - as above; it is tried again with the next batch
                self._emit(Event(event=Kind.LEDGER_FAULT))
                self._owed.append(message)
                return
            if settled is not None:
                self._look_at(settled)
