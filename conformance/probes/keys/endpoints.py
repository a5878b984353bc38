"""An endpoint of the content API as it is asked with whatever takes the place of a key."""

import asyncio
import json
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

import h11

from conformance.dialects.speak import Key
from conformance.probes import calls, line
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.keys.presentations import Presentation, joined
from conformance.probes.spending.orders import Shape, order
from conformance.scan.secrets import forms_in
from conformance.scan.shown import bits_per_character, public_positions, shown
from conformance.session import Session
from conformance.target import Endpoint

BUSY = frozenset({408, 425, 429})  # RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4


def decisive(reply: Reply) -> bool:
    """Whether an answer says something about the key, and not about overload, a breakdown or the network."""
    return isinstance(reply, Answer) and reply.status < 500 and reply.status not in BUSY


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one request, and how many calls of the provider carried its prompt."""

    reply: Reply
    reached: int = 0

    def told(self) -> str:
        """A status, or what happened instead."""
        return calls.told(self.reply)

    def served(self) -> bool:
        """Whether the gateway answered as to somebody with a key."""
        return calls.admitted(self.reply)


async def ask(session: Session, endpoint: Endpoint, way: Presentation) -> Asked:
    """One ordinary request, with a prompt of its own, presented in this way."""
    content, headers, atom, worst = _request(session, endpoint)
    path = way.path(endpoint.path)
    method = "POST" if content else "GET"
    body = joined(content, way.more) if content else None
    if way.plain():
        fields = {name: value.decode() for name, value in way.fields}
        reply = await session.door.send(method, path, headers=headers | fields, content=body, money=worst)
    else:
        await session.meter.admit(money=worst)
        reply = await _by_hand(session, _head(session, method, path, headers, way.fields, body or b""))
    return Asked(reply, len(session.provider().carrying(atom)) if atom else 0)


def right(session: Session, key: str) -> Presentation:
    """A key as it should be presented."""
    auth = session.target.gateway.auth
    return Presentation(
        how="scheme", what="", fields=((auth.header, auth.value.replace("{key}", key).encode()),)
    )


async def ask_at(session: Session, endpoint: Endpoint, way: Presentation, address: str = "") -> Reply:
    """The same at one address, on a connection of its own; empty: the first of them."""
    content, headers, _, worst = _request(session, endpoint)
    await session.meter.admit(money=worst)
    method = "POST" if content else "GET"
    sent = _head(session, method, way.path(endpoint.path), headers, way.fields, content)
    return await _by_hand(session, sent, address)


def wire(session: Session, endpoint: Endpoint, way: Presentation) -> bytes:
    """The same request as it goes over a connection that stays open; the way must be plain."""
    content, headers, _, _ = _request(session, endpoint)
    fields = {name: value.decode() for name, value in way.fields}
    method = "POST" if content else "GET"
    return line.request(session, way.path(endpoint.path), headers | fields, content, method=method) + content


def _request(session: Session, endpoint: Endpoint) -> tuple[bytes, dict[str, str], str, int]:
    """Body, headers without a credential, the prompt's atom, and the cost at most in picodollars."""
    if endpoint.kind == "models":
        return b"", {}, "", 0
    made = order(session, "", Shape(kind=endpoint.kind))
    auth = session.target.gateway.auth.header.lower()
    headers = {name: value for name, value in made.headers.items() if name.lower() != auth}
    return made.content, headers, made.atom, made.worst


def _head(
    session: Session,
    method: str,
    path: str,
    headers: dict[str, str],
    fields: Iterable[tuple[str, bytes]],
    body: bytes,
) -> bytes:
    """A request with fields that no client library would send."""
    head = line.request(session, path, {**headers, "Connection": "close"}, body, method=method)
    start, end, rest = head.partition(b"\r\n")
    more = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields)
    return start + end + more + rest + body


async def _by_hand(session: Session, sent: bytes, address: str = "") -> Reply:
    """Send bytes over a connection of their own and read one answer."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(session.target.limits.timeout):
            connection = await line.Line.open(session, address or (await line.places(session))[0])
            try:
                connection.write(sent)
                answer = await connection.answer(began)
            finally:
                connection.abort()
    except TimeoutError:
        return NoAnswer(kind="timeout", detail="no answer", ms=int((loop.time() - began) * 1000))
    except (OSError, ssl.SSLError, h11.RemoteProtocolError):
        answer = None
    ms = int((loop.time() - began) * 1000)
    return answer or NoAnswer(kind="reset", detail="closed without an answer", ms=ms)


@dataclass(frozen=True, slots=True)
class Echo:
    """What an answer can give back of a key: `bits` are those of its secret part."""

    secret: str
    public: frozenset[int]
    per_character: float

    @classmethod
    def of(cls, key: Key, sibling: Key) -> "Echo":
        """Of a key, beside another that shows what is common to all."""
        identifiers = [value for value in (key.name, *key.variables.values()) if value != key.secret]
        public = public_positions(key.secret, [sibling.secret], identifiers)
        rests = (_without(public, key.secret), _without(public, sibling.secret))
        return cls(key.secret, public, bits_per_character(rests))

    def rest(self) -> str:
        """What is secret of it."""
        return _without(self.public, self.secret)

    def bits(self) -> float:
        """Of the whole secret."""
        return (len(self.secret) - len(self.public)) * self.per_character

    def shown(self, reply: Reply) -> tuple[float, bool]:
        """How many bits an answer gives back, and whether it gives back all of them."""
        if not isinstance(reply, Answer):
            return 0.0, False
        text = "\n".join(f"{name}: {value}" for name, value in reply.headers)
        text += "\n\n" + reply.body.decode("utf-8", errors="replace")
        return len(shown(self.secret, text, self.public)) * self.per_character, bool(
            forms_in(self.secret, text)
        )


def _without(places: frozenset[int], secret: str) -> str:
    return "".join(letter for at, letter in enumerate(secret) if at not in places)


def as_json(body: bytes) -> object:
    """A body as JSON, None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
