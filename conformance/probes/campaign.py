"""The campaign: canaries in every field, along every path, so that whatever a gateway keeps says where it came from."""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from conformance.catalogue import Cost, Phase, observes
from conformance.model.campaign import Campaign, FieldRun, PathClass, PathRun
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.session import Session
from conformance.target import Target

_TINY = 1  # picodollars: rounded up to the smallest limit there is: a key that can afford nothing
_KEYS = 3
_AT_ONCE = 6
_TEXT = 400  # characters of a field that carries its canary thrice
_FIELD_PATHS = 7  # optional fields, each sent in requests of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """A way through the gateway and how to send one request along it: what the client saw, and whether it counts."""

    name: str
    kind: PathClass
    send: Callable[
        [Session, str], Awaitable[tuple[str, str, bool]]
    ]  # (atom, told, counted by the client's side)
    needs_limit: bool = False


def _cost(target: Target, sample: int) -> Cost:
    requests = (len(_PATHS) + _FIELD_PATHS) * sample
    return Cost(requests=requests, seconds=0.3 * sample / _AT_ONCE)


@observes(
    phase=Phase.CAMPAIGN,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def campaign(session: Session) -> Campaign:
    """Send canaries in every field along every path."""
    keys = await _keys(session)
    since = session.provider().mark()
    paths = [await _run(session, path, keys) for path in _PATHS if not path.needs_limit or session.key_api]
    await _optional_fields(session, keys)
    session.expected_values += session.door.identifiers.found()
    return Campaign(
        sample=session.sample,
        paths=tuple(paths),
        fields=_by_field(session, since),
        keys=len(keys),
        answers=sum(issued.path == "answer" for issued in session.mint.issued.values()),
    )


async def _keys(session: Session) -> list[str]:
    if session.key_api is None:
        return [session.own_key or ""]
    made = [await session.key_api.create(f"campaign{number}") for number in range(_KEYS)]
    session.expected_values += [value for key in made for value in (key.id, key.name)]
    return [key.secret for key in made]


async def _run(session: Session, path: _Path, keys: Sequence[str]) -> PathRun:
    """Send the profile's number of requests along a path, spread over the keys."""
    if path.needs_limit:
        keys = await _poor_keys(session)
    loop = asyncio.get_running_loop()
    began, since = loop.time(), session.provider().mark()
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> tuple[str, str, bool]:
        async with room:
            return await path.send(session, keys[number % len(keys)])

    tasks = [asyncio.create_task(one(number)) for number in range(session.sample if keys else 0)]
    try:
        sent = await asyncio.gather(*tasks)
    finally:  # where one reached a limit, none of the others may go on into the next phase
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    forwarded = {n for call in session.provider().calls[since:] for n in _sequences(session, call.body)}
    answered = [atom for atom, _, ok in sent if ok]
    at_witness = sum(_sequence(session, atom) in forwarded for atom in answered)
    # A gateway may forward what others refuse (unknown models, say): the path is then another one, proven by the witness.
    refused = path.kind == "rejected" and at_witness <= len(answered) - at_witness
    return PathRun(
        path=path.name,
        kind="rejected" if refused else "aborted" if path.kind == "aborted" else "forwarded",
        sent=len(sent),
        counted=len(answered) - at_witness if refused else at_witness,
        told=tuple(sorted({told for _, told, _ in sent})),
        seconds=round(loop.time() - began, 3),
    )


def _sequence(session: Session, atom: str) -> int:
    canary = session.mint.read(atom)
    return -1 if canary is None else canary.sequence


async def _poor_keys(session: Session) -> list[str]:
    try:
        return [(await session.keys().create("poor", _TINY)).secret]
    except CannotObserve:
        return []  # limits this small cannot be set; the path is reported with nothing sent


def _messages(session: Session, path: str, directive: str = "") -> tuple[str, list[dict[str, str]]]:
    """Messages of every role, each with a canary of its own; the user's is the one that identifies the request."""
    atoms = {role: session.mint.atom(path, role) for role in ("system", "assistant", "user")}
    texts = {role: session.mint.text(atom, _TEXT) for role, atom in atoms.items()}
    return atoms["user"], [
        {"role": "system", "content": texts["system"]},
        {"role": "user", "content": f"{directive}Good morning."},
        {"role": "assistant", "content": texts["assistant"]},
        {"role": "user", "content": directive + texts["user"]},
    ]


def _body(session: Session, path: str, *, directive: str = "", **more: Any) -> tuple[str, dict[str, Any]]:
    atom, messages = _messages(session, path, directive)
    return atom, {"model": calls.model_of(session), "messages": messages, "max_tokens": 32, **more}


async def _post(
    session: Session,
    key: str | None,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
) -> Reply:
    auth = session.door.auth(key) if key else {}
    return await session.door.send(
        "POST",
        calls.chat_path(session) + query,
        headers={**auth, **(headers or {})},
        json=body,
        money=_price(session, body),
    )


def _price(session: Session, body: Mapping[str, Any]) -> int:
    try:
        price = session.price()
    except CannotObserve:
        return 0
    return price.call or price.bill(len(str(body)), 32)


async def _success(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "success")
    reply = await _post(session, key, body)
    return atom, calls.told(reply), calls.whole(reply)


async def _stream(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "stream", stream=True)
    reply = await _post(session, key, body)
    return atom, calls.told(reply), calls.whole(reply)


async def _provider_error(session: Session, key: str) -> tuple[str, str, bool]:
    """The provider refuses and echoes the prompt in its error, as real ones do."""
    atom, body = _body(session, "provider error", directive="[[fault:error-500]] ")
    reply = await _post(session, key, body)
    return atom, calls.told(reply), _answered(reply)


async def _abort(session: Session, key: str) -> tuple[str, str, bool]:
    """The client leaves in the middle of a stream."""
    atom, body = _body(session, "abort", directive="[[fault:paced]] ", stream=True)
    auth = session.door.auth(key)
    try:
        async with session.door.stream(
            "POST", calls.chat_path(session), headers=auth, json=body, money=_price(session, body)
        ) as opened:
            if isinstance(opened, NoAnswer):
                return atom, opened.kind, False
            received = await _first_bytes(opened)
    except TimeoutError:
        return atom, "timeout", False
    return atom, str(opened.status_code), received > 0


async def _first_bytes(response: httpx.Response) -> int:
    try:
        async for chunk in response.aiter_raw():
            return len(chunk)
    except httpx.TransportError:
        return 0
    return 0


async def _malformed(session: Session, key: str) -> tuple[str, str, bool]:
    """A body that ends too early, after the canary."""
    atom = session.mint.atom("malformed", "user")
    text = session.mint.text(atom, _TEXT)
    content = (
        f'{{"model": "{calls.model_of(session)}", "messages": [{{"role": "user", "content": "{text}"'.encode()
    )
    headers = {**session.door.auth(key), "content-type": "application/json"}
    reply = await session.door.send("POST", calls.chat_path(session), headers=headers, content=content)
    return atom, calls.told(reply), _answered(reply)


async def _unknown_model(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "unknown model")
    body["model"] = f"no-such-model-{session.mint.atom('unknown model', 'model').lower()}"
    reply = await _post(session, key, body)
    return atom, calls.told(reply), _answered(reply)


async def _no_credential(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "no credential")
    reply = await _post(session, None, body)
    return atom, calls.told(reply), _answered(reply)


async def _wrong_credential(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "wrong credential")
    reply = await _post(session, key[:12] + secrets.token_hex(len(key) // 2), body)
    return atom, calls.told(reply), _answered(reply)


async def _over_budget(session: Session, key: str) -> tuple[str, str, bool]:
    atom, body = _body(session, "over budget")
    reply = await _post(session, key, body)
    return atom, calls.told(reply), _answered(reply)


def _answered(reply: Reply) -> bool:
    """Whether the gateway answered; whether it refused or forwarded is read off the witness."""
    return isinstance(reply, Answer) and not reply.truncated


_PATHS: tuple[_Path, ...] = (
    _Path(name="success", kind="forwarded", send=_success),
    _Path(name="stream", kind="forwarded", send=_stream),
    _Path(name="abort", kind="aborted", send=_abort),
    _Path(name="malformed", kind="rejected", send=_malformed),
    _Path(name="unknown model", kind="rejected", send=_unknown_model),
    _Path(name="no credential", kind="rejected", send=_no_credential),
    _Path(name="wrong credential", kind="rejected", send=_wrong_credential),
    _Path(name="over budget", kind="rejected", send=_over_budget, needs_limit=True),
    # Last: gateways put a provider that failed into a cooldown, and later canaries would never leave them.
    _Path(name="provider error", kind="forwarded", send=_provider_error),
)


async def _optional_fields(session: Session, keys: Sequence[str]) -> None:
    """Fields that a gateway may refuse or strip, each in requests of its own: kept or not, they are searched for."""
    for number in range(max(1, session.sample // 10)):
        key = keys[number % len(keys)]
        for field, make in _FIELDS.items():
            atom = session.mint.atom("optional fields", field)
            _, body = _body(session, "optional fields")
            headers, query, more = make(atom)
            await _post(session, key, body | more, headers=headers, query=query)


_Placed = tuple[dict[str, str], str, dict[str, Any]]  # headers, query, fields of the body

_FIELDS: dict[str, Callable[[str], _Placed]] = {
    "user id": lambda atom: ({}, "", {"user": atom}),
    "metadata": lambda atom: ({}, "", {"metadata": {"note": atom}}),
    "stop": lambda atom: ({}, "", {"stop": [atom]}),
    "tool": lambda atom: ({}, "", {"tools": [_tool(atom)]}),
    "name": lambda atom: (
        {},
        "",
        {"messages": [{"role": "user", "name": atom.lower(), "content": "Good morning."}]},
    ),
    "header": lambda atom: ({"x-request-note": atom, "user-agent": f"client {atom}"}, "", {}),
    "query": lambda atom: ({}, f"?note={atom}", {}),
}


def _tool(atom: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"place": {"type": "string", "enum": [atom]}}}
    return {
        "type": "function",
        "function": {"name": "look", "description": f"looks at {atom}", "parameters": parameters},
    }


def _by_field(session: Session, since: int) -> tuple[FieldRun, ...]:
    """How many canaries of each field were sent, and how many the provider received."""
    campaign_paths = {path.name for path in _PATHS} | {"optional fields"}
    sent = Counter(i.field for i in session.mint.issued.values() if i.path in campaign_paths)
    received: set[int] = set()
    for call in session.provider().calls[since:]:
        received |= _sequences(session, call.body)
        received |= _sequences(session, "\n".join(value for _, value in call.headers).encode())
    arrived = Counter(
        session.mint.issued[number].field for number in received if number in session.mint.issued
    )
    return tuple(
        FieldRun(field=field, sent=count, forwarded=arrived[field]) for field, count in sorted(sent.items())
    )


def _sequences(session: Session, text: bytes) -> set[int]:
    """The canaries that stand in plain text, by sequence."""
    marker = session.mint.marker
    pattern = re.compile(rf"{marker}[A-Z2-9]{{15}}".encode(), re.IGNORECASE)
    found = (session.mint.read(match.decode().upper()) for match in pattern.findall(text))
    return {canary.sequence for canary in found if canary is not None}
