"""How keys are refused that were never given, and keys that were ended: whether a caller can tell them apart."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD
from conformance.model.presented import Refusal, Refusals, State
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.endpoints import Echo, as_json, ask, decisive
from conformance.probes.keys.presentations import Presentation, altered_in_the_middle
from conformance.probes.throw_away import dummy_key
from conformance.randomness.shape import sealed
from conformance.session import Session
from conformance.target import Endpoint, Target

_TIMES = 3  # what is told apart must be told apart each time
_POLL = 0.05  # seconds
_PATIENCE = 2.0  # seconds beyond the declared latency, until an ended key is dead
_STATES = 4
# Words with a digit in them are numbers and ids.
_NUMBERED = re.compile(r"[A-Za-z0-9_+/-]*[0-9][A-Za-z0-9_+/-]*")
_PIECE = 4  # characters of what was presented that are no chance


def _cost(target: Target, sample: int) -> Cost:
    polls = int((target.claims.revocation_latency + _PATIENCE) / _POLL)
    return Cost(
        requests=2 * polls + 8 + _TIMES * _STATES * len(target.inference),
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
    """Compare the refusals of unknown, revoked and disabled keys."""
    if not session.sees_provider():
        raise CannotObserve(
            "the provider is not proven to be the witness, so no call may be made that could reach it",
            fault=Fault.OPERATOR,
            decide="route the model to the witness; see the pre-flight",
        )
    api = session.keys()
    revoked, disabled = await api.create("ended", PICO_PER_USD), await api.create("ended-too", PICO_PER_USD)
    echoes = {"revoked": Echo.of(revoked, disabled), "disabled": Echo.of(disabled, revoked)}
    await _ended(partial(api.revoke, revoked))
    alive = [] if await _dies(session, revoked) else ["revoked"]
    absent = [] if api.dialect.disable else ["disabled"]
    if api.dialect.disable:
        await _ended(partial(api.do, "disable", disabled))
        alive += [] if await _dies(session, disabled) else ["disabled"]
    # One worker may know before another does; none may serve them once the declared time has passed.
    await asyncio.sleep(session.target.claims.revocation_latency)
    presented = _presented(revoked.secret, disabled.secret, {*alive, *absent})
    looks = [
        _refused(session, endpoint, state, key, echoes.get(state))
        for endpoint in session.target.inference
        for state, key in presented
    ]
    return Refusals(
        answers=tuple(await asyncio.gather(*looks)),
        secret_bits=min(echo.bits() for echo in echoes.values()),
        alive=tuple(alive),
        absent=tuple(absent),
    )


async def _ended(end: Callable[[], Awaitable[Answer]]) -> None:
    """End a key; once more where that was not answered, since a connection that was idle may just have been closed."""
    try:
        await end()
    except KeyApiTrouble as trouble:
        if trouble.answer is not None:
            raise
        with suppress(KeyApiTrouble):  # whether it is ended is asked next
            await end()


def _presented(revoked: str, disabled: str, without: set[str]) -> list[tuple[State, str]]:
    """A key of each kind. Those that were never given have a right checksum, where the true ones have one that is known."""
    all_: list[tuple[State, str]] = [
        ("unknown", sealed(dummy_key(disabled), disabled)),
        ("wrong secret", sealed(altered_in_the_middle(disabled), disabled)),
        ("revoked", revoked),
        ("disabled", disabled),
    ]
    return [(state, key) for state, key in all_ if state not in without]


async def _dies(session: Session, key: Key) -> bool:
    """Whether a key that was ended is refused within a time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + session.target.claims.revocation_latency + _PATIENCE
    asked = [endpoint for endpoint in session.target.inference if endpoint.billable]
    endpoint = (asked or session.target.inference)[0]  # what costs money asks for a key
    while loop.time() < until:
        told = await ask(session, endpoint, _right(session, key.secret))
        if decisive(told.reply) and not told.served():
            return True
        await asyncio.sleep(_POLL)
    return False


def _right(session: Session, key: str) -> Presentation:
    auth = session.target.gateway.auth
    return Presentation(
        how="scheme", what="", fields=((auth.header, auth.value.replace("{key}", key).encode()),)
    )


async def _refused(
    session: Session, endpoint: Endpoint, state: State, key: str, echo: Echo | None
) -> Refusal:
    """One kind of key at one endpoint, asked some times."""
    asked = [await ask(session, endpoint, _right(session, key)) for _ in range(_TIMES)]
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
