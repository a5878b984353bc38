"""Watching a key that was ended: it is called again and again, until long enough after the deadline, while a sibling lives on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.keys import Death, End
from conformance.model.scale import Fault
from conformance.probes import calls, line
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.endpoints import ask, ask_at, right
from conformance.session import Session
from conformance.target import Endpoint

PAUSE = 0.05  # seconds between polls
MARGIN = 0.6  # seconds of polling after the deadline
_ENOUGH = 6  # polls after the deadline
_PATIENCE = 15.0  # seconds after the deadline, at most, until there are so many
_TWICE = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is shown: an endpoint of one address. `address` is empty where there is one address only."""

    endpoint: Endpoint
    address: str = ""

    def name(self) -> str:
        """As reports write it."""
        return f"{self.endpoint.path} at {self.address}" if self.address else self.endpoint.path


async def serving(session: Session, key: Key) -> tuple[bool, tuple[Place, ...]]:
    """Call with a key that lives on, twice everywhere: whether it was served, and where it was so each time.

    Chats come first. What serves nobody, such as an endpoint that the model is not made for, cannot show a refusal. Where none
    does, there is one place all the same. Raises CannotObserve where no endpoint that costs money is declared.
    """
    found = await line.places(session)
    addresses = found if len(found) > 1 else ("",)
    billable = [endpoint for endpoint in session.target.inference if endpoint.billable]
    every = [Place(endpoint, address) for endpoint in billable for address in addresses]
    if not every:
        raise CannotObserve(
            "no endpoint that costs money is declared",
            fault=Fault.OPERATOR,
            decide="declare one under `[[inference]]`",
        )
    every.sort(key=lambda place: place.endpoint.kind != "chat")
    served = await asyncio.gather(*(_serves(session, place, key) for place in every))
    return any(served), tuple(
        place for place, serves in zip(every, served, strict=True) if serves or not any(served)
    )


async def _serves(session: Session, place: Place, key: Key) -> bool:
    replies = [await show(session, place, key, anew=False) for _ in range(_TWICE)]
    return all(calls.admitted(reply) for reply in replies)


async def warm(session: Session, key: Key, places: Sequence[Place]) -> bool:
    """Call with a key for the first time, everywhere at once: whether it was served.

    It is to be ended at once, since what caches hold is oldest then that was asked for first.
    """
    replies = await asyncio.gather(*(show(session, place, key, anew=False) for place in places))
    return all(calls.admitted(reply) for reply in replies)


async def show(session: Session, place: Place, key: Key, *, anew: bool) -> Reply:
    """One call with a key; `anew`: on a connection of its own, which another worker may accept."""
    if place.address or anew:
        return await ask_at(session, place.endpoint, right(session, key.secret), place.address)
    return (await ask(session, place.endpoint, right(session, key.secret))).reply


@dataclass(slots=True)
class Watch:
    """Polls a dead key and its living sibling, from the moment it is made until the deadline and a margin have passed.

    `began` is the loop time of the end, from which all others count; it may be still to come.
    """

    session: Session
    key: Key
    sibling: Key
    deadline: float  # seconds after which no call may be served
    places: Sequence[Place]  # at least one
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    polls: list[tuple[float, Reply]] = field(default_factory=list)
    served_at: str = ""  # where the last call was served
    sibling_replies: list[Reply] = field(default_factory=list)

    async def run(self) -> None:
        """Poll both keys side by side."""
        await asyncio.gather(self._poll_key(), self._poll_sibling())

    def death(self, how: End, *, alive_before: bool) -> Death:
        """What the polls show."""
        served = [at for at, reply in self.polls if calls.admitted(reply) and at >= 0]
        refusals = [
            (at, reply) for at, reply in self.polls if isinstance(reply, Answer) and not calls.admitted(reply)
        ]
        return Death(
            how=how,
            alive_before=alive_before,
            polls=len(self.polls),
            refused=len(refusals),
            last_served_ms=int(max(served) * 1000) if served else None,
            watched_ms=int(max((at for at, _ in self.polls), default=0) * 1000),
            polls_after_deadline=sum(at > self.deadline for at, _ in self.polls),
            refused_after_deadline=sum(at > self.deadline for at, _ in refusals),
            sibling_served=sum(map(calls.admitted, self.sibling_replies)),
            sibling_polls=len(self.sibling_replies),
            statuses=tuple(sorted({reply.status for _, reply in refusals})),
            places=tuple(place.name() for place in self.places),
            served_at=self.served_at if served else "",
        )

    def since(self, began: float) -> "Watch":
        """The same, counted from another moment of the loop's time."""
        polls = [(at + self.began - began, reply) for at, reply in self.polls]
        return replace(self, began=began, polls=polls)

    def served_before(self) -> bool:
        """Whether the key was served before an end that was still to come."""
        return any(calls.admitted(reply) for at, reply in self.polls if at < 0)

    async def _poll_key(self) -> None:
        while not self._over():
            at = self._elapsed()
            place, reply = await self._shown(self.key, len(self.polls))
            if calls.admitted(reply):
                self.served_at = place.name()
            self.polls.append((at, reply))  # the moment of asking: an answer under way at the end may finish
            await asyncio.sleep(PAUSE)

    async def _poll_sibling(self) -> None:
        while not self._over():
            _, reply = await self._shown(self.sibling, len(self.sibling_replies))
            self.sibling_replies.append(reply)
            await asyncio.sleep(5 * PAUSE)

    async def _shown(self, key: Key, number: int) -> tuple[Place, Reply]:
        """Every place in turn, and there by turns on a connection that is kept and on one of its own."""
        place = self.places[number % len(self.places)]
        return place, await show(self.session, place, key, anew=bool(number // len(self.places) % 2))

    def _over(self) -> bool:
        """A machine or a gateway that is slow costs time, not the verdict: enough polls are to be late ones."""
        late = self._elapsed() - self.deadline
        enough = sum(at > self.deadline for at, _ in self.polls) >= max(_ENOUGH, 2 * len(self.places))
        return late >= (MARGIN if enough else _PATIENCE)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.began
