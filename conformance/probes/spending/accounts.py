"""Spending by several keys of one account, together and in turn: the sum is what its limit allows, whatever becomes of keys."""

from contextlib import suppress
from dataclasses import dataclass, field

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import Scenario, SpendRace, SpendSequential, SpendWorkload
from conformance.model.spend_accounts import SpendAccounts
from conformance.probes import calls
from conformance.probes.spending.oracle import (
    AMPLE,
    Book,
    controlled,
    cost_of_one,
    plain_call,
    served,
    settled,
    tolerated,
)
from conformance.probes.spending.race import volley_size
from conformance.probes.spending.workload import headroom_of
from conformance.probes.volley import fire
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import overlap

_KEYS = 3  # of an account at least, each of which could spend all that it may
_MOST_KEYS = (
    40  # where each further key is served: together they are billed more than is held back for one call
)
_REFUSALS = 2  # in a row, until a limit counts as reached
_MOST_CALLS = 250
_HOLD = 0.6  # seconds at most for which the witness holds answers back, so that racing calls overlap
_NOT_THERE = {404, 405, 501}  # RFC 9110, sections 15.5.5, 15.5.6 and 15.6.2
_CALLS_EACH = 20  # of a scenario beside its volley, with its controls


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=3 * _CALLS_EACH + 8 * _KEYS + 3 * volley_size(target, sample), seconds=_HOLD)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential, SpendRace, SpendWorkload),
    cost=_cost,
)
async def spend_accounts(session: Session) -> SpendAccounts:
    """Spend accounts by several keys, and by keys that are deleted and made anew."""
    headroom = headroom_of(session)
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    limit = headroom + 3 * cost + cost // 2
    if session.keys().dialect.create_account is None:
        remade = await _remade_by_itself(session, ample, limit)
        return SpendAccounts(price=session.price(), remade=remade)
    overlapping = _overlapping(session)
    try:
        scenarios = [await _in_turn(session, ample, limit), await _anew(session, ample, limit)]
    except _NoAccounts as none:
        return SpendAccounts(price=session.price(), told=str(none))
    if volley_size(session.target, session.sample) >= 2:
        scenarios.append(await _together(session, ample, limit))
    return SpendAccounts(price=session.price(), scenarios=tuple(scenarios), ample_in_flight=overlapping)


def _overlapping(session: Session) -> int:
    """How many of the calls at once on an ample key overlapped. Raises CannotObserve where such calls exceed a limit of a key."""
    raced = session.gathered.get(SpendRace)
    if not isinstance(raced, SpendRace):
        return 0
    every = (*raced.rounds, *((raced.pipelined,) if raced.pipelined is not None else ()))
    if any(scenario.bill() > scenario.limit + tolerated(session) for scenario in every):
        raise CannotObserve(
            "calls at once exceed the limit of a key already: those of several keys would show nothing",
            fault=Fault.TARGET,
            decide="mend that first, and repeat the audit",
        )
    return raced.ample_in_flight


class _NoAccounts(Exception):
    """The gateway knows no such request."""


@dataclass(slots=True)
class _Shared:
    """An account, its keys, and all their calls in one book."""

    session: Session
    ample: Key
    account: Key
    limit: int
    before: bool
    book: Book
    keys: list[Key] = field(default_factory=list)

    @classmethod
    async def open(cls, session: Session, ample: Key, limit: int) -> "_Shared":
        before = await served(session, ample)
        try:
            account = await session.keys().create_account("account", limit)
        except KeyApiTrouble as trouble:
            if trouble.call == 0 and trouble.status in _NOT_THERE:
                raise _NoAccounts(str(trouble.status)) from None
            raise
        return cls(session, ample, account, account.limit or limit, before, Book(session))

    async def key(self) -> Key:
        """A further key of the account."""
        self.keys.append(await self.session.keys().create("shared", account=self.account.variables))
        return self.keys[-1]

    async def end(self, key: Key) -> None:
        """Revoke one of its keys."""
        self.keys.remove(key)
        await self.session.keys().revoke(key)

    def beyond(self) -> bool:
        """Whether its bill is beyond its limit."""
        return self.book.bill() > self.limit + tolerated(self.session)

    async def over(self, name: str, *, in_flight: int = 1, at_once: int = 1) -> Scenario:
        """The scenario as evidence, with its controls; keys and account are gone afterwards, as far as they can be."""
        raised = AMPLE + self.book.bill()
        key = self.keys[-1]
        control = await controlled(
            self.session, self.ample, key, raised, before=self.before, account=self.account
        )
        with suppress(CannotObserve):  # what is left is revoked when the audit clears up
            for each in tuple(self.keys):
                await self.end(each)
            await self.session.keys().revoke(self.account)
        return Scenario(
            name=name,
            limit=self.limit,
            calls=self.book.spent(),
            control=control,
            in_flight=in_flight,
            at_once=at_once,
        )


