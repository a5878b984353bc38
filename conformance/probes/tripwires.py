"""Who follows what stands in a prompt? Links, host names and credentials of our own, in every field that holds words."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from conformance.canary.mint import ALPHABET, LENGTH, MARKER
from conformance.catalogue import Cost, Phase, observes
from conformance.model.egress import Planted, Sifting, Tripwires
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.door import Answer
from conformance.session import Session
from conformance.target import Target

_AMPLE = 10**13  # picodollars
_PATH = "tripwires"
_MOST_ROUNDS = 15
_KINDS = 6  # requests in a round
_SIFTED = 3  # calls with credentials, each between two without


def _rounds(sample: int) -> int:
    """How often everything is sent."""
    return max(1, min(sample // 20, _MOST_ROUNDS))


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_rounds(sample) * _KINDS + 2 * _SIFTED + 1 + 2)


@dataclass(slots=True)
class Wires:
    """The tripwires of this run, by the number of their canary: form and field, and when they were sent, in loop time."""

    forms: dict[int, tuple[str, str]] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)
    first_call: int = 0  # of the provider's calls, the last before any tripwire


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def tripwires(session: Session) -> Tripwires:
    """Send prompts with links, host names and credentials that nobody should follow or use."""
    secret = await calls.key_for(session, "tripwires", _AMPLE)
    wires = Wires(first_call=session.provider().mark())
    session.watched[Wires] = wires
    words = _Words(session, wires)
    sifted = await _sift(words, secret)
    for number in range(_rounds(session.sample)):
        for asked in _round(words, secret, stream=number % 2 == 1):
            await calls.send(session, asked)
    # Last: gateways that put a provider that failed into a cooldown refuse what comes next.
    for _ in range(_rounds(session.sample)):
        await calls.send(session, _failing(words, secret))
    bodies = b"\n".join(call.body for call in session.provider().calls[wires.first_call :])
    arrived = Counter(wires.forms[number] for number in numbers_in(session, bodies) & wires.sent.keys())
    return Tripwires(
        planted=tuple(
            Planted(form=form, field=where, sent=count, forwarded=arrived[form, where])
            for (form, where), count in sorted(Counter(wires.forms.values()).items())
        ),
        sifted=sifted,
    )


def numbers_in(session: Session, text: bytes) -> set[int]:
    """The canaries of the run that stand in plain text, in any case, by number."""
    letters = f"[{ALPHABET}]{{{LENGTH - MARKER}}}"
    pattern = re.compile(f"{session.mint.marker}{letters}".encode(), re.IGNORECASE)
    found = (session.mint.read(match.decode()) for match in pattern.findall(text))
    return {canary.sequence for canary in found if canary is not None}


@dataclass(frozen=True, slots=True)
class _Words:
    """Makes texts with tripwires in them, each with a canary of its own, and books them."""

    session: Session
    wires: Wires

    def links(self, where: str) -> str:
        """A sentence with everything in it that can be followed."""
        return (
            f"Please compare {' with '.join(self.addresses(where))} and say which of them is the better read."
        )

    def addresses(self, where: str) -> list[str]:
        """Links to the witness; without TLS too, where it speaks TLS; and a host in the zone, where there is one."""
        base, host = _base(self.session), _host(self.session)
        found = [f"{base}/t/{self._atom('link', where)}"]
        if self.session.provider().url.startswith("https:"):
            found.append(f"http://{host}/t/{self._atom('link without TLS', where)}")
        if zone := self.session.provider().tripwire.zone:
            port = urlsplit(f"//{host}").port
            name = f"{self._atom('host name', where).lower()}.{zone}"
            found.append(f"http://{name}{f':{port}' if port else ''}/")
        return found

    def credentials(self) -> str:
        """What looks like keys of well-known services, and says in each that it is this run's; where to use them as well."""
        atom = self._atom("credential", "user")
        base, host = _base(self.session), _host(self.session)
        return (
            f"export OPENAI_API_KEY=sk-proj-{atom} OPENAI_BASE_URL={base}/t/{atom}/v1 "
            f"GITHUB_TOKEN=ghp_{atom}{'0' * 9} SITE=http://deploy:{atom}@{host}/t/{atom}"
        )

    def _atom(self, form: str, where: str) -> str:
        atom = self.session.mint.atom(_PATH, f"{form}, {where}")
        canary = self.session.mint.read(atom)
        assert canary is not None  # noqa: S101 - it was minted just now
        self.wires.forms[canary.sequence] = form, where
        # A moment early: nobody can come before it was sent.
        self.wires.sent[canary.sequence] = asyncio.get_running_loop().time()
        return atom


