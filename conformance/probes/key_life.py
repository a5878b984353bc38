"""How keys end: a revoked, disabled or rotated key is called again and again while a sibling lives on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApi
from conformance.model.evidence import CannotObserve
from conformance.model.keys import Death, Revocation, Rotation
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.door import Answer, Reply
from conformance.session import Session
from conformance.target import Target

_PAUSE = 0.05  # seconds between polls
_ENOUGH = 6  # polls after the deadline
_PATIENCE = 15.0  # seconds after the deadline, at most, until there are so many
_MARGIN = 0.6  # seconds of polling after the deadline
_WARM_UP = 2  # calls before the end, so that caches hold the key


def _cost(target: Target, sample: int) -> Cost:
    seconds = target.claims.revocation_latency + _MARGIN
    return Cost(requests=int(4 * seconds / _PAUSE) + 30, seconds=2 * seconds)


def _rotation_cost(target: Target, sample: int) -> Cost:
    seconds = target.claims.rotation_overlap + target.claims.revocation_latency + _MARGIN
    return Cost(requests=int(2 * seconds / _PAUSE) + 10, seconds=seconds)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def revocation(session: Session) -> Revocation:
    """End keys and see how long they live on."""
    api = session.keys()
    absent = [] if api.dialect.disable else ["disable"]
    ends = [_ended(session, "revoke", api.revoke)]
    if api.dialect.disable:
        ends.append(_ended(session, "disable", lambda key: api.do("disable", key)))
    deaths = await asyncio.gather(*ends)
    return Revocation(deaths=tuple(deaths), absent=tuple(absent))


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_rotation_cost,
)
async def rotation(session: Session) -> Rotation:
    """Rotate a key and see whether the old secret dies."""
    api = session.keys()
    if api.dialect.rotate is None:
        return Rotation(absent=_absent(api, "rotate"))
    key = await api.create("rotate", PICO_PER_USD)
    sibling = await api.create("rotate-sibling", PICO_PER_USD)
    alive = await _warm(session, key)
    rotated = await api.rotate(key)
    watch = _Watch(
        session,
        key,
        sibling,
        session.target.claims.rotation_overlap + session.target.claims.revocation_latency,
    )
    new = await calls.send(session, calls.chat(session, rotated.secret, "rotate"))
    await watch.run()
    return Rotation(
        differs=rotated.secret != key.secret,
        new_serves=calls.admitted(new),
        old=watch.death("rotate", alive_before=alive),
    )


def _absent(api: KeyApi, operation: str) -> str:
    """Why the gateway has no such operation: a dialect that merely leaves it out says nothing about the gateway."""
    reason = api.dialect.absent.get(operation)
    if not reason:
        raise CannotObserve(
            f"the dialect '{api.dialect.name}' neither describes '{operation}' nor says why the gateway has none",
            fault=Fault.OPERATOR,
            decide=f"describe `{operation}` in the dialect, or say under `absent.{operation}` why there is none",
        )
    return reason


async def _ended(
    session: Session, how: Literal["revoke", "disable"], end: Callable[[Key], Awaitable[Answer]]
) -> Death:
    api = session.keys()
    key, sibling = await api.create(how, PICO_PER_USD), await api.create(f"{how}-sibling", PICO_PER_USD)
    alive = await _warm(session, key) and await _warm(session, sibling)
    await end(key)
    watch = _Watch(session, key, sibling, session.target.claims.revocation_latency)
    await watch.run()
    return watch.death(how, alive_before=alive)


async def _warm(session: Session, key: Key) -> bool:
    replies = [await calls.send(session, calls.chat(session, key.secret, "life")) for _ in range(_WARM_UP)]
    return all(calls.admitted(reply) for reply in replies)


@dataclass(slots=True)
class _Watch:
    """Polls a dead key and its living sibling, from the moment it is made until the deadline and a margin have passed."""

    session: Session
    key: Key
    sibling: Key
    deadline: float  # seconds after which no call may be served
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    polls: list[tuple[float, Reply]] = field(default_factory=list)
    sibling_replies: list[Reply] = field(default_factory=list)

    async def run(self) -> None:
        """Poll both keys side by side."""
        await asyncio.gather(self._poll_key(), self._poll_sibling())

    def death(self, how: Literal["revoke", "disable", "rotate"], *, alive_before: bool) -> Death:
        """What the polls show."""
        served = [at for at, reply in self.polls if calls.admitted(reply)]
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
        )

    async def _poll_key(self) -> None:
        while not self._over():
            at = self._elapsed()
            reply = await calls.send(self.session, calls.chat(self.session, self.key.secret, "dead"))
            self.polls.append((at, reply))  # the moment of asking: an answer under way at the end may finish
            await asyncio.sleep(_PAUSE)

    async def _poll_sibling(self) -> None:
        while not self._over():
            self.sibling_replies.append(
                await calls.send(self.session, calls.chat(self.session, self.sibling.secret, "alive"))
            )
            await asyncio.sleep(5 * _PAUSE)

    def _over(self) -> bool:
        """A machine or a gateway that is slow costs time, not the verdict: enough polls are to be late ones."""
        late = self._elapsed() - self.deadline
        enough = sum(at > self.deadline for at, _ in self.polls) >= _ENOUGH
        return late >= (_MARGIN if enough else _PATIENCE)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.began
