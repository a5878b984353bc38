"""What the witness answers: one pure function from a request to an answer, and the list of models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from conformance.model.money import in_usd
from conformance.witness import chats, embeddings, messages, responses
from conformance.witness.answers import CREATED, Answer, Piece, plain, stream, usage_of
from conformance.witness.asked import Asked
from conformance.witness.canaries import ERROR, HEADER, AnswerCanaries, Marks
from conformance.witness.classes import billed
from conformance.witness.faults import (
    FAULTS,
    NO_FAULT,
    ProviderFault,
    broken_off,
    error,
    failing,
    fails,
    fault,
    named,
    refusal,
    talkative,
)
from conformance.witness.ledger import WitnessCall
from conformance.witness.objects import Json, Said, said

Prices = Mapping[str, tuple[int, int]]
"""Model name → picodollars per prompt token, per completion token."""

DEFAULT_MODELS: Prices = {"witness-1": (150_000, 600_000)}
MAX_INPUTS = 2048

_WHOLE: Mapping[str, Callable[[Said], Json]] = {
    "chat": chats.whole,
    "completions": chats.whole,
    "responses": responses.whole,
    "messages": messages.whole,
}
_STREAMED: Mapping[str, Callable[[Said], Iterator[Piece]]] = {
    "chat": chats.events,
    "completions": chats.events,
    "responses": responses.events,
    "messages": messages.events,
}


def reply(
    call: WitnessCall, asked: Asked | None, canaries: AnswerCanaries, models: Prices, *, again: bool = False
) -> Answer:
    """The answer to a call. `asked` is None where the body is no JSON object, or none is needed; `again`: users said the
    same in an earlier call.
    """
    marks = Marks(call.number, canaries)
    inference = call.endpoint not in {"models", "other"}
    answer = _inference(call, asked, marks, again=again) if inference else _listing(call, models)
    headers = (*answer.headers, ("x-request-id", f"witness-{call.number}"))
    return replace(answer, headers=headers, canaries=marks.atoms)


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


def _inference(call: WitnessCall, asked: Asked | None, marks: Marks, *, again: bool) -> Answer:
    if call.method != "POST":
        return error(405, "inference is asked for by POST", ("allow", "POST"))
    if asked is None:
        return error(400, "the body is not a JSON object")
    name = named(asked)
    chosen = NO_FAULT if name is None else fault(name)
    if chosen is None:
        return error(
            400,
            f"the witness knows no fault '{name}': {', '.join(FAULTS)}, slow-N, paced-N, verbose-N, padded-N",
        )
    if asked.inputs > MAX_INPUTS:
        return error(400, f"at most {MAX_INPUTS} inputs at once")
    if asked.stream and asked.endpoint not in _STREAMED:
        return error(400, f"the witness does not stream {asked.endpoint}")
    answer = _as_told(call.number, asked, chosen, marks, again=again)
    return replace(answer, headers=(*answer.headers, ("x-witness-answer", marks.atom(HEADER))))


def _as_told(number: int, asked: Asked, chosen: ProviderFault, marks: Marks, *, again: bool) -> Answer:
    if fails(asked, chosen, again=again):
        return refusal(asked, chosen, marks.atom(ERROR))
    answer = _answer(number, talkative(asked, chosen), chosen, marks)
    if chosen.stream_error:
        answer = broken_off(answer, asked, marks.atom(ERROR))
    return failing(answer, chosen, stream=asked.stream)


def _answer(number: int, asked: Asked, chosen: ProviderFault, marks: Marks) -> Answer:
    """The good answer to a request; the fault says only what else a good provider might say."""
    if asked.endpoint == "embeddings":
        usage = usage_of(asked, 0)
        return plain(200, embeddings.whole(asked, marks, usage.prompt if chosen.usage else None), usage=usage)
    content = said(
        number, asked, marks, tells_usage=chosen.usage, refuses=chosen.refuses, classes=chosen.classes
    )
    usage = billed(content.usage, chosen.classes)
    if asked.stream:
        answer = stream(_STREAMED[asked.endpoint](content), usage)
    else:
        # The arguments of a message's tool are no string: there the text is what stands in them.
        text = content.plain if asked.endpoint == "messages" else content.text
        answer = plain(200, _WHOLE[asked.endpoint](content), usage=usage, text=text)
    return replace(answer, marked=content.marked)