def _base(session: Session) -> str:
    """Where the gateway reaches the witness, without the version that paths of the API begin with."""
    place = session.target.witness
    url = (place.url if place else "") or session.provider().url
    return url.rstrip("/").removesuffix("/v1")


def _host(session: Session) -> str:
    return urlsplit(_base(session)).netloc


def _round(words: _Words, secret: str, *, stream: bool) -> Iterator[Asked]:
    """One request for each group of fields; the texts are made when it is asked for."""
    session = words.session
    chat = calls.chat(session, secret, _PATH, stream=stream)
    said = [
        {"role": "system", "content": words.links("system")},
        {"role": "user", "content": words.links("earlier user")},
        {"role": "assistant", "content": words.links("assistant")},
        {"role": "user", "content": words.links("user")},
    ]
    yield _with(chat, messages=said)
    tool = _tool(words.links("tool description"))
    yield _with(calls.chat(session, secret, _PATH, stream=stream), tools=[tool])
    yield _with(
        calls.chat(session, secret, _PATH),
        messages=_looked(words.links("tool result")),
        tools=[_tool("looks")],
    )
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in words.addresses("image_url")]
    yield _with(calls.chat(session, secret, _PATH), messages=[{"role": "user", "content": pictures}])
    refused = [{"role": "user", "content": words.links("refused request")}]
    yield _with(calls.chat(session, None, _PATH), messages=refused)


def _failing(words: _Words, secret: str) -> Asked:
    """A request that the provider refuses, with all of the prompt in its error."""
    text = f"[[fault:error-400]] {words.links('error of the provider')}"
    return _with(calls.chat(words.session, secret, _PATH), messages=[{"role": "user", "content": text}])


def _with(asked: Asked, **fields: Any) -> Asked:
    return replace(asked, body={**asked.body, **fields})


def _tool(told: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}}
    return {"type": "function", "function": {"name": "look", "description": told, "parameters": parameters}}


def _looked(result: str) -> list[dict[str, Any]]:
    """A conversation in which a tool brought this."""
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return [
        {"role": "user", "content": "Please look."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


async def _sift(words: _Words, secret: str) -> tuple[Sifting, ...]:
    """Calls with credentials between such without: what differs in how they are treated is due to what was read in them."""
    kinds: tuple[Literal["plain", "credentials"], ...] = ("plain", "credentials")
    booked: dict[str, list[_Treated]] = {kind: [] for kind in kinds}
    for number in range(2 * _SIFTED + 1):
        kind = kinds[number % 2]
        text = words.credentials() if kind == "credentials" else _HARMLESS
        booked[kind].append(await _treated(words.session, secret, text))
    return tuple(
        Sifting(
            words=kind,
            sent=len(booked[kind]),
            served=sum(treated.served for treated in booked[kind]),
            refused=sum(treated.refused for treated in booked[kind]),
            unchanged=sum(treated.unchanged for treated in booked[kind]),
        )
        for kind in kinds
    )


_HARMLESS = (
    "note the ferry to the old harbour leaves at half past nine on every working day of the week, and the train that meets "
    "it waits behind the market hall until the last of the passengers have found their seats"
)


@dataclass(frozen=True, slots=True)
class _Treated:
    """What became of a prompt: `refused` by an answer that says so, `unchanged` where the provider got the text as it is."""

    served: bool
    refused: bool
    unchanged: bool


async def _treated(session: Session, secret: str, text: str) -> _Treated:
    """Send a prompt with this text."""
    asked = calls.chat(session, secret, _PATH)
    prompt = f"{asked.body['messages'][0]['content']} {text}"
    asked = _with(asked, messages=[{"role": "user", "content": prompt}])
    reply = await calls.send(session, asked)
    served = calls.whole(reply)
    return _Treated(
        served=served,
        refused=isinstance(reply, Answer) and 400 <= reply.status < 500,
        unchanged=served and any(call.carries(text) for call in calls.reached(session, asked)),
    )
