"""Which answers of the API hosts carry Strict-Transport-Security: the observation behind T3.

A header that is set in the application is missing where the server answers by itself, and the other way
round. So answers of every class are provoked, at every address, and each must really have been reached.
"""

import asyncio
from urllib.parse import urlsplit

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.transport import HstsAnswer, HstsAnswers
from conformance.probes.hsts_provocations import Provocation, provocations
from conformance.probes.raw_http import Spoken, read_answer, request, speak_in_turn, speak_tls
from conformance.probes.throw_away import throw_away_key
from conformance.probes.tls.census import addresses, is_literal, known_addresses
from conformance.probes.tls.tcp import exchange
from conformance.session import Session
from conformance.target import Target

_LIMIT = from_usd("0.05")
_FIELD = "strict-transport-security"
_PROVOKED = 13
_ORDERLY = frozenset(
    {"ok", "unauthenticated", "not-found", "wrong-method", "bad-request", "preflight", "root"}
)
_TRIES = 2  # a lost answer is asked for again


def _cost(target: Target, sample: int) -> Cost:
    places = known_addresses(target, (urlsplit(url).hostname or "" for url in target.urls()))
    return Cost(requests=_TRIES * _PROVOKED * places + 2, seconds=5.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.STATE_CHANGING, cost=_cost)
async def hsts_answers(session: Session) -> HstsAnswers:
    """HSTS on every class of answer that can be provoked."""
    hosts = {url: urlsplit(url).hostname or "" for url in session.target.urls()}
    found = {host: await addresses(session.target, host) for host in dict.fromkeys(hosts.values())}
    places = [(url, address) for url, host in hosts.items() for address in found[host]]
    if not places:
        raise CannotObserve(
            "no host of the target has an address",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name the addresses in `gateway.resolve`",
        )
    async with throw_away_key(session, "hsts", _LIMIT) as made:
        key = made.secret if made.real else session.own_key
        look = session.key_api.look(made.key) if session.key_api and session.target.key_api_apart() else None
        asked = [
            _look_at(session, url, address, provocations(session, url, key, look)) for url, address in places
        ]
        answers = await asyncio.gather(*asked)
    return HstsAnswers(
        answers=tuple(answer for some in answers for answer in some),
        literal_hosts=tuple(url for url, host in hosts.items() if is_literal(host)),
        unresolved=tuple(host for host in found if not found[host]),
    )


async def _look_at(
    session: Session, url: str, address: str, provocations: tuple[Provocation, ...]
) -> tuple[HstsAnswer, ...]:
    """All classes at one place: what any client may ask in turn, the rest each on a connection of its own."""
    orderly = [p for p in provocations if p.wanted in _ORDERLY and urlsplit(url).scheme == "https"]
    others = [p for p in provocations if p not in orderly]
    in_turn, *alone = await asyncio.gather(
        _in_turn(session, url, address, orderly), *(_ask(session, url, address, p) for p in others)
    )
    return (*in_turn, *(answer for some in alone for answer in some))


async def _in_turn(
    session: Session, url: str, address: str, provocations: list[Provocation]
) -> tuple[HstsAnswer, ...]:
    parts = urlsplit(url)
    async with session.meter.connections:
        await session.meter.admit(requests=len(provocations))
        spoken = await speak_in_turn(
            address,
            parts.port or 443,
            host=parts.hostname or "",
            trust=session.trust,
            requests=[provocation.sent for provocation in provocations],
            wait=session.target.limits.timeout,
        )
    lost = [p for p, told in zip(provocations, spoken, strict=True) if told.answer is None]
    again = await asyncio.gather(*(_ask(session, url, address, p) for p in lost))
    answered = [
        _described(url, address, p, told)
        for p, told in zip(provocations, spoken, strict=True)
        if told.answer is not None
    ]
    return (*answered, *(answer for some in again for answer in some))


async def _ask(session: Session, url: str, address: str, provocation: Provocation) -> tuple[HstsAnswer, ...]:
    spoken = await _spoken(session, url, address, provocation)
    for _ in range(_TRIES - 1):
        if spoken.answer is not None:
            break
        spoken = await _spoken(session, url, address, provocation)
    return (_described(url, address, provocation, spoken),)


def _described(url: str, address: str, provocation: Provocation, spoken: Spoken) -> HstsAnswer:
    secure = urlsplit(url).scheme == "https"
    answer = spoken.answer
    reached = answer is not None and provocation.is_reached(answer)
    return HstsAnswer(
        url=url,
        address=address,
        wanted=provocation.wanted,
        request=provocation.what,
        reached=reached,
        closed=spoken.closed,
        status=answer.status if answer else 0,
        fields=tuple(value[:1000] for value in answer.values(_FIELD)) if answer else (),
        reason="" if reached else (f"answered {answer.status}" if answer else spoken.trouble),
        secure=secure,
    )


async def _spoken(session: Session, url: str, address: str, provocation: Provocation) -> Spoken:
    parts = urlsplit(url)
    async with session.meter.connections:
        await session.meter.admit(money=provocation.money)
        if parts.scheme != "https":
            return await _clear(session, address, parts.port or 80)
        return await speak_tls(
            address,
            parts.port or 443,
            host=parts.hostname or "",
            trust=session.trust,
            sent=provocation.sent,
            wait=session.target.limits.timeout,
            head_only=provocation.head_only,
        )


async def _clear(session: Session, address: str, port: int) -> Spoken:
    """A base URL without TLS is asked for its root only, and never with a key."""
    got = await exchange(
        address,
        port,
        request("GET", f"http://{address}", "/"),
        patience=session.target.limits.timeout,
        enough=lambda data: read_answer(data) is not None,
    )
    answer = read_answer(got.received)
    return Spoken(answer, trouble="" if answer else "no answer in clear text")
