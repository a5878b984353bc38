"""Do requests reach the provider as they were sent, field by field, and answers the caller?"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from conformance.catalogue import Cost, Phase, observes
from conformance.model.egress import FieldFate, Integrity
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.calls import Asked
from conformance.probes.comparing import (
    Came,
    answers,
    earlier_calls,
    message_texts,
    parameter,
    parameter_elsewhere,
    same,
    texts,
    texts_elsewhere,
)
from conformance.probes.door import Answer
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

_AMPLE = 10**13  # picodollars
_MOST_TOKENS = 40
_CHOICES = 2
_SCHEMA = {
    "type": "object",
    "properties": {
        "place": {"type": "string", "enum": ["north harbour", "south harbour"]},
        "days": {"type": "integer", "minimum": 1},
    },
    "required": ["place"],
}
_TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": told, "parameters": _SCHEMA},
    }
    for name, told in (
        ("look_at_harbour", "Tells which ships lie in a harbour"),
        ("count_the_ships", "Counts the ships of a harbour over some days"),
    )
]
_CHOSEN = {"type": "function", "function": {"name": "look_at_harbour"}}
_RESPONSE = {
    "type": "json_schema",
    "json_schema": {"name": "harbour_report", "strict": False, "schema": _SCHEMA},
}
# Each with a value that no gateway would put in by itself.
_PARAMETERS: Mapping[str, Any] = {
    "max_tokens": _MOST_TOKENS,
    "temperature": 0.25,
    "top_p": 0.75,
    "seed": 20_261,
    "stop": ["the very end of it"],
    "n": _CHOICES,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "response_format": _RESPONSE,
    "store": False,
}
# A picture of one pixel, made by hand from the PNG specification.
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_VECTORS = 2
_REQUESTS = 2 + len(_PARAMETERS) + 2 + 2 + 1 + 1


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_REQUESTS + 1)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def integrity(session: Session) -> Integrity:
    """Compare requests and answers at both ends."""
    secret = await calls.key_for(session, "integrity", _AMPLE)
    book = _Book()
    bound = min(_MOST_TOKENS, session.target.models[calls.model_of(session)].max_output)
    parameters = {**_PARAMETERS, "max_tokens": bound}
    for stream in (False, True):
        asked = calls.chat(session, secret, "integrity", stream=stream, more=parameters)
        if not await _exchange(session, book, asked, tuple(parameters)) and not stream:
            for name, value in parameters.items():
                asked = calls.chat(session, secret, "integrity", more={"max_tokens": bound, name: value})
                await _exchange(session, book, asked, (name,), note=True)
    for asked in _with_tools(session, secret):
        await _exchange(session, book, asked, ("tools", "tool_choice"), note=True)
    await _exchange(session, book, _with_history(session, secret), ("tools",), note=True)
    await _exchange(session, book, _with_picture(session, secret), ("image",), note=True)
    if session.target.endpoint("embeddings") is not None:
        await _exchange(session, book, _embedding(session, secret), ("input",), note=True)
    return Integrity(fields=book.fates(), translated=book.translated)


@dataclass(slots=True)
class _Book:
    """What came through how often, by field."""

    came: dict[str, Counter[Came]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    translated: int = 0

    def enter(self, name: str, came: Came | None) -> None:
        if came is not None:
            self.came.setdefault(name, Counter())[came] += 1

    def fates(self) -> tuple[FieldFate, ...]:
        return tuple(
            FieldFate(
                field=name,
                part=_part(name),
                sent=self.came.get(name, Counter()).total(),
                unchanged=self.came.get(name, Counter())["unchanged"],
                missing=self.came.get(name, Counter())["missing"],
                added_to=self.came.get(name, Counter())["added to"],
                refused=self.refused[name],
            )
            for name in sorted({*self.came, *self.refused})
        )


_CONTENT = {"messages", "earlier tool calls", "image", "input", "answer texts"}
_ANSWERS = {"tool calls", "finish reasons", "vectors"}


def _part(name: str) -> Literal["content", "request", "answer"]:
    return "content" if name in _CONTENT else "answer" if name in _ANSWERS else "request"


async def _exchange(
    session: Session, book: _Book, asked: Asked, names: tuple[str, ...], *, note: bool = False
) -> bool:
    """Send a call and enter how these fields of it came through; whether it was served. `note` refusals too."""
    since = session.provider().mark()
    choices = int(asked.body.get("n") or 1)
    with session.provider().copying(asked.atom):
        reply = await session.door.send(
            "POST",
            asked.path,
            headers=asked.headers,
            json=asked.body,
            money=choices * calls.worst_case(session, asked),
        )
    if not calls.whole(reply) or not isinstance(reply, Answer):
        book.refused.update(names if note and isinstance(reply, Answer) else ())
        return False
    seen = calls.reached(session, asked, since)
    if len(seen) == 1:  # none, or more: another check's business
        _compare(book, asked, names, seen[0], reply.body)
    return True


def _compare(book: _Book, asked: Asked, names: tuple[str, ...], seen: WitnessCall, answer: bytes) -> None:
    document = _object(seen.body)
    alike = ("messages" in asked.body) == ("messages" in document) and seen.endpoint in {"chat", "embeddings"}
    book.translated += not alike
    for name in names:
        if name not in _CONTENT:
            came = parameter if alike else parameter_elsewhere
            book.enter(name, came(name, asked.body[name], document))
    for name, fate in _contents(asked.body, document, alike=alike):
        book.enter(name, fate)
    if alike:
        for name, fate in answers(seen.answer, answer).items():
            book.enter(name, fate)


def _contents(
    body: Mapping[str, Any], document: dict[str, Any], *, alike: bool
) -> Iterator[tuple[str, Came]]:
    """How each kind of content in a request came through."""
    if "input" in body:
        yield "input", _whole(body["input"], document.get("input"))
        return
    sent = message_texts(body["messages"])
    got = message_texts(document.get("messages"))
    yield "messages", texts(sent, got) if alike else texts_elsewhere(sent, document)
    if earlier := earlier_calls(body):
        words = [name for name, _ in earlier]
        came = _whole(earlier, earlier_calls(document)) if alike else texts_elsewhere(words, document)
        yield "earlier tool calls", came
    if _PIXEL in json.dumps(body):
        yield "image", texts_elsewhere([_PIXEL], document)


def _whole(sent: Any, got: Any) -> Came:
    return "unchanged" if same(sent, got) else "changed" if got else "missing"


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _with_tools(session: Session, secret: str) -> Iterator[Asked]:
    more = {"tools": _TOOLS, "tool_choice": _CHOSEN}
    for stream in (False, True):
        yield calls.chat(session, secret, "integrity", stream=stream, more=more)


def _with_history(session: Session, secret: str) -> Asked:
    """A conversation in which a tool was called before."""
    asked = calls.chat(session, secret, "integrity", more={"tools": _TOOLS})
    arguments = json.dumps({"place": "north harbour", "days": 3})
    function = {"name": "look_at_harbour", "arguments": arguments}
    earlier = {"id": "call_1", "type": "function", "function": function}
    messages = [
        {"role": "system", "content": "Answer as a harbour master would."},
        *asked.body["messages"],
        {"role": "assistant", "content": "", "tool_calls": [earlier]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Two ships lie there."},
    ]
    return replace(asked, body={**asked.body, "messages": messages})


def _with_picture(session: Session, secret: str) -> Asked:
    asked = calls.chat(session, secret, "integrity")
    text = {"type": "text", "text": asked.body["messages"][0]["content"]}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}
    return replace(asked, body={**asked.body, "messages": [{"role": "user", "content": [text, picture]}]})


def _embedding(session: Session, secret: str) -> Asked:
    atom = session.mint.atom("integrity", "input")
    given = [session.mint.text(atom, calls.PROMPT_SIZE), "a second text\twith\u00a0odd  blanks "]
    return Asked(
        atom=atom,
        path=session.target.endpoint("embeddings") or "",
        body={"model": calls.model_of(session), "input": given},
        headers=session.door.auth(secret),
    )
