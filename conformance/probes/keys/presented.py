"""A key with credit presented in every way but the right one: at every endpoint, between two calls that are served."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD
from conformance.model.presented import NO_KEY, EndpointControl, KeyPresentation, Presented
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.keys.endpoints import Asked, Echo, ask, decisive
from conformance.probes.keys.presentations import Presentation, presentations
from conformance.probes.throw_away import dummy_key
from conformance.session import Session
from conformance.target import Auth, Endpoint, Target

_TIMES = 3  # what is no plain refusal is one if it comes each time, between calls that are served
_SILENT = frozenset({"unreachable", "timeout", "tls"})  # which is no way to refuse
_NO_KEY = Presentation(how="placeholder", what=NO_KEY)


def _cost(target: Target, sample: int) -> Cost:
    ways = len(presentations("sk-aB3" * 8, "sk-aB4" * 8, Auth()))
    return Cost(requests=(ways + 3) * len(target.inference) + 2)


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def key_presentation(session: Session) -> KeyPresentation:
    """Present a key in the query, a cookie, the body and the path, altered, and not at all."""
    session.require_provider()
    api = session.keys()
    key, sibling = await api.create("present", 10 * PICO_PER_USD), await api.create("present-sibling")
    if not key.secret.isascii():
        raise CannotObserve(
            "keys are not ASCII, so no header carries them as they are",
            fault=Fault.OPERATOR,
            decide="check the pointer to the secret in the dialect",
        )
    echo = Echo.of(key, sibling)
    looks = [_at(session, endpoint, echo) for endpoint in session.target.inference]
    found = await asyncio.gather(*looks)
    # It stands in URLs now, by our doing; that a log of requests holds it shall be nobody's fault.
    api.created.remove(key)
    with suppress(KeyApiTrouble):  # it is tried again when the audit clears up
        await api.revoke(key)
    attempts = tuple(attempt for _, tried in found for attempt in tried)
    return KeyPresentation(
        controls=tuple(control for control, _ in found),
        attempts=attempts,
        secret_bits=echo.bits(),
        mixed_case=any(map(str.islower, echo.rest())) and any(map(str.isupper, echo.rest())),
        unanswered=sum(not attempt.decided for attempt in attempts),
    )


async def _at(
    session: Session, endpoint: Endpoint, echo: Echo
) -> tuple[EndpointControl, tuple[Presented, ...]]:
    """Everything at one endpoint, one after the other."""
    auth = session.target.gateway.auth
    right = Presentation(
        how="scheme",
        what="as it should be",
        fields=((auth.header, auth.value.replace("{key}", echo.secret).encode()),),
    )
    before = (await ask(session, endpoint, right)).served()
    public = endpoint.kind == "models" and (await ask(session, endpoint, _NO_KEY)).served()
    ways = () if public else presentations(echo.secret, dummy_key(echo.secret), auth)
    tried = tuple([await _tried(session, endpoint, way, echo) for way in ways])
    after = (await ask(session, endpoint, right)).served()
    return EndpointControl(endpoint=endpoint.path, before=before, after=after, public=public), tried


def _same(tried: Sequence[Asked]) -> bool:
    """Whether something else than silence came each time."""
    told = {asked.told() for asked in tried}
    return len(tried) == _TIMES and len(told) == 1 and not told & _SILENT


def _quotes_the_request(way: Presentation, asked: Asked) -> bool:
    """Whether its sender wrote the key where every server quotes from: into the path, or into a message that is no HTTP.

    A field with NUL in it is refused by the parser (RFC 9110, 5.5), before anything knows of keys.
    """
    no_http = asked.told() == "400" and any(b"\0" in value for _, value in way.fields)
    return bool(way.before or way.behind) or no_http


async def _tried(session: Session, endpoint: Endpoint, way: Presentation, echo: Echo) -> Presented:
    asked = await ask(session, endpoint, way)
    tried = [asked]
    while not decisive(asked.reply) and not asked.reached and len(tried) < _TIMES:
        asked = await ask(session, endpoint, way)
        tried.append(asked)
    bits, whole = (0.0, False) if _quotes_the_request(way, asked) else echo.shown(asked.reply)
    return Presented(
        how=way.how,
        what=way.what,
        endpoint=endpoint.path,
        told=asked.told(),
        served=asked.served(),
        reached=asked.reached,
        decided=decisive(asked.reply) or _same(tried),
        shows=bits,
        whole=whole,
    )
