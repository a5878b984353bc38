"""The pre-flight: does every declared access really work, and does money mean what we think it means?

It comes first in every audit, so that a wrong credential reads as that and not as forty inconclusive checks, and so that no
canary is sent before it is proven that the gateway's provider is the witness.
"""

import asyncio
from collections.abc import Sequence

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.surfaces import measure
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve, Unobserved
from conformance.model.money import PICO_PER_USD, in_usd
from conformance.model.preflight import Preflight, Price, Step
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.prices import price_of
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

_MARKERS = 2  # calls that prove where the gateway's provider is
_LIMIT = PICO_PER_USD  # one dollar: read back, it shows the unit of money

_REACH = {
    "refused": (Fault.NETWORK, "nothing listens there", "start the gateway, or correct `gateway.{key}`"),
    "unreachable": (
        Fault.NETWORK,
        "the host cannot be reached or its name not resolved",
        "check the name, the network, or `gateway.resolve`",
    ),
    "timeout": (
        Fault.NETWORK,
        "it did not answer in time",
        "check that the gateway is up, or raise `limits.timeout`",
    ),
    "tls": (
        Fault.OPERATOR,
        "its certificate could not be verified, or no TLS version is shared",
        "declare `gateway.ca_file` for a private authority, or mend the certificate",
    ),
    "reset": (
        Fault.TARGET,
        "it closed the connection without an answer",
        "check that the port speaks HTTP over TLS",
    ),
    "garbage": (Fault.TARGET, "what it sent is neither TLS nor HTTP", "check what speaks on the port"),
}


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=20, seconds=3 * target.claims.usage_lag)


@observes(phase=Phase.PREFLIGHT, level=Level.OUTSIDE, disruption=Disruption.STATE_CHANGING, cost=_cost)
async def preflight(session: Session) -> Preflight:
    """Check that every declared access works."""
    steps = [await _reach(session)]
    if steps[0].trouble is not None:
        return Preflight(steps=(*steps, *_lost(session, steps[0].trouble)))
    if session.target.key_api_apart():
        steps.append(await _reach_key_api(session))
    key, step = await _key(session, steps[-1].trouble)
    steps.append(step)
    price = None
    if "witness" in session.target.access():
        steps.append(await _witness(session, key) if step.trouble is None else _keyless(step.trouble))
        if steps[-1].trouble is None:
            price, step = await _money(session, key)
            steps.append(step)
    # After the first key and calls: what stores them may not have existed before.
    steps += await _surfaces(session)
    return Preflight(steps=tuple(steps), price=price)


async def _reach(session: Session) -> Step:
    path = session.target.endpoint("models") or "/"
    reply = await session.door.send("GET", path)
    return _reached("the gateway answers", reply, session.target.origin(), path, "base_urls", blocks="key")


async def _reach_key_api(session: Session) -> Step:
    """Without a credential: whatever it answers shows that somebody is there."""
    url = session.target.key_api_url()
    reply = await session.door.send("GET", f"{url}/")
    return _reached("the key API answers", reply, url, "/", "admin_url", blocks="admin")


def _reached(name: str, reply: Reply, url: str, path: str, key: str, *, blocks: str) -> Step:
    """Any answer to a GET is one; else whose fault it is. `key` is the one under `gateway` that names the place."""
    if isinstance(reply, Answer):
        return Step(name=name, detail=f"GET {path}: {reply.status}")
    fault, what, decide = _REACH[reply.kind]
    trouble = Unobserved(reason=f"{url}: {what}", fault=fault, decide=decide.format(key=key))
    return Step(name=name, detail=reply.detail, trouble=trouble, blocks=blocks)


def _lost(session: Session, trouble: Unobserved) -> list[Step]:
    """Without the gateway, no access to its interfaces works."""
    access = sorted(session.target.access() & {"admin", "witness"})
    return [
        Step(name=f"access '{name}'", detail="the gateway was not reached", trouble=trouble, blocks=name)
        for name in access
    ]


def _keyless(trouble: Unobserved) -> Step:
    """Without a key to call with, nothing shows where calls go."""
    return Step(
        name="access 'witness'", detail="there is no key to call with", trouble=trouble, blocks="witness"
    )


