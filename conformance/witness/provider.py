"""What the witness answers: one pure function from a request to an answer, and the list of models."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from conformance.model.money import in_usd
from conformance.witness.answers import CREATED, Answer, plain
from conformance.witness.asked import Asked
from conformance.witness.faults import FAULTS, NO_FAULT, error, failing, fault, named
from conformance.witness.ledger import WitnessCall
from conformance.witness.objects import Composer

Prices = Mapping[str, tuple[int, int]]
"""Model name → picodollars per prompt token, per completion token."""

DEFAULT_MODELS: Prices = {"witness-1": (150_000, 600_000)}
MAX_INPUTS = 2048

_STREAMED = {"chat", "completions"}


def reply(call: WitnessCall, asked: Asked | None, atom: Callable[[int], str], models: Prices) -> Answer:
    """The answer to a call. `asked` is None where the body is no JSON object, or none is needed."""
    answer = _listing(call, models) if call.endpoint in {"models", "other"} else _inference(call, asked, atom)
    return replace(answer, headers=(*answer.headers, ("x-request-id", f"witness-{call.number}")))


def _listing(call: WitnessCall, models: Prices) -> Answer:
    if call.endpoint == "other":
        return error(404, "the witness serves no such path")
    if call.method not in {"GET", "HEAD"}:
        return error(405, "models are read by GET", ("allow", "GET, HEAD"))
    return plain(200, {"object": "list", "data": [_model(name, prices) for name, prices in models.items()]})


def _model(name: str, prices: tuple[int, int]) -> dict[str, Any]:
    prompt, generated = (in_usd(price).removeprefix("$") for price in prices)
    pricing = {"prompt": prompt, "completion": generated}
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "witness", "pricing": pricing}


def _inference(call: WitnessCall, asked: Asked | None, atom: Callable[[int], str]) -> Answer:
    if call.method != "POST":
        return error(405, "inference is asked for by POST", ("allow", "POST"))
    if asked is None:
        return error(400, "the body is not a JSON object")
    name = named(asked)
    chosen = NO_FAULT if name is None else fault(name)
    if chosen is None:
        return error(400, f"the witness knows no fault '{name}': {', '.join(FAULTS)}, slow-N")
    if asked.inputs > MAX_INPUTS:
        return error(400, f"at most {MAX_INPUTS} inputs at once")
    if asked.stream and asked.endpoint not in _STREAMED:
        return error(400, f"the witness does not stream {asked.endpoint}")
    canary = atom(call.number)
    return failing(
        Composer(call.number, asked, canary, tells_usage=chosen.usage).answer(), chosen, asked, canary
    )
