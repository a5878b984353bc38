"""Inference calls as probes make them: unique, of one fixed shape, bounded in money."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.session import Session
from conformance.witness.ledger import WitnessCall

PROMPT_SIZE = 160  # characters; the same for every call of the fixed shape, so that all of them cost the same
MAX_TOKENS = 64
_GENERATING = ("chat", "messages", "completions", "responses")  # kinds of endpoints, the best known first
_BOUNDS = {"responses": "max_output_tokens"}  # where the bound on completion tokens has another name
_VERSION = {"anthropic-version": "2023-06-01"}  # Anthropic's API asks for one


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it is sent. `atom` is in its prompt and nowhere else in the run."""

    atom: str
    path: str
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def chat(
    session: Session,
    key: str | None,
    purpose: str,
    *,
    stream: bool = False,
    fault: str = "",
    model: str | None = None,
    max_tokens: int = MAX_TOKENS,
    more: Mapping[str, Any] | None = None,
) -> Asked:
    """A chat completion with a prompt of its own.

    `fault` names what the witness should do wrong (see `witness.faults`); `more` adds or replaces fields of the body.
    Raises CannotObserve where the target serves no chat endpoint or routes no model to the witness.
    """
    chat_path(session)
    return usual(
        session, key, purpose, stream=stream, fault=fault, model=model, max_tokens=max_tokens, more=more
    )


def usual(
    session: Session,
    key: str | None,
    purpose: str,
    *,
    stream: bool = False,
    fault: str = "",
    model: str | None = None,
    max_tokens: int = MAX_TOKENS,
    size: int = PROMPT_SIZE,
    more: Mapping[str, Any] | None = None,
) -> Asked:
    """The same as whatever the target serves first of chats, messages, completions and responses.

    `size` are the characters of its prompt. Raises CannotObserve where the target serves none of these.
    """
    kind = usual_kind(session)
    atom = session.mint.atom(purpose, "user")
    directive = f"[[fault:{fault}]] " if fault else ""
    most = min(max_tokens, session.target.models[model_of(session)].max_output)
    body: dict[str, Any] = {
        "model": model or model_of(session),
        **prompt(kind, directive + session.mint.text(atom, size)),
        bound(kind): most,
    }
    if stream:
        body["stream"] = True
    return Asked(
        atom=atom,
        path=session.target.endpoint(kind) or "",
        body=body | dict(more or {}),
        headers=versioned(kind) | (session.door.auth(key) if key is not None else {}),
    )


def usual_kind(session: Session) -> str:
    """The kind of endpoint that usual calls go to. Raises CannotObserve where none generates text."""
    for kind in _GENERATING:
        if session.target.endpoint(kind) is not None:
            return kind
    raise CannotObserve(
        "no endpoint that generates text is declared",
        fault=Fault.OPERATOR,
        decide="declare one under `[[inference]]`",
    )


def prompt(kind: str, text: str) -> dict[str, Any]:
    """The part of a body that holds the prompt."""
    if kind in {"embeddings", "responses"}:
        return {"input": text}
    return {"prompt": text} if kind == "completions" else {"messages": [{"role": "user", "content": text}]}


def bound(kind: str) -> str:
    """The member that bounds completion tokens."""
    return _BOUNDS.get(kind, "max_tokens")


def versioned(kind: str) -> dict[str, str]:
    """Headers that calls of a kind need besides the credential."""
    return dict(_VERSION) if kind == "messages" else {}


async def key_for(session: Session, purpose: str, limit: int) -> str:
    """The secret of a key to call with: made for the purpose, with a limit in picodollars, or the target file's own.

    Raises CannotObserve where there is neither.
    """
    if session.key_api is not None:
        key = await session.key_api.create(purpose, limit)
        session.expected_values += [key.id, key.name]
        return key.secret
    if session.own_key is None:
        raise CannotObserve(
            "no key to call with", fault=Fault.OPERATOR, decide="declare `credentials.key` or an admin key"
        )
    return session.own_key


async def send(session: Session, asked: Asked) -> Reply:
    """Send a call and read its whole answer."""
    return await session.door.send(
        "POST", asked.path, headers=asked.headers, json=asked.body, money=worst_case(session, asked)
    )


def reached(session: Session, asked: Asked, since: int = 0) -> tuple[WitnessCall, ...]:
    """The witness's calls that carry this request's prompt."""
    return session.provider().carrying(asked.atom, since)


def worst_case(session: Session, asked: Asked) -> int:
    """The most that a call can cost, in picodollars; 0 while the price is not known."""
    try:
        price = session.price()
    except CannotObserve:
        return 0
    if price.call:
        return price.call
    body = str(asked.body)
    most = next(
        (asked.body[name] for name in ("max_tokens", *_BOUNDS.values()) if asked.body.get(name)), None
    )
    return price.bill(len(body.encode()), int(most or MAX_TOKENS))


def admitted(reply: Reply) -> bool:
    """Whether the gateway served a call."""
    return isinstance(reply, Answer) and 200 <= reply.status < 300


def whole(reply: Reply) -> bool:
    """Whether the gateway served a call to its last byte."""
    return admitted(reply) and isinstance(reply, Answer) and not reply.truncated


def told(reply: Reply) -> str:
    """What a reply says of itself, in a few safe words: a status, or what happened instead."""
    return reply.kind if isinstance(reply, NoAnswer) else str(reply.status)


def model_of(session: Session) -> str:
    """The model that probes call: the first that is routed to the witness."""
    models = session.target.witness_models()
    if not models:
        raise CannotObserve(
            "no model is declared to be routed to the witness",
            fault=Fault.OPERATOR,
            decide="declare one under `[models]`",
        )
    return models[0]


def chat_path(session: Session) -> str:
    """Path of the chat endpoint."""
    path = session.target.endpoint("chat")
    if path is None:
        raise CannotObserve(
            "no chat endpoint is declared", fault=Fault.OPERATOR, decide="declare one under `[[inference]]`"
        )
    return path
