"""Limits that change: whatever is done to a limit, what was spent stays spent."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import structs

from conformance.dialects.speak import Key
from conformance.model.spend import Attempt, Family, Spent
from conformance.probes.meter import LimitReached
from conformance.probes.spending.oracle import AMPLE, Book, controlled, plain_call, served, tolerated
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.sending import pooled
from conformance.probes.usage import settled_usage
from conformance.session import Session

_MOST_CALLS = 250
_REFUSALS = 2
_RETRY_SECONDS = 0.2
_LONGEST_WAIT = 30  # seconds until a next window
_SKEW_SECONDS = 2
# The last one is no trouble when it is tried again.
_PROVIDER_TROUBLE = ("error-429", "error-500", "error-503", "once-500")
_LOWERED_CALLS = 3
_CHANGES = 8  # a key that begins anew each time exceeds what it is held back by within these


async def raised(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Raise the limit of a spent key by one unit, again and again: no call fits in a unit."""
    trial = await Trial.begin(session, ample, limit)

    async def by_one_unit() -> None:
        trial.limit = await session.keys().set_limit(trial.key, trial.limit + 1)

    await trial.spend_after(by_one_unit)
    return await trial.over("a spent key whose limit is raised by one unit, again and again")


async def lowered(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Lower a limit below what was spent: from then on nothing is served."""
    trial = await Trial.begin(session, ample, limit + 2 * cost)
    for _ in range(2):
        await trial.call()
    trial.limit = trial.book.bill()
    await session.keys().set_limit(trial.key, max(1, cost // 2))
    await asyncio.sleep(session.target.claims.revocation_latency)
    for _ in range(_LOWERED_CALLS):
        await trial.call()
    return await trial.over("a limit that is lowered below what was spent")


async def suspended(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Suspend a spent key and end the suspension: it is as spent as before."""
    trial = await Trial.begin(session, ample, limit)

    async def off_and_on() -> None:
        await session.keys().do("disable", trial.key)
        await session.keys().do("enable", trial.key)

    await trial.spend_after(off_and_on)
    return await trial.over("a spent key that is suspended and taken up again")


async def rotated(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Give a spent key a new secret: it is as spent as before."""
    trial = await Trial.begin(session, ample, limit)

    async def another_secret() -> None:
        trial.key = await session.keys().rotate(trial.key)

    await trial.spend_after(another_secret)
    return await trial.over("a spent key that is rotated")


async def windowed(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Spend a key whose limit starts anew with each window of time: it does so with each window, and no more often."""
    length, began = session.keys().dialect.window_seconds, session.now()
    trial = await Trial.begin(session, ample, limit, windowed=True)
    once = trial.limit
    await trial.spend()
    if length <= _LONGEST_WAIT:
        await asyncio.sleep(length - session.now() % length + _SKEW_SECONDS)
        trial.limit = 2 * once
        await trial.spend()
    # A window that may have begun meanwhile, by a clock that may differ from ours, has a limit of its own.
    windows = int((session.now() + _SKEW_SECONDS) // length - (began - _SKEW_SECONDS) // length)
    trial.limit = once * (1 + windows)
    return await trial.over("a key whose limit starts anew with each window")


async def refused_by_provider(session: Session, ample: Key, limit: int, cost: int) -> Attempt:
    """Calls that the provider refuses for reasons of its own, and a plain one, which alone is billed and must be served."""
    trial = await Trial.begin(session, ample, limit)
    for fault in _PROVIDER_TROUBLE:
        await trial.send(Shape(fault=fault))
    # What was set aside for them is given back, if not at once.
    until = asyncio.get_running_loop().time() + session.target.claims.usage_lag
    call = await trial.call()
    while not call.served and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(_RETRY_SECONDS)
        call = await trial.call()
    recorded = await settled_usage(session, trial.key, above=max(0, trial.book.bill() - 1))
    attempt = await trial.over("calls that an overloaded or broken provider refused", "refusal")
    # The limit admits three usual calls and a half; it was seen that two fit wherever one is let through.
    return structs.replace(attempt, recorded=recorded, room=limit - cost - cost // 2)


class Trial:
    """A key whose limit is tried, its book, and the limit that holds now."""

    def __init__(self, session: Session, ample: Key, key: Key, limit: int, *, before: bool) -> None:
        self.key = key
        self.limit = limit
        self.book = Book(session)
        self.created = ""
        self.trouble = ""
        self._session = session
        self._ample = ample
        self._before = before

    @classmethod
    async def begin(cls, session: Session, ample: Key, limit: int, *, windowed: bool = False) -> "Trial":
        """A new key with a limit, which may start anew with each window of time."""
        before = await served(session, ample)
        key = await session.keys().create("changed", limit, windowed=windowed)
        return cls(session, ample, key, key.limit or limit, before=before)

    async def call(self) -> Spent:
        """One call of the usual shape."""
        await plain_call(self._session, self.key, self.book)
        return self.book.last()

    async def send(self, shape: Shape) -> None:
        """One call of another shape."""
        wanted = order(self._session, self.key.secret, shape)
        left, mark = asyncio.get_running_loop().time(), self._session.provider().mark()
        self.book.add(wanted.atom, await pooled(self._session, wanted), left, mark=mark)

    async def spend(self) -> int:
        """Call until the gateway refuses, or the bill is beyond the limit; how many calls were served."""
        refusals = sent = served_calls = 0
        beyond = self.limit + tolerated(self._session)
        while refusals < _REFUSALS and sent < _MOST_CALLS and self.book.bill() <= beyond:
            call = await self.call()
            refusals, sent = (0 if call.served or call.reached else refusals + 1), sent + 1
            served_calls += call.served
        return served_calls

    async def spend_after(self, change: Callable[[], Awaitable[None]], *, times: int = _CHANGES) -> None:
        """Spend the key, and after each change again, as long as a change makes it serve.

        Where the audit's own limits end it, what was spent until then stands, and `trouble` says so.
        """
        try:
            await self.spend()
            for _ in range(times):
                if self.book.bill() > self.limit + tolerated(self._session):
                    return
                await change()
                if not await self.spend():
                    return
        except LimitReached as reached:
            self.trouble = str(reached)

    async def over(self, name: str, family: Family = "changed limit") -> Attempt:
        """The attempt as evidence, with its controls."""
        return Attempt(
            name=name,
            family=family,
            limit=self.limit,
            calls=self.book.spent(),
            control=await controlled(self._session, self._ample, self.key, AMPLE, before=self._before),
            created=self.created,
            trouble=self.trouble,
        )
