"""What does the provider get besides the content? And does every call reach it, once, unchanged?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.campaign import Forwarding
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.door import Answer, Reply
from conformance.scan.secrets import forms_in
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

_CALLS = 6
_PAIRS = 2
_AMPLE = 10**13  # picodollars
# What tidying would change: a character that Unicode composes (NFC), a doubled space, a tab, and blanks at the end.
_DELICATE = " Cafe\u0301  \u00e9\t <b>&amp;</b> \n "
_CLIENT = "203.0.113.77"  # TEST-NET-3 (RFC 5737): an address that nobody has, as a client behind a proxy would bring one


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_CALLS + 2 * _PAIRS + 2)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def forwarding(session: Session) -> Forwarding:
    """See what reaches the provider."""
    secret = await _key(session)
    cookie = session.mint.atom("forwarding", "cookie")
    extra = {
        "cookie": f"session={cookie}",
        "x-forwarded-for": _CLIENT,
        "forwarded": f"for={_CLIENT}",
        "x-real-ip": _CLIENT,
    }
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
    return Forwarding(
        calls=len(exchanges) + 2 * _PAIRS,
        served=len(served) + sum(count for count, _ in repeated),
        seen_once=len(once),
        seen_never=sum(not one.seen for one in served),
        seen_more=sum(len(one.seen) > 1 for one in served),
        repeated_served=sum(count for count, _ in repeated),
        repeated_seen=sum(seen for _, seen in repeated),
        key_sightings=_places(every, secret),
        cookie_sightings=_places(every, cookie),
        address_sightings=_places(every, _CLIENT),
        prompts_unchanged=sum(one.prompt_arrived() for one in once),
        answers_unchanged=sum(answer_text(one.reply) == one.seen[0].text for one in once),
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
        sent = _contents(self.asked.body.get("messages"))
        body = Answer(status=200, headers=(), body=self.seen[0].body, ms=0).json()
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            return _contents(body["messages"]) == sent
        return all(self.seen[0].carries(text) for text in sent)


async def _key(session: Session) -> str:
    if session.key_api is not None:
        key: Key = await session.key_api.create("forwarding", _AMPLE)
        session.expected_values += [key.id, key.name]
        return key.secret
    if session.own_key is None:
        raise CannotObserve(
            "no key to call with", fault=Fault.OPERATOR, decide="declare `credentials.key` or an admin key"
        )
    return session.own_key


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


def _places(seen: Iterable[WitnessCall], secret: str) -> tuple[str, ...]:
    """Where a value stands in what the provider received, in any encoding."""
    places: set[str] = set()
    for call in seen:
        places |= {f"header {name.lower()}" for name, value in call.headers if forms_in(secret, value)}
        if forms_in(secret, call.body.decode("utf-8", errors="replace")):
            places.add("body")
        if forms_in(secret, call.path):
            places.add("path")
    return tuple(sorted(places))


def answer_text(answer: Reply) -> str:
    """The text of a chat completion, plain or streamed (Server-Sent Events, one JSON object per `data:` field)."""
    if not isinstance(answer, Answer):
        return ""
    document = answer.json()
    if isinstance(document, dict):
        return "".join(_choice_texts(document, "message"))
    parts = []
    for line in answer.body.decode("utf-8", errors="replace").splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data and data != "[DONE]":
            event = Answer(status=200, headers=(), body=data.encode(), ms=0).json()
            parts += _choice_texts(event, "delta")
    return "".join(parts)


def _choice_texts(document: Any, part: str) -> list[str]:
    choices = document.get("choices") if isinstance(document, dict) else None
    found = []
    for choice in choices if isinstance(choices, list) else ():
        text = (
            choice.get(part, {}).get("content")
            if isinstance(choice, dict) and isinstance(choice.get(part), dict)
            else None
        )
        if isinstance(text, str):
            found.append(text)
    return found


def _contents(messages: Any) -> list[str]:
    """The texts of messages in order, whether they are written as strings or as parts."""
    texts: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        parts = content if isinstance(content, list) else [content]
        found = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
        texts += [text for text in found if isinstance(text, str)]
    return texts
