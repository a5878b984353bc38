"""One key of each kind that must be refused: never given, and ended in every way that the gateway has."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.money import PICO_PER_USD
from conformance.model.presented import State
from conformance.probes.door import Answer
from conformance.probes.keys.endpoints import Echo, ask, decisive, right
from conformance.probes.keys.expiry import Clock, end_of, variables
from conformance.probes.keys.presentations import altered_in_the_middle
from conformance.probes.throw_away import another
from conformance.randomness.shape import sealed
from conformance.session import Session

POLL = 0.05  # seconds
PATIENCE = 2.0  # seconds beyond the declared latency, until an ended key is dead
_AHEAD = 1  # whole seconds until a date
_WAYS: tuple[State, ...] = ("revoked", "disabled", "expired")


@dataclass(frozen=True, slots=True)
class Ended:
    """Keys by their state. `alive` are states whose key was served all the same, `absent` those that the gateway cannot make.

    `living` is one of its keys that is served.
    """

    keys: tuple[tuple[State, str], ...] = field(repr=False)
    echoes: Mapping[State, Echo] = field(repr=False)
    living: str = field(repr=False)
    alive: tuple[State, ...]
    absent: tuple[State, ...]


async def ended_keys(session: Session) -> Ended:
    """Make keys, end them, and wait until they are refused, or for as long as they may live."""
    api = session.keys()
    asked = session.now()
    living = await api.create("living", PICO_PER_USD)
    clock = Clock.of([(living.creation, asked, session.now())])
    made: dict[State, Key] = {"revoked": await api.create("ended", PICO_PER_USD)}
    if api.dialect.disable:
        made["disabled"] = await api.create("ended-too", PICO_PER_USD)
    left = 0.0
    if expiring := await _expiring(session, clock):
        made["expired"], left = expiring
    await _end(partial(api.revoke, made["revoked"]))
    if "disabled" in made:
        await _end(partial(api.do, "disable", made["disabled"]))
    await asyncio.sleep(left)
    alive = [state for state, key in made.items() if not await _dies(session, key)]
    # One worker may know before another does; none may serve them once the declared time has passed.
    await asyncio.sleep(session.target.claims.revocation_latency)
    never: list[tuple[State, str]] = [
        ("unknown", sealed(never_given(living.secret, made["revoked"].secret), living.secret)),
        ("wrong secret", sealed(altered_in_the_middle(living.secret), living.secret)),
    ]
    dead = [(state, key.secret) for state, key in made.items() if state not in alive]
    return Ended(
        keys=(*never, *dead),
        echoes={state: Echo.of(key, living) for state, key in made.items()},
        living=living.secret,
        alive=tuple(alive),
        absent=tuple(state for state in _WAYS if state not in made),
    )


def never_given(one: str, other: str) -> str:
    """A key of the same form as two others: what these have in common is kept, such as the name of the environment.

    So is the first letter where they part, since a number that began with another might be too large.
    """
    shared = [a == b for a, b in zip(one, other, strict=False)]
    shared += [False] * (len(one) - len(shared))
    kept = [same or (at > 0 and shared[at - 1]) for at, same in enumerate(shared)]
    return "".join(a if keep else another(a) for a, keep in zip(one, kept, strict=True))


async def _expiring(session: Session, clock: Clock) -> tuple[Key, float] | None:
    """A key that ends in a moment, and after how many seconds it has ended; None where the gateway makes none."""
    api = session.keys()
    if api.dialect.create_expiring is None:
        return None
    date = math.ceil(session.now() + clock.most) + _AHEAD
    try:
        key = await api.create("ended-by-date", ends=variables(date, session.now() + clock.most))
    except KeyApiTrouble:
        return None
    told = end_of(key, date)
    return (
        None if told is None or told > date + _AHEAD else (key, max(0.0, told - clock.least - session.now()))
    )


async def _end(end: Callable[[], Awaitable[Answer]]) -> None:
    """End a key; once more where that was not answered, since a connection that was idle may just have been closed."""
    try:
        await end()
    except KeyApiTrouble as trouble:
        if trouble.answer is not None:
            raise
        with suppress(KeyApiTrouble):  # whether it is ended is asked next
            await end()


async def _dies(session: Session, key: Key) -> bool:
    """Whether a key that was ended is refused within a time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + session.target.claims.revocation_latency + PATIENCE
    asked = [endpoint for endpoint in session.target.inference if endpoint.billable]
    endpoint = (asked or session.target.inference)[0]  # what costs money asks for a key
    while loop.time() < until:
        told = await ask(session, endpoint, right(session, key.secret))
        if decisive(told.reply) and not told.served():
            return True
        await asyncio.sleep(POLL)
    return False
