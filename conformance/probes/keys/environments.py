"""Keys of two environments, each shown to the other by requests that cost nothing."""

import ssl
from collections.abc import Mapping

import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.keys import Crossing, EnvironmentSeparation
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.door import Door
from conformance.probes.throw_away import dummy_key
from conformance.session import Session
from conformance.target import Gateway, OtherEnvironment, Target
from conformance.target_file import secret

_HERE, _THERE = "the gateway under audit", "the other environment"
# It needs a key, and no gateway has the model: whoever is let in is told so.
_UNPRICED: Mapping[str, object] = {
    "model": "gateproof-no-such-model",
    "messages": [{"role": "user", "content": "?"}],
    "max_tokens": 1,
}


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "other-environment"),
    cost=lambda _target, _sample: Cost(requests=14),
)
async def environment_separation(session: Session) -> EnvironmentSeparation:
    """Show a key of each environment to the other."""
    other = session.target.other_environment
    if other is None:
        raise CannotObserve(
            "no other environment is declared", fault=Fault.OPERATOR, decide="declare `other_environment`"
        )
    ours, theirs = await calls.key_for(session, "environment", PICO_PER_USD), secret(other.key, session.base)
    target = _target_of(session.target, other)
    door = Door(target, _trust(session, other), session.meter)
    try:
        there = await _crossing(door, target, at=_THERE, own=theirs, foreign=ours)
    finally:
        await door.close()
    here = await _crossing(session.door, session.target, at=_HERE, own=ours, foreign=theirs)
    return EnvironmentSeparation(crossings=(here, there))


def _trust(session: Session, other: OtherEnvironment) -> ssl.SSLContext:
    """What verifies the other deployment's certificate."""
    try:
        return ssl.create_default_context(cafile=str(session.base / other.ca_file) if other.ca_file else None)
    except (OSError, ssl.SSLError):
        raise CannotObserve(
            "the CA file of the other environment cannot be used",
            fault=Fault.OPERATOR,
            decide="correct `other_environment.ca_file`",
        ) from None


def _target_of(target: Target, other: OtherEnvironment) -> Target:
    """The same gateway, deployed elsewhere."""
    gateway = Gateway(base_urls=(other.base_url,), ca_file=other.ca_file, auth=target.gateway.auth)
    return msgspec.structs.replace(target, gateway=gateway)


async def _crossing(door: Door, target: Target, *, at: str, own: str, foreign: str) -> Crossing:
    """How one deployment answers the three, by the first question that tells own keys from invented ones."""
    found: list[Crossing] = []
    for kind in ("models", "chat"):
        path = target.endpoint(kind)
        if path is None:
            continue
        told = [await _told(door, kind, path, key) for key in (own, dummy_key(own), foreign)]
        key_of = _THERE if at == _HERE else _HERE
        found.append(Crossing(key_of=key_of, at=at, own=told[0], invented=told[1], told=told[2]))
        if told[0] != told[1]:
            break
    if not found:
        raise CannotObserve(
            "neither a chat nor a models endpoint is declared",
            fault=Fault.OPERATOR,
            decide="declare one under `[[inference]]`",
        )
    return found[-1]


async def _told(door: Door, kind: str, path: str, key: str) -> str:
    if kind == "models":
        return calls.told(await door.send("GET", path, headers=door.auth(key)))
    return calls.told(await door.send("POST", path, headers=door.auth(key), json=_UNPRICED))
