"""How keys are refused that were never given, and keys that were ended: whether a caller can tell them apart."""

import asyncio
import hashlib
import re
from collections.abc import Iterator

from conformance.catalogue import Cost, Phase, observes
from conformance.model.presented import Refusal, Refusals, State
from conformance.model.scale import Disruption, Level
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.ended import PATIENCE, POLL, ended_keys
from conformance.probes.keys.endpoints import Echo, as_json, ask, decisive, right
from conformance.session import Session
from conformance.target import Endpoint, Target

_TIMES = 3  # what is told apart must be told apart each time
_STATES = 5
# Words with a digit in them are numbers and ids.
_NUMBERED = re.compile(r"[A-Za-z0-9_+/-]*[0-9][A-Za-z0-9_+/-]*")
_PIECE = 4  # characters of what was presented that are no chance


def _cost(target: Target, sample: int) -> Cost:
    polls = int((target.claims.revocation_latency + PATIENCE) / POLL)
    return Cost(
        requests=3 * polls + 10 + _TIMES * _STATES * len(target.inference),
        seconds=target.claims.revocation_latency,
    )


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def refusals(session: Session) -> Refusals:
    """Compare the refusals of unknown, revoked, disabled and expired keys."""
    session.require_provider()
    ended = await ended_keys(session)
    looks = [
        _refused(session, endpoint, state, key, ended.echoes.get(state))
        for endpoint in session.target.inference
        for state, key in ended.keys
    ]
    return Refusals(
        answers=tuple(await asyncio.gather(*looks)),
        secret_bits=min(echo.bits() for echo in ended.echoes.values()),
        alive=ended.alive,
        absent=ended.absent,
    )


async def _refused(
    session: Session, endpoint: Endpoint, state: State, key: str, echo: Echo | None
) -> Refusal:
    """One kind of key at one endpoint, asked some times."""
    asked = [await ask(session, endpoint, right(session, key)) for _ in range(_TIMES)]
    looks = [_looks(one.reply, key) for one in asked]
    shown = [echo.shown(one.reply) for one in asked] if echo else [(0.0, False)]
    told, headers, body = looks[0]
    return Refusal(
        state=state,
        endpoint=endpoint.path,
        told=told,
        headers=headers,
        body=body,
        steady=len(set(looks)) == 1 and decisive(asked[0].reply),
        shows=max(bits for bits, _ in shown),
        whole=any(whole for _, whole in shown),
    )


def _looks(reply: Reply, key: str) -> tuple[str, str, str]:
    """Status, and digests of the names of headers and of what a body says, without ids, numbers and the key."""
    if not isinstance(reply, Answer):
        return reply.kind, "", ""
    names = "\n".join(sorted({name.lower() for name, _ in reply.headers}))
    document = as_json(reply.body)
    text = reply.body.decode("utf-8", errors="replace")
    words = sorted(_members(document, "")) if isinstance(document, dict | list) else [text]
    return str(reply.status), _digest(names), _digest("\n".join(_plain(word, key) for word in words))


def _members(value: object, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _members(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner, f"{at}/[]")
    else:
        yield f"{at}: {value}"


def _plain(text: str, key: str) -> str:
    """A text without what differs from call to call."""
    pieces = {key[at : at + _PIECE] for at in range(len(key) - _PIECE + 1)}
    masked = [False] * len(text)
    for at in range(len(text) - _PIECE + 1):
        if text[at : at + _PIECE] in pieces:
            masked[at : at + _PIECE] = [True] * _PIECE
    kept = "".join("0" if hidden else letter for letter, hidden in zip(text, masked, strict=True))
    return _NUMBERED.sub("#", kept)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