async def _spend(session: Session, key: Key, book: Book, limit: int) -> bool:
    """Call until the gateway refuses, or the bill is beyond the limit; whether any call was served."""
    refusals = sent = 0
    any_served = False
    while refusals < _REFUSALS and sent < _MOST_CALLS and book.bill() <= limit + tolerated(session):
        reply = await plain_call(session, key, book)
        await book.quiet()
        sent, refusals = sent + 1, 0 if calls.admitted(reply) else refusals + 1
        any_served |= calls.admitted(reply)
    return any_served


async def _in_turn(session: Session, ample: Key, limit: int) -> Scenario:
    """Each key of an account until it is refused."""
    shared = await _Shared.open(session, ample, limit)
    for number in range(1, _MOST_KEYS + 1):
        any_served = await _spend(session, await shared.key(), shared.book, shared.limit)
        if shared.beyond() or (number >= _KEYS and not any_served):
            break
    return await shared.over(f"{len(shared.keys)} keys of one account, one after another")


async def _anew(session: Session, ample: Key, limit: int) -> Scenario:
    """A key of an account that is spent, deleted and made anew, as long as that makes it serve."""
    shared = await _Shared.open(session, ample, limit)
    key = await shared.key()
    await _spend(session, key, shared.book, shared.limit)
    for _ in range(_MOST_KEYS):
        if shared.beyond():
            break
        await shared.end(key)
        key = await shared.key()
        if not await _spend(session, key, shared.book, shared.limit):
            break
    return await shared.over("a spent key of an account that is deleted and made anew, again and again")


async def _together(session: Session, ample: Key, limit: int) -> Scenario:
    """Calls at once, each by a key of its own: where calls of one key wait for each other, those of several need not."""
    shared = await _Shared.open(session, ample, limit)
    size = volley_size(session.target, session.sample)
    keys = [await shared.key() for _ in range(size)]
    witness = session.provider()
    mark = witness.mark()
    salvo = [calls.usual(session, key.secret, "race") for key in keys]
    # The marker is common to all canaries of the run; nothing else of the run is in flight at this time.
    async with witness.holding(session.mint.marker, size, _HOLD) as barrier:
        shots = await fire(session, salvo, answered=barrier.fewer)
    await settled(session, lambda: witness.calls[mark:])
    for shot in shots:
        shared.book.add(shot.asked.atom, shot.reply, shot.left, mark=mark, answered=shot.answered)
    name = f"{size} calls at once, by as many keys of one account"
    return await shared.over(name, in_flight=overlap(witness.calls[mark:]), at_once=size)


async def _remade_by_itself(session: Session, ample: Key, limit: int) -> Scenario:
    """A key in the place of one that was spent and deleted, where limits hang on keys alone: it has a limit of its own."""
    before = await served(session, ample)
    spent = await session.keys().create("remade", limit)
    await _spend(session, spent, Book(session), spent.limit or limit)
    await session.keys().revoke(spent)
    key = await session.keys().create("remade", limit)
    book, own = Book(session), key.limit or limit
    await _spend(session, key, book, own)
    control = await controlled(session, ample, key, AMPLE, before=before)
    name = "a key in the place of one that was spent and deleted"
    return Scenario(name=name, limit=own, calls=book.spent(), control=control, in_flight=1)
