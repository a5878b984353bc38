"""Making one attempt to overspend: a drain or a leap, on a key of its own, with its controls."""

import asyncio
from dataclasses import dataclass
from functools import partial

from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.spend import Attempt, Control, Spent
from conformance.probes.door import Answer, Reply
from conformance.probes.spending.oracle import AMPLE, Book, controlled, plain_call, served, tolerated
from conformance.probes.spending.orders import Order, order
from conformance.probes.spending.sending import Leaving, Send, pooled
from conformance.probes.spending.slowly import Slowly
from conformance.probes.spending.table import Way
from conformance.probes.usage import settled_usage
from conformance.session import Session

_REFUSALS = 2  # in a row, until the limit counts as reached
_RAISES = 4  # of a limit that admits not even one call, since more is set aside for this kind
_MOST_CALLS = 250


@dataclass(slots=True, kw_only=True)
class Attempting:
    """An attempt under way: the key that is to overspend, its limit, and its book."""

    session: Session
    ample: Key
    way: Way
    key: Key
    limit: int
    book: Book
    send: Send = pooled
    slow: Slowly | None = None

    async def one(self, *, counted: bool = True) -> Spent:
        """Send one call of the way, and wait until the provider has done with it."""
        await _send(self.session, self.key, self.way, self.book, self.send, counted=counted)
        await self.book.quiet()
        return self.book.last()

    async def plain(self) -> Spent:
        """Send one call of the usual shape."""
        await plain_call(self.session, self.key, self.book)
        return self.book.last()

    async def raised(self, limit: int) -> None:
        """Raise the limit of the key, or make another key where that cannot be done."""
        api = self.session.keys()
        if api.dialect.set_limit is not None:
            self.limit = await api.set_limit(self.key, limit)
            return
        self.key = await api.create("attempt", limit)
        self.limit = self.key.limit or limit
        self.book = Book(self.session, self.way.price)


async def attempt(session: Session, ample: Key, way: Way, *, headroom: int, cost: int) -> Attempt:
    """Try one way to overspend on a new key. What prevented it is told in `trouble`.

    Its limit admits three calls and a half beside the `headroom` that the gateway holds back for a usual call, whose `cost` the
    provider bills; both in picodollars.
    """
    limit = headroom + 3 * cost + cost // 2
    try:
        alike, events = await _alike(session, ample, way)
        if way.kind == "drain" and alike.cost:
            # What is held back for a dearer call is more, by what it costs more.
            limit = way.room * headroom + max(0, alike.cost - cost) + 3 * alike.cost + alike.cost // 2
        key, slow = await session.keys().create("attempt", limit), _slow(session, ample, way)
        trying = Attempting(
            session=session,
            ample=ample,
            way=way,
            key=key,
            limit=key.limit or limit,
            book=Book(session, way.price),
            send=_leaving(way, events) if slow is None else slow.send,
            slow=slow,
        )
        return await _attempted(trying, alike)
    except CannotObserve as trouble:
        return Attempt(
            name=way.name,
            family=way.family,
            limit=limit,
            calls=(),
            control=Control(ample_before=False, ample_after=False, revived=False),
            trouble=str(trouble),
        )


def _leaving(way: Way, events: int) -> Send:
    if way.leave is None:
        return pooled
    at, by = way.leave
    places = {"waiting": 0, "first": 1, "middle": max(1, events // 2), "last": max(1, events - 1)}
    return Leaving(events=places[at], by=by).send


def _slow(session: Session, ample: Key, way: Way) -> Slowly | None:
    if not way.patience:
        return None
    return Slowly(leaves=not way.reads_on, patience=way.patience, meanwhile=partial(served, session, ample))


async def _attempted(trying: Attempting, alike: Spent) -> Attempt:
    way, trouble = trying.way, ""
    try:
        await _spend(trying, taken=bool(alike.reached))
    except CannotObserve as why:
        trouble = str(why)  # what was spent until then stands
    recorded = await _recorded(trying) if way.family in {"abort", "fault", "endpoint"} else None
    return Attempt(
        name=way.name,
        family=way.family,
        limit=trying.limit,
        calls=trying.book.spent(),
        control=await controlled(
            trying.session,
            trying.ample,
            trying.key,
            AMPLE,
            before=alike.served,
        ),
        alike=alike,
        one_leap=way.kind == "leap",
        recorded=recorded,
        beside=tuple(trying.slow.beside) if trying.slow is not None else (),
        told_truly=way.counted,
        trouble=trouble,
    )


async def _spend(trying: Attempting, *, taken: bool) -> None:
    if not taken:
        await trying.one()  # such calls are not taken; a limited key must not get further with them
    elif trying.way.kind == "leap":
        await _leap(trying)
    else:
        await _drain(trying)


async def _alike(session: Session, ample: Key, way: Way) -> tuple[Spent, int]:
    """The same call on an ample key, answered to its end: how it went, and of how many events its answer was."""
    book = Book(session, way.price)
    reply = await _send(session, ample, way, book, pooled)
    await book.quiet()
    body = reply.body if isinstance(reply, Answer) else b""
    return book.last(), body.replace(b"\r\n", b"\n").count(b"\n\n")


async def _send(
    session: Session, key: Key, way: Way, book: Book, send: Send, *, counted: bool = True
) -> Reply:
    wanted: Order = order(session, key.secret, way.shape)
    loop, mark = asyncio.get_running_loop(), session.provider().mark()
    left = loop.time()
    reply = await send(session, wanted)
    book.add(wanted.atom, reply, left, mark=mark, counted=counted)
    return reply


async def _drain(trying: Attempting) -> None:
    """One call after another until the gateway refuses, or the bill is beyond the limit."""
    refusals = raises = sent = 0
    beyond = tolerated(trying.session)
    while refusals < _REFUSALS and sent < _MOST_CALLS and trying.book.bill() <= trying.limit + beyond:
        if trying.way.counted:
            call = await trying.one()
        else:
            await trying.one(counted=False)
            call = await trying.plain()
        sent += 1
        refused = not call.served and not call.reached
        refusals = refusals + 1 if refused else 0
        if refused and sent == 1 and raises < _RAISES:
            raises, sent, refusals = raises + 1, 0, 0
            await trying.raised(2 * trying.limit)


async def _leap(trying: Attempting) -> None:
    """A plain call, which must be served, and then one that costs more than is left."""
    for _ in range(_RAISES):
        if (await trying.plain()).served:
            break
        await trying.raised(2 * trying.limit)
    await trying.one()


async def _recorded(trying: Attempting) -> int | None:
    """What the gateway recorded on the key for its calls of the way: read once it covers the bill, or after the declared lag."""
    api = trying.session.keys()
    if api.dialect.read is None and api.dialect.own is None:
        return None
    try:
        return await settled_usage(trying.session, trying.key, above=max(0, trying.book.bill() - 1))
    except CannotObserve:
        return None
