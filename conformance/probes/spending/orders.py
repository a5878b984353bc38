"""Calls as they are ordered: a shape, which says how a call looks, and an order, which is one call of it, ready to be sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.calls import MAX_TOKENS, PROMPT_SIZE, model_of
from conformance.session import Session

BOUND = '"max_tokens":{tokens}'
_BOUNDS = {
    "chat": BOUND,
    "completions": BOUND,
    "messages": BOUND,
    "responses": '"max_output_tokens":{tokens}',
    "embeddings": "",
}
_VERSION = {"anthropic-version": "2023-06-01"}  # Anthropic's API asks for one


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a call looks.

    `fields` is JSON text as it goes into the body, so that it may hold what no JSON writer writes: names twice, NaN. None is
    the usual bound on completion tokens. `generated` are the completion tokens that the provider makes of it at most.
    """

    kind: str = "chat"
    stream: bool = False
    fault: str = ""
    model: str = ""  # empty: the model that probes call
    size: int = PROMPT_SIZE
    fields: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    generated: int = MAX_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One call. `atom` is in its prompt and nowhere else in the run; `worst` is its cost at most, in picodollars."""

    atom: str
    path: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    worst: int


def order(session: Session, key: str, shape: Shape) -> Order:
    """A call of a shape, with a prompt of its own. Raises CannotObserve where the target has no endpoint of that kind."""
    path = session.target.endpoint(shape.kind)
    if path is None:
        raise CannotObserve(
            f"no endpoint of kind '{shape.kind}' is declared",
            fault=Fault.OPERATOR,
            decide="declare one under `[[inference]]`",
        )
    atom = session.mint.atom("spending", shape.kind)
    directive = f"[[fault:{shape.fault}]] " if shape.fault else ""
    content = _body(shape, shape.model or model_of(session), directive + session.mint.text(atom, shape.size))
    headers = {"Content-Type": "application/json", **session.door.auth(key), **shape.headers}
    if shape.kind == "messages":
        headers |= _VERSION
    price = session.price()
    return Order(
        atom=atom,
        path=path,
        content=content,
        headers=headers,
        worst=price.bill(len(content), shape.generated),
    )


def _body(shape: Shape, model: str, text: str) -> bytes:
    known: dict[str, Any] = {"model": model, **_prompt(shape.kind, text)}
    if shape.stream:
        known["stream"] = True
    fields = _BOUNDS[shape.kind].format(tokens=shape.generated) if shape.fields is None else shape.fields
    body = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
    return (body[:-1] + (f",{fields}" if fields else "") + "}").encode()


def _prompt(kind: str, text: str) -> dict[str, Any]:
    if kind in {"embeddings", "responses"}:
        return {"input": text}
    return {"prompt": text} if kind == "completions" else {"messages": [{"role": "user", "content": text}]}
