"""Where does a key's secret show after its creation? Everything readable is asked and searched."""

import uuid
from collections.abc import AsyncIterator

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.keys import Place, ShownOnce
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.readable import MOST, described_reads
from conformance.scan.secrets import forms_in
from conformance.scan.shown import bits_per_character, public_positions, shown
from conformance.session import Session
from conformance.target import Target

_LEAST_ID = 8  # characters
# draft-ietf-httpapi-idempotency-key-header, 2.1, and what it is called elsewhere.
_IDEMPOTENCY = ("Idempotency-Key", "X-Idempotency-Key", "X-Request-Id")
_REPEATED = "creation, repeated with its idempotency key"


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=35 + MOST)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=_cost,
)
async def shown_once(session: Session) -> ShownOnce:
    """Search everything readable for the secret of a new key."""
    api = session.keys()
    once = dict.fromkeys(_IDEMPOTENCY, str(uuid.uuid4()))
    key = await api.create("shown", PICO_PER_USD, headers=once)
    sibling = await api.create("shown-sibling", PICO_PER_USD)
    session.expected_values += [key.id, key.name]
    identifiers = [value for value in key.variables.values() if value != key.secret]
    public = public_positions(key.secret, [sibling.secret], identifiers)
    unread: list[str] = []
    answers = [item async for item in _answers(session, api, key, sibling, unread)]
    together = [shown(key.secret, _text(reply), public) for _, reply in answers if isinstance(reply, Answer)]
    return ShownOnce(
        no_store="no-store" in (key.creation.header("cache-control") or "").lower(),
        creation_shows="raw" in forms_in(key.secret, _text(key.creation)),
        secret_characters=len(key.secret) - len(public),
        bits_per_character=bits_per_character(_rest(k.secret, public) for k in (key, sibling)),
        shown_together=len(frozenset[int]().union(*together)),
        places=tuple(_place(name, reply, key, public) for name, reply in answers),
        unread=tuple(unread),
    )


def _rest(secret: str, public: frozenset[int]) -> str:
    return "".join(letter for position, letter in enumerate(secret) if position not in public)


async def _answers(
    session: Session, api: KeyApi, key: Key, sibling: Key, unread: list[str]
) -> AsyncIterator[tuple[str, Reply]]:
    """Every answer that may speak of the key, none of which was asked by showing its secret."""
    if api.dialect.read is not None:
        yield "read", (await api.read(key)).answer
    else:
        unread.append("read")
    pages = await api.pages()
    for number, answer in enumerate(pages, start=1):
        yield f"listing, page {number}", answer
    if not pages:
        unread.append("listing")
    async for name, reply in _changes(api, key, unread):
        yield name, reply
    async for name, reply in described_reads(session, api, key):
        yield name, reply
    for path, reply in await api.further_reads(key):
        yield path, reply
    for name, reply in [*await _calls_of_a_sibling(session, sibling), *await _rotation(api, key, unread)]:
        yield name, reply
    # Last, since it may make a second key of the same name.
    repeated = await api.create_again(key)
    if not isinstance(repeated, Answer):
        unread.append(_REPEATED)
    yield _REPEATED, repeated


async def _changes(api: KeyApi, key: Key, unread: list[str]) -> AsyncIterator[tuple[str, Reply]]:
    """What it is answered when the key is changed, first by something that is no change."""
    senseless: dict[str, object] = {"limit": "gateproof"}
    for what, operation, more in (
        ("set_limit to no amount", "set_limit", senseless),
        ("set_limit", "set_limit", {"limit": api_units(api)}),
        ("disable", "disable", {}),
        ("enable", "enable", {}),
    ):
        try:
            yield what, await api.do(operation, key, **more)
        except KeyApiTrouble as trouble:
            unread += [operation] if more is not senseless else []
            if trouble.answer is not None:
                yield f"{what}, refused", trouble.answer


async def _rotation(api: KeyApi, key: Key, unread: list[str]) -> list[tuple[str, Reply]]:
    """The answer that gives the key a new secret: not the old one. Where that stays the same, nothing was rotated."""
    if api.dialect.rotate is None:
        return []
    try:
        rotated = await api.rotate(key)
    except KeyApiTrouble:
        unread.append("rotate")
        return []
    return [("rotate", rotated.creation)] if rotated.secret != key.secret else []


def api_units(api: KeyApi) -> object:
    """One dollar in the gateway's unit."""
    from conformance.model.money import to_units

    return to_units(PICO_PER_USD, api.per_usd)


async def _calls_of_a_sibling(session: Session, sibling: Key) -> list[tuple[str, Reply]]:
    """Ordinary and failing calls made with another key: a gateway that mixes up its state would show the first one here."""
    auth = session.door.auth(sibling.secret)
    models = session.target.endpoint("models")
    found: list[tuple[str, Reply]] = []
    if models:
        found.append(("models", await session.door.send("GET", models, headers=auth)))
    chat = session.target.endpoint("chat")
    if chat:
        found.append(("malformed call", await session.door.send("POST", chat, headers=auth, content=b"{")))
        unknown = {
            "model": "gateproof-no-such-model",
            "messages": [{"role": "user", "content": "?"}],
            "max_tokens": 1,
        }
        found.append(
            ("call for an unknown model", await session.door.send("POST", chat, headers=auth, json=unknown))
        )
        if session.sees_provider():
            found.append(("call", await calls.send(session, calls.chat(session, sibling.secret, "shown"))))
    found.append(
        ("unknown route", await session.door.send("GET", f"/{session.tag}-no-such-route", headers=auth))
    )
    return found


def _place(name: str, reply: Reply, key: Key, public: frozenset[int]) -> Place:
    if not isinstance(reply, Answer):
        return Place(name=name, status=None, own_id=False, shown=0)
    text = _text(reply)
    return Place(
        name=name,
        status=reply.status,
        own_id=name != _REPEATED and _names(key, text),  # which names whatever it made
        shown=len(shown(key.secret, text, public)),
        forms=forms_in(key.secret, text),
    )


def _names(key: Key, text: str) -> bool:
    """Whether a text speaks of the key: a short id, such as a row number, would stand in any text by chance."""
    return key.name in text or (len(key.id) >= _LEAST_ID and key.id in text)


def _text(answer: Answer) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
    return head + "\n\n" + answer.body.decode("utf-8", errors="replace")
