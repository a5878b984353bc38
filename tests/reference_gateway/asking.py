"""Requests to the content API as the envelope reads them, without a gateway around it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reference_gateway.config import Model, Provider, Secret
from reference_gateway.config_file import Offer
from reference_gateway.content.envelope import Envelope, read_envelope
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.price import Price, Rate
from reference_gateway.web.faults import RefusalError

OVERHEAD = 10
MODEL = Model(
    name="m",
    place=0,
    number=1,
    provider=Provider(
        name="p",
        number=0,
        base_url="https://p/v1",
        ca_file=None,
        minimum_tls="1.3",
        api_key=Secret(place="p api_key", variable="UNSET", file=None),
        authentication="bearer",
        endpoints=frozenset(Offer),
    ),
    upstream_name="vendor/m",
    price=Price(rate=Rate(prompt=1, completion=1, cached=1, written=1)),
    max_output_tokens=100,
    prompt_overhead_tokens=OVERHEAD,
    image_tokens=None,
)
SIGHTED = replace(MODEL, image_tokens=50)
HELLO = [{"role": "user", "content": "hello"}]
LEAST: Mapping[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": HELLO},
    Endpoint.COMPLETIONS: {"prompt": "hello"},
    Endpoint.RESPONSES: {"input": "hello"},
    Endpoint.EMBEDDINGS: {"input": "hello"},
    Endpoint.MESSAGES: {"messages": HELLO, "max_tokens": 7},
}
BILLED = list(LEAST)


def offering(model: Model, *offers: Offer) -> Model:
    """The model at a provider with these endpoints only."""
    return replace(model, provider=replace(model.provider, endpoints=frozenset(offers)))


def read_raw(endpoint: Endpoint, raw: bytes, *, limited: bool = True, model: Model = MODEL) -> Envelope:
    """What the envelope makes of these bytes."""
    return read_envelope(endpoint, Sealed(raw), {"m": model}, limited=limited)


def read(endpoint: Endpoint, fields: Any, *, limited: bool = True, model: Model = MODEL) -> Envelope:
    """What it makes of the least request with these fields added."""
    body = {"model": "m", **LEAST[endpoint], **fields}
    return read_raw(endpoint, json.dumps(body).encode(), limited=limited, model=model)


def refusal(endpoint: Endpoint, fields: Any, *, limited: bool = True, model: Model = MODEL) -> RefusalError:
    """Why the request is refused; fails if it is not."""
    try:
        read(endpoint, fields, limited=limited, model=model)
    except RefusalError as refused:
        return refused
    raise AssertionError("was not refused")


def forwarded(envelope: Envelope) -> dict[str, Any]:
    """The body that goes to the provider."""
    body: dict[str, Any] = json.loads(unsealed(envelope.body))
    return body
