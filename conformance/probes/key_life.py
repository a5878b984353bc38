"""How keys end: a revoked, disabled or rotated key is called again and again while a sibling lives on."""

import asyncio
from collections.abc import Awaitable, Callable

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.key_ends import OwnerRemoval
from conformance.model.keys import Death, End, Revocation, Rotation
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.door import Answer
from conformance.probes.keys.watch import MARGIN, PAUSE, Watch, serving, warm
from conformance.session import Session
from conformance.target import Target

_CONFLICTS = {400, 409, 412, 422, 423}  # by which an owner who has keys is not removed


def _cost(target: Target, sample: int) -> Cost:
    seconds = target.claims.revocation_latency + MARGIN
    return Cost(requests=int(4 * seconds / PAUSE) + 30 + 16 * len(target.inference), seconds=2 * seconds)


def _rotation_cost(target: Target, sample: int) -> Cost:
    seconds = target.claims.rotation_overlap + target.claims.revocation_latency + MARGIN
    return Cost(requests=int(2 * seconds / PAUSE) + 10, seconds=seconds)


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
        return Rotation(absent=absence(api, "rotate"))
    sibling = await api.create("rotate-sibling", PICO_PER_USD)
    serves, places = await serving(session, sibling)
    key = await api.create("rotate", PICO_PER_USD)
    alive = await warm(session, key, places) and serves
    rotated = await api.rotate(key)
    watch = Watch(
        session,
        key,
        sibling,
        session.target.claims.rotation_overlap + session.target.claims.revocation_latency,
        places,
    )
    new = await calls.send(session, calls.usual(session, rotated.secret, "rotate"))
    await watch.run()
    return Rotation(
        differs=rotated.secret != key.secret,
        new_serves=calls.admitted(new),
        old=watch.death("rotate", alive_before=alive),
    )


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def owner_removal(session: Session) -> OwnerRemoval:
    """Remove the owner of a key and see whether the key dies."""
    api = session.keys()
    if api.dialect.remove_owner is None:
        return OwnerRemoval(absent=absence(api, "remove_owner"))
    try:
        death = await _ended(session, "remove the owner", lambda key: api.do("remove_owner", key))
    except KeyApiTrouble as trouble:
        if trouble.status not in _CONFLICTS:
            raise
        return OwnerRemoval(refused=str(trouble.status))
    return OwnerRemoval(death=death)


def absence(api: KeyApi, operation: str) -> str:
    """Why the gateway has no such operation: a dialect that merely leaves it out says nothing about the gateway."""
    reason = api.dialect.absent.get(operation)
    if not reason:
        raise CannotObserve(
            f"the dialect '{api.dialect.name}' neither describes '{operation}' nor says why the gateway has none",
            fault=Fault.OPERATOR,
            decide=f"describe `{operation}` in the dialect, or say under `absent.{operation}` why there is none",
        )
    return reason


async def _ended(session: Session, how: End, end: Callable[[Key], Awaitable[Answer]]) -> Death:
    api = session.keys()
    sibling = await api.create(f"{how}-sibling", PICO_PER_USD)
    serves, places = await serving(session, sibling)
    key = await api.create(how, PICO_PER_USD)
    alive = await warm(session, key, places) and serves
    await end(key)
    watch = Watch(session, key, sibling, session.target.claims.revocation_latency, places)
    await watch.run()
    return watch.death(how, alive_before=alive)
