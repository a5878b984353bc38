"""What does the provider get besides the content? And does every call reach it, once, unchanged?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from conformance.catalogue import Cost, Phase, observes
from conformance.model.egress import Forwarding, HeaderFate
from conformance.model.scale import Disruption, Level
from conformance.probes import caller, calls
from conformance.probes.assembled import answer_text
from conformance.probes.calls import Asked
from conformance.probes.comparing import message_texts
from conformance.probes.door import Answer, Door, Reply
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

_CALLS = 6
_PAIRS = 2
_USUAL = ("x-forwarded-for", "forwarded", "x-real-ip")
_HEADERS = 2  # looks at what of a caller's headers is passed on
_AMPLE = 10**13  # picodollars
# What tidying would change: a character that Unicode composes (NFC), a doubled space, a tab, and blanks at the end.
_DELICATE = " Cafe\u0301  \u00e9\t <b>&amp;</b> \n "


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_CALLS + 2 * _PAIRS + 2 * _HEADERS + 2)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def forwarding(session: Session) -> Forwarding:
    """See what reaches the provider."""
    secret = await calls.key_for(session, "forwarding", _AMPLE)
    cookie = session.mint.atom("forwarding", "cookie")
    identifying = caller.identifying(cookie)
    extra = {name: identifying[name] for name in ("cookie", *_USUAL)}
    since = session.provider().mark()
    exchanges = [await _exchange(session, secret, extra, stream=number % 2 == 1) for number in range(_CALLS)]
    repeated = [await _repeat(session, secret) for _ in range(_PAIRS)]
    served = [
        _Served(asked, reply, calls.reached(session, asked, since))
        for asked, reply in exchanges
        if calls.whole(reply)
    ]
    once = [one for one in served if len(one.seen) == 1]
    every = [call for asked, _ in exchanges for call in calls.reached(session, asked, since)]
    passed = await _passed_on(session, secret, identifying)
    every += passed.calls
    return Forwarding(
        calls=len(exchanges) + 2 * _PAIRS,
        served=len(served) + sum(count for count, _ in repeated),
        seen_once=len(once),
        seen_never=sum(not one.seen for one in served),
        seen_more=sum(len(one.seen) > 1 for one in served),
        repeated_served=sum(count for count, _ in repeated),
        repeated_seen=sum(seen for _, seen in repeated),
        key_sightings=caller.places_of(secret, every),
        cookie_sightings=caller.places_of(cookie, every),
        address_sightings=tuple(sorted({*caller.places_of(caller.ADDRESSES, every), *passed.own_address})),
        prompts_unchanged=sum(one.prompt_arrived() for one in once),
        answers_unchanged=sum(answer_text(one.reply) == one.seen[0].text for one in once),
        headers=passed.headers,
        own_address=passed.knows_address,
    )


@dataclass(frozen=True, slots=True)
class _Served:
    """A call that was served whole, and the provider's calls for it."""

    asked: Asked
    reply: Reply
    seen: tuple[WitnessCall, ...]

    def prompt_arrived(self) -> bool:
        """Whether the provider received the texts of the request, all of them, unchanged, and no others.

        Where it was asked in another shape than ours, the texts must at least stand in it.
        """
        sent = message_texts(self.asked.body.get("messages"))
        body = Answer(status=200, headers=(), body=self.seen[0].body, ms=0).json()
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            return message_texts(body["messages"]) == sent
        return all(self.seen[0].carries(text) for text in sent)


async def _exchange(
    session: Session, secret: str, extra: Mapping[str, str], *, stream: bool
) -> tuple[Asked, Reply]:
    asked = calls.chat(session, secret, "forwarding", stream=stream)
    messages = [{**message, "content": message["content"] + _DELICATE} for message in asked.body["messages"]]
    asked = replace(asked, body={**asked.body, "messages": messages}, headers={**asked.headers, **extra})
    return asked, await calls.send(session, asked)


async def _repeat(session: Session, secret: str) -> tuple[int, int]:
    """The same request twice, byte for byte: (calls served, calls at the witness).

    A second call there shows that no answer was kept to be given again.
    """
    asked = calls.chat(session, secret, "repeated")
    replies = [await calls.send(session, asked) for _ in range(2)]
    return sum(map(calls.whole, replies)), len(calls.reached(session, asked))


@dataclass(frozen=True, slots=True)
class _PassedOn:
    """What of a caller's headers reached the provider, and where its own address stood there, if that can be known."""

    calls: tuple[WitnessCall, ...]
    headers: tuple[HeaderFate, ...]
    own_address: tuple[str, ...]
    knows_address: bool


async def _passed_on(session: Session, secret: str, identifying: Mapping[str, str]) -> _PassedOn:
    """Calls with all that a caller may bring along, from an address that is nobody else's where there is one."""
    origin = await asyncio.to_thread(caller.origin_of, session.target)
    source = origin.address if origin is not None and origin.bind else None
    door = Door(session.target, session.trust, session.meter, agent=session.tag, source=source)
    try:
        seen, headers = await _as_a_caller(session, door, secret, identifying)
    finally:
        await door.close()
    if not seen and source is not None:  # it serves nobody from there
        origin, (seen, headers) = None, await _as_a_caller(session, session.door, secret, identifying)
    known = origin is not None and bool(seen) and not caller.shared(origin, seen)
    # The provider's own host name stands in every request, and may be this very address.
    own = caller.places_of(origin.address, seen) if origin is not None and known else ()
    return _PassedOn(tuple(seen), headers, tuple(place for place in own if place != "header host"), known)


async def _as_a_caller(
    session: Session, door: Door, secret: str, identifying: Mapping[str, str]
) -> tuple[list[WitnessCall], tuple[HeaderFate, ...]]:
    """What the provider received of calls with headers: those that say who the caller is, and all others."""
    seen: list[WitnessCall] = []
    headers: list[HeaderFate] = []
    for sent in (caller.curious(), identifying):
        asked = calls.chat(session, secret, "forwarding")
        await door.send(
            "POST",
            asked.path,
            headers={**asked.headers, **sent},
            json=asked.body,
            money=calls.worst_case(session, asked),
        )
        reached = calls.reached(session, asked)
        headers += caller.fates(sent, reached) if reached else ()
        seen += reached
    return seen, tuple(headers)
