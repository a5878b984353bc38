"""The caller's body to what is forwarded, and the facts that bound its cost.

The body is decoded and encoded anew, so the provider reads exactly what was checked here: of a
duplicate key at any depth the last value is left; escapes, spacing and the spelling of numbers are
ours. Integers keep every digit, other numbers their value as IEEE 754 doubles (1.10 becomes 1.1, 1e2
becomes 100.0); what has no such value, and half of a surrogate pair, is refused as no JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from reference_gateway.config import Model
from reference_gateway.config_file import Offer
from reference_gateway.content.form import Demand, EventReader, Form, Json
from reference_gateway.content.meter import decoded
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.shapes import chat, completions, embeddings, messages, responses, translated
from reference_gateway.ledger.wire import MAX_COMPLETION, MAX_PROMPT, Endpoint
from reference_gateway.web.faults import Fault, RefusalError

__all__ = ["Envelope", "EventReader", "Form", "read_envelope"]


class _Shape(Protocol):
    def __call__(self, body: Json, model: Model, /, *, limited: bool) -> Demand: ...


_SHAPES: Final[Mapping[Endpoint, tuple[tuple[Offer, _Shape], ...]]] = {
    Endpoint.CHAT: ((Offer.CHAT, chat.read),),
    Endpoint.COMPLETIONS: ((Offer.COMPLETIONS, completions.read),),
    Endpoint.RESPONSES: ((Offer.RESPONSES, responses.read),),
    Endpoint.EMBEDDINGS: ((Offer.EMBEDDINGS, embeddings.read),),
    Endpoint.MESSAGES: ((Offer.MESSAGES, messages.read), (Offer.CHAT, translated.read)),
}

# An empty list takes two bytes of JSON, but eighty of memory and as much time as a hundred bytes of text.
_MOST_CONTAINERS: Final = 100_000

_decoder = msgspec.json.Decoder(Json)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A checked request: the body to forward, sealed, and integers about it.

    `offer` is the provider's endpoint, which is another than the caller's where the request was translated.
    """

    model: Model
    offer: Offer
    endpoint: Endpoint
    body: Sealed
    stream: bool
    prompt_bound: int
    completion_bound: int
    form: Form


def read_envelope(
    endpoint: Endpoint, content: Sealed, models: Mapping[str, Model], *, limited: bool
) -> Envelope:
    """Checks a request. Raises RefusalError, never with a word of the body.

    `limited`: only what has a bounded cost passes. Without it the bounds are those of the same request's
    text, and what else it asks for may cost more.
    """
    body = _decoded(content)
    model = _model(body, models)
    offer, read = _shape(endpoint, model)
    demand = read(body, model, limited=limited)
    forwarded = _encoded({**demand.body, "model": model.upstream_name})
    # No tokenizer makes more tokens than the body has bytes: see `prompt_overhead_tokens` for the rest.
    prompt_bound = len(forwarded) + model.prompt_overhead_tokens + demand.images * (model.image_tokens or 0)
    if prompt_bound > MAX_PROMPT:
        raise RefusalError(Fault.BODY_TOO_LARGE)
    if demand.completion > MAX_COMPLETION:
        raise RefusalError(Fault.TOO_MANY_TOKENS)
    return Envelope(
        model=model,
        offer=offer,
        endpoint=endpoint,
        body=forwarded,
        stream=demand.stream,
        prompt_bound=prompt_bound,
        completion_bound=demand.completion,
        form=demand.form,
    )


def _decoded(content: Sealed) -> Json:
    if _containers_at_most(unsealed(content)) > _MOST_CONTAINERS:
        raise RefusalError(Fault.NOT_JSON)
    body = decoded(_decoder, unsealed(content))
    if body is None:
        # Out of the decoder's reach: a UnicodeDecodeError holds the whole body, and would be the context of
        # what is raised beside it, `from None` or not.
        raise RefusalError(Fault.NOT_JSON)
    return body


def _containers_at_most(data: bytes) -> int:
    """No fewer lists and objects than there are; brackets in strings count only where all are few."""
    count = data.count(b"[") + data.count(b"{")
    if count <= _MOST_CONTAINERS:
        return count
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(plain.split(b'"')[::2])
    return outside.count(b"[") + outside.count(b"{")


def _encoded(body: Json) -> Sealed:
    try:
        return Sealed(_encoder.encode(body))
    except RecursionError:
        # The encoder gives up a level or two before the decoder does.
        raise RefusalError(Fault.NOT_JSON) from None


def _model(body: Mapping[str, Any], models: Mapping[str, Model]) -> Model:
    name = body.get("model")
    if not isinstance(name, str):
        raise RefusalError(Fault.BAD_VALUE, param="model")
    model = models.get(name)
    if model is None:
        raise RefusalError(Fault.UNKNOWN_MODEL, param="model")
    return model


def _shape(endpoint: Endpoint, model: Model) -> tuple[Offer, _Shape]:
    """The first of the endpoint's shapes that the model's provider understands."""
    for offer, read in _SHAPES.get(endpoint, ()):
        if offer in model.provider.endpoints:
            return offer, read
    raise RefusalError(Fault.NO_SUCH_OFFER, param="model")
