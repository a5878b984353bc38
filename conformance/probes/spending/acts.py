"""Acts on keys, one after another, and the bill after each: what a random sequence is made of, and how it is played."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.money import in_usd
from conformance.model.spend import Act
from conformance.probes import calls
from conformance.probes.door import Reply
from conformance.probes.spending.oracle import Book, plain_call, tolerated
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.sending import Leaving, pooled
from conformance.probes.volley import fire
from conformance.session import Session

PACED = "paced-5"  # how the provider answers streams: with so many milliseconds after each event

What = Literal["key", "call", "stream", "leave", "burst", "limit", "revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act. Keys are numbered in the order in which they are made.

    `amount` is how many calls are made at most, or how many a limit admits beside what is held back.
    """

    what: What
    key: int
    amount: int = 0


class OverspentError(AssertionError):
    """A bill grew beyond its limit."""


@dataclass(slots=True)
class _Held:
    """A key in play, and all its calls. A revoked one is not called any more."""

    key: Key
    limit: int
    book: Book
    alive: bool = True


class Player:
    """Plays steps on new keys, and compares each key's bill with its limit after each."""

    def __init__(self, session: Session, *, headroom: int, cost: int) -> None:
        """`headroom` is what the gateway holds back for a usual call, `cost` its bill; both in picodollars."""
        self.acts: list[Act] = []
        self.steps: list[Step] = []
        self.prices: list[int] = []  # what the provider billed for one call of each step
        self._session = session
        self._headroom = headroom
        self._cost = cost
        self._keys: list[_Held] = []

    async def play(self, step: Step) -> None:
        """Do one step. Raises OverspentError where a bill grew beyond its limit in it, CannotObserve where it cannot be done."""
        self.steps.append(step)
        if step.what == "key":
            await self._make(step.amount)
            return
        held = self._keys[step.key]
        before, made = held.book.bill(), len(held.book.spent())
        told = await self._do(step, held) if held.alive else "revoked before"
        await held.book.quiet()
        bill = held.book.bill()
        self.prices.append(max((call.cost for call in held.book.spent()[made:]), default=0) or self._cost)
        self.acts.append(Act(what=_written(step, held), key=step.key, limit=held.limit, bill=bill, told=told))
        # What was spent before a limit was lowered stays spent; nothing may come to it.
        if bill > max(held.limit + tolerated(self._session), before):
            raise OverspentError(f"key {step.key}: {in_usd(bill)} on a limit of {in_usd(held.limit)}")

    def calls(self) -> int:
        """How many calls the provider had."""
        return sum(call.reached for held in self._keys for call in held.book.spent())

    async def over(self) -> None:
        """Revoke what is still alive."""
        for held in self._keys:
            if held.alive:
                await self._session.keys().revoke(held.key)

    async def _make(self, amount: int) -> None:
        limit = self._amount(amount)
        key = await self._session.keys().create("played", limit)
        held = _Held(key, key.limit or limit, Book(self._session))
        self._keys.append(held)
        number = len(self._keys) - 1
        written = f"key {number}: make it with a limit of {in_usd(held.limit)}"
        self.acts.append(Act(what=written, key=number, limit=held.limit, bill=0))
        self.prices.append(0)

    def _amount(self, amount: int) -> int:
        return self._headroom + amount * self._cost + self._cost // 2

    async def _do(self, step: Step, held: _Held) -> str:
        if step.what == "burst":
            return await self._burst(held, step.amount)
        if step.what == "revoke":
            await self._session.keys().revoke(held.key)
            held.alive = False
            return "revoked"
        if step.what == "limit":
            return await self._change(held, self._amount(step.amount))
        return await self._calls(step, held)

    async def _calls(self, step: Step, held: _Held) -> str:
        """Calls one after another, until one is refused."""
        told: Counter[str] = Counter()
        for _ in range(step.amount):
            reply = await (
                plain_call(self._session, held.key, held.book)
                if step.what == "call"
                else self._stream(held, leave=step.what == "leave")
            )
            await held.book.quiet()
            told[calls.told(reply)] += 1
            if not calls.admitted(reply):
                break
        return _in_words(told)

    async def _change(self, held: _Held, limit: int) -> str:
        held.limit = await self._session.keys().set_limit(held.key, limit)
        await asyncio.sleep(self._session.target.claims.revocation_latency)
        return f"set to {in_usd(held.limit)}"

    async def _burst(self, held: _Held, size: int) -> str:
        mark = self._session.provider().mark()
        salvo = [calls.usual(self._session, held.key.secret, "spend") for _ in range(size)]
        for shot in await fire(self._session, salvo):
            held.book.add(shot.asked.atom, shot.reply, shot.left, mark=mark, answered=shot.answered)
        return _in_words(Counter(call.told for call in held.book.spent()[-size:]))

    async def _stream(self, held: _Held, *, leave: bool) -> Reply:
        wanted = order(self._session, held.key.secret, Shape(stream=True, fault=PACED))
        left, mark = asyncio.get_running_loop().time(), self._session.provider().mark()
        send = Leaving(events=1, by="RST").send if leave else pooled
        reply = await send(self._session, wanted)
        held.book.add(wanted.atom, reply, left, mark=mark)
        return reply


def _in_words(told: Counter[str]) -> str:
    return ", ".join(f"{status} {times} times" for status, times in sorted(told.items()))


def _written(step: Step, held: _Held) -> str:
    words = {
        "call": f"up to {step.amount} chat completions, one after another",
        "stream": f"up to {step.amount} streams, one after another",
        "leave": f"up to {step.amount} streams, each reset by the caller after its first event",
        "burst": f"{step.amount} chat completions at once",
        "limit": f"set its limit to {in_usd(held.limit)}",
        "revoke": "revoke it",
    }
    return f"key {step.key}: {words[step.what]}"


async def replay(
    session: Session, steps: Sequence[Step], *, headroom: int, cost: int, allowed: Callable[[Step], bool]
) -> tuple[Act, ...]:
    """Play a sequence again on new keys: its acts where it overspends again, else nothing."""
    player = Player(session, headroom=headroom, cost=cost)
    try:
        for step in steps:
            if not allowed(step):
                return ()
            await player.play(step)
    except OverspentError:
        return tuple(player.acts)
    except CannotObserve:
        return ()
    finally:
        await player.over()
    return ()
