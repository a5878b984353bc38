"""The caller's side of the content plane: who asks, for what, and whether it may cost that much."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from reference_gateway import credential, money
from reference_gateway.config import Config, Model
from reference_gateway.config_file import Bounds
from reference_gateway.content.envelope import read_envelope
from reference_gateway.content.hold import held, refusal_of
from reference_gateway.content.relay import Relay
from reference_gateway.content.sealed import Sealed
from reference_gateway.credential import Presented
from reference_gateway.description.content import content_description
from reference_gateway.events import Route
from reference_gateway.ledger.spend import Period
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Endpoint,
    Ledger,
    LedgerDownError,
    Refused,
    Standing,
)
from reference_gateway.web import boundary
from reference_gateway.web.asgi import Request
from reference_gateway.web.boundary import Handler
from reference_gateway.web.faults import Fault, RefusalError, anthropic_error_body
from reference_gateway.web.outlet import Outlet
from reference_gateway.web.reading import presented_key, read_body, require_json

_PREFIXES: Final = ("/v1", "/api/v1")
_BILLED: Final = {
    "/chat/completions": (Route.CHAT, Endpoint.CHAT),
    "/completions": (Route.COMPLETIONS, Endpoint.COMPLETIONS),
    "/responses": (Route.RESPONSES, Endpoint.RESPONSES),
    "/embeddings": (Route.EMBEDDINGS, Endpoint.EMBEDDINGS),
    "/messages": (Route.MESSAGES, Endpoint.MESSAGES),
}
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Health:
    """Of one content worker. `confined`: the kernel refuses it every way to write or to connect."""

    ledger: bool
    confined: bool

    def shown(self) -> dict[str, str]:
        """As `GET /health` answers it."""
        return {
            "status": "ok" if self.ledger else "no ledger",
            "confinement": "enforced" if self.confined else "none: started with --unconfined",
        }


class Edge:
    """The API for holders of a key, under /v1 and under /api/v1; it is described at /openapi.json.

    `GET /health` is for everybody.
    """

    def __init__(self, config: Config, ledger: Ledger, relay: Relay, health: Callable[[], Health]) -> None:
        self._environment = config.environment
        self._models: Mapping[str, Model] = {model.name: model for model in config.models}
        self._listing = _listing(config.models)
        self._description = content_description(config)
        self._ledger = ledger
        self._relay = relay
        self._bounds: Bounds = config.bounds
        self._health = health
        self._endpoints = self._routes()

    def resolve(self, path: str) -> boundary.Endpoint | None:
        """The endpoint of a path, by exact match."""
        return self._endpoints.get(path)

    def _routes(self) -> Mapping[str, boundary.Endpoint]:
        own = {
            "/models": boundary.Endpoint(Route.MODELS, {"GET": self.models}),
            "/key": boundary.Endpoint(Route.OWN_KEY, {"GET": self.own_key}),
        }
        for path, (route, endpoint) in _BILLED.items():
            own[path] = boundary.Endpoint(route, {"POST": self._billed(endpoint)})
        routes = {prefix + path: endpoint for prefix in _PREFIXES for path, endpoint in own.items()}
        return routes | {
            "/health": boundary.Endpoint(Route.HEALTH, {"GET": self.health}),
            "/openapi.json": boundary.Endpoint(Route.DESCRIPTION, {"GET": self.description}),
        }

    async def health(self, _request: Request, outlet: Outlet) -> None:
        """Whether calls can be served, and whether the kernel keeps this worker from writing."""
        health = self._health()
        await outlet.whole(200 if health.ledger else 503, _encoder.encode(health.shown()))

    async def models(self, request: Request, outlet: Outlet) -> None:
        """The models on offer with their prices."""
        await self._standing(request, Endpoint.MODELS)
        await outlet.whole(200, self._listing)

    async def description(self, request: Request, outlet: Outlet) -> None:
        """OpenAPI 3.1. It names the models on offer, so it is for those who may list them."""
        await self._standing(request, Endpoint.MODELS)
        await outlet.whole(200, self._description)

    async def own_key(self, request: Request, outlet: Outlet) -> None:
        """What a key may know of itself."""
        presented = self._presented(request)
        try:
            answer = await self._ledger.balance(AskBalance(presented.key_id, presented.tail))
        except LedgerDownError:
            raise RefusalError(Fault.LEDGER_DOWN) from None
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        label = credential.label(self._environment, answer.key_id)
        await outlet.whole(200, _encoder.encode({"data": _own_view(label, answer)}))

    def _billed(self, endpoint: Endpoint) -> Handler:
        """A call that costs: authenticate, check, reserve, relay, settle."""

        async def handler(request: Request, outlet: Outlet) -> None:
            if endpoint is Endpoint.MESSAGES:
                outlet.speak(body=lambda fault, _param: anthropic_error_body(fault))
            standing = await self._standing(request, endpoint)
            require_json(request)
            bounds = self._bounds
            content = Sealed(await read_body(request, bounds.max_body, bounds.body_seconds))
            envelope = read_envelope(endpoint, content, self._models, limited=standing.limited)
            del content
            try:
                async with held(self._ledger, standing, envelope) as hold:
                    await self._relay.carry(request, outlet, envelope, standing, hold)
            except LedgerDownError:
                raise RefusalError(Fault.LEDGER_DOWN) from None

        return handler

    def _presented(self, request: Request) -> Presented:
        presented = credential.parse(self._environment, presented_key(request))
        if presented is None:
            raise RefusalError(Fault.BAD_KEY)
        return presented

    async def _standing(self, request: Request, endpoint: Endpoint) -> Standing:
        presented = self._presented(request)
        try:
            answer = await self._ledger.authorise(Authorise(presented.key_id, presented.tail, endpoint))
        except LedgerDownError:
            raise RefusalError(Fault.LEDGER_DOWN) from None
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        return answer


def _own_view(label: str, balance: Balance) -> dict[str, Any]:
    limit = balance.limit
    return {
        "label": label,
        "limit": None if limit is None else money.nano_to_usd(limit),
        "limit_remaining": None if limit is None else money.nano_to_usd(max(0, limit - balance.spent)),
        "limit_reset": None if balance.period == Period.NEVER else Period(balance.period).name.lower(),
        "usage": money.nano_to_usd(balance.total),
    }


def _listing(models: tuple[Model, ...]) -> bytes:
    data = [
        {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": model.provider.name,
            "pricing": {
                "prompt": money.pico_to_usd_text(model.price.rate.prompt),
                "completion": money.pico_to_usd_text(model.price.rate.completion),
            },
            "top_provider": {"max_completion_tokens": model.max_output_tokens},
        }
        for model in models
    ]
    return msgspec.json.encode({"object": "list", "data": data})