async def _key(session: Session, unreached: Unobserved | None) -> tuple[str | None, Step]:
    """A key that may call: one made for the purpose, or the ordinary one of the target file.

    `unreached` says why the key API cannot be asked, where it cannot.
    """
    if session.key_api is None:
        return session.own_key, Step(name="a key", detail="the ordinary key of the target file, if any")
    name = "keys can be made and read"
    if unreached is not None:
        return None, Step(name=name, detail="the key API was not reached", trouble=unreached, blocks="admin")
    try:
        key = await session.key_api.create("preflight", _LIMIT)
        detail = await _read_back(session, key)
    except CannotObserve as trouble:
        return None, Step(name=name, detail=str(trouble), trouble=trouble.unobserved, blocks="admin")
    session.expected_values += [key.id, key.name]
    return key.secret, Step(name=name, detail=detail)


async def _read_back(session: Session, key: Key) -> str:
    """Whether the limit that was set is the limit that is read: otherwise the unit of money is misunderstood."""
    api = session.keys()
    if api.dialect.read is None and api.dialect.own is None:
        return "made; the dialect describes no way to read it back"
    reading = await api.read(key)
    if reading.limit is not None and key.limit is not None and reading.limit != key.limit:
        raise CannotObserve(
            f"a limit of {in_usd(key.limit)} was set and {in_usd(reading.limit)} was read back",
            fault=Fault.OPERATOR,
            decide="correct the money unit: `per_usd` of the dialect, or `dialect.per_usd` of the target file",
        )
    return f"made with a limit of {in_usd(key.limit or _LIMIT)}" + (
        " and read back" if reading.limit is not None else "; the limit is not told"
    )


async def _witness(session: Session, key: str | None) -> Step:
    """N marker calls must be N calls at the witness: otherwise canaries would go to a real provider."""
    name = "the gateway's provider is the witness"
    place = session.target.witness
    url = (place.url if place else "") or session.provider().url
    for _ in range(_MARKERS):
        asked = calls.usual(session, key, "preflight")
        reply = await calls.send(session, asked)
        seen = calls.reached(session, asked)
        trouble = _astray(session, reply, seen, url)
        if trouble is not None:
            detail = f"answered {calls.told(reply)}, seen {len(seen)} times"
            return Step(name=name, detail=detail, trouble=trouble, blocks="witness")
    return Step(name=name, detail=f"{_MARKERS} marker calls, each seen at the witness", proves="witness")


def _astray(
    session: Session, reply: Answer | NoAnswer, seen: Sequence[WitnessCall], url: str
) -> Unobserved | None:
    """Why the witness cannot be taken for the gateway's provider; None where it can. More calls than were made are a finding
    for later, no reason to stop.
    """
    model = calls.model_of(session)
    if calls.admitted(reply) and not seen:
        return Unobserved(
            reason=f"the gateway served a call for '{model}' that the witness did not see: its provider is somebody else, "
            "or a cache",
            fault=Fault.OPERATOR,
            decide=f"point the gateway's provider for '{model}' to the witness at {url}",
        )
    if not calls.admitted(reply):
        refused = isinstance(reply, Answer) and reply.status in {401, 403}
        return Unobserved(
            reason=f"a plain call for '{model}' was answered {calls.told(reply)} and reached the witness {len(seen)} times",
            fault=Fault.OPERATOR if refused or not seen else Fault.TARGET,
            decide="check the key, the model's name, the inference path, and that the gateway trusts and reaches the witness "
            f"at {url}",
        )
    if session.provider_key and not any(session.provider_key in value for _, value in seen[0].headers):
        return Unobserved(
            reason="calls arrive at the witness without the provider key that `witness.api_key` names",
            fault=Fault.OPERATOR,
            decide="correct `witness.api_key`, or the gateway's provider key",
        )
    return None


async def _surfaces(session: Session) -> list[Step]:
    steps = []
    for surface in session.target.surfaces:
        name = f"surface {surface.locator}"
        size = await asyncio.to_thread(measure, surface, session.base)
        if size.items:
            steps.append(Step(name=name, detail=f"{size.items} items, {size.bytes:,} bytes"))
            continue
        trouble = Unobserved(
            reason=f"the surface {surface.locator} holds nothing that can be read",
            fault=Fault.OPERATOR,
            decide="check its locator, relative to the target file, and the permissions",
        )
        steps.append(Step(name=name, detail="nothing readable", trouble=trouble))
    return steps


async def _money(session: Session, key: str | None) -> tuple[Price | None, Step]:
    """What calls cost, and how that was learnt."""
    model = calls.model_of(session)
    price = await price_of(session, key, model)
    if price is None:
        detail = "not declared, not told by the gateway, and not visible in its usage records"
    elif price.call:
        detail = f"measured: one call of the fixed shape costs {in_usd(price.call)}"
    else:
        detail = f"{price.source}: {in_usd(price.prompt)} per prompt token, {in_usd(price.completion)} per completion token"
    return price, Step(name=f"the price of '{model}'", detail=detail)
