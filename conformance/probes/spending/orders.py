"""Calls as they are ordered: a shape, which says how a call looks, and an order, which is one call of it, ready to be sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.calls import MAX_TOKENS, PROMPT_SIZE, bound, model_of, prompt, usual_kind, versioned
from conformance.session import Session

_SHORTEST = "a"  # prompt: what is asked beside the first costs next to nothing but its answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a call looks.

    `fields` is JSON text as it goes into the body, so that it may hold what no JSON writer writes: names twice, NaN. None is
    the usual bound on completion tokens; `max_tokens` in it stands for whatever the kind calls that. `generated` are the
    completion tokens that the provider makes of it at most.
    """

    kind: str = ""  # empty: that of usual calls
    stream: bool = False
    fault: str = ""
    model: str = ""  # empty: the model that probes call
    size: int = PROMPT_SIZE
    fields: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    prompts: int = 1  # that are asked at once, of kinds that take several
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
    kind = shape.kind or usual_kind(session)
    path = session.target.endpoint(kind)
    if path is None:
        raise CannotObserve(
            f"no endpoint of kind '{kind}' is declared",
            fault=Fault.OPERATOR,
            decide="declare one under `[[inference]]`",
        )
    atom = session.mint.atom("spending", kind)
    directive = f"[[fault:{shape.fault}]] " if shape.fault else ""
    text = directive + session.mint.text(atom, shape.size)
    content = _body(shape, kind, shape.model or model_of(session), text)
    headers = {
        "Content-Type": "application/json",
        **session.door.auth(key),
        **versioned(kind),
        **shape.headers,
    }
    price = session.price()
    return Order(
        atom=atom,
        path=path,
        content=content,
        headers=headers,
        worst=price.bill(len(content), shape.generated),
    )


def _body(shape: Shape, kind: str, model: str, text: str) -> bytes:
    known: dict[str, Any] = {"model": model, **prompt(kind, text)}
    if kind == "completions" and shape.prompts > 1:
        known["prompt"] = [text, *[_SHORTEST] * (shape.prompts - 1)]
    if shape.stream:
        known["stream"] = True
    usual = "" if kind == "embeddings" else f'"max_tokens":{shape.generated}'
    fields = usual if shape.fields is None else shape.fields
    fields = fields.replace('"max_tokens"', json.dumps(bound(kind)))
    body = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
    return (body[:-1] + (f",{fields}" if fields else "") + "}").encode()
