"""The caller's side of the content plane: who asks, for what, and whether it may cost that much."""

from collections.abc import Mapping
from typing import Final

import msgspec

from reference_gateway import credential, money
from reference_gateway.config import Bounds, Model
from reference_gateway.content.envelope import read_envelope
from reference_gateway.content.hold import held
from reference_gateway.content.relay import Relay
from reference_gateway.content.sealed import Sealed
from reference_gateway.events import Emit, Event, Kind, Route
from reference_gateway.ledger.wire import Authorise, Ledger, LedgerDownError, Standing
from reference_gateway.web.asgi import Request
from reference_gateway.web.boundary import Endpoint
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet
from reference_gateway.web.reading import bearer, read_body, require_json

_PREFIXES: Final = ("/v1", "/api/v1")


class Edge:
    """`POST …/chat/completions` and `GET …/models`, under /v1 and under /api/v1."""

    def __init__(
        self, models: tuple[Model, ...], ledger: Ledger, relay: Relay, bounds: Bounds, emit: Emit
    ) -> None:
        self._models: Mapping[str, Model] = {model.name: model for model in models}
        self._listing = _listing(models)
        self._ledger = ledger
        self._relay = relay
        self._bounds = bounds
        self._emit = emit
        self._suspended: set[int] = set()
        chat = Endpoint(Route.CHAT, {"POST": self.chat})
        listing = Endpoint(Route.MODELS, {"GET": self.models})
        self._endpoints = {f"{prefix}/chat/completions": chat for prefix in _PREFIXES} | {
            f"{prefix}/models": listing for prefix in _PREFIXES
        }

    def resolve(self, path: str) -> Endpoint | None:
        """The endpoint of a path, by exact match."""
        return self._endpoints.get(path)

    async def models(self, request: Request, outlet: Outlet) -> None:
        """The models on offer with their prices; for holders of a key."""
        await self._standing(request)
        await outlet.whole(200, self._listing)

    async def chat(self, request: Request, outlet: Outlet) -> None:
        """A chat completion: authenticate, check, reserve, relay, settle."""
        standing = await self._standing(request)
        require_json(request)
        bounds = self._bounds
        content = Sealed(await read_body(request, bounds.max_body, bounds.body_seconds))
        envelope = read_envelope(content, self._models, limited=standing.limited)
        del content
        model = envelope.model
        if model.number in self._suspended:
            raise RefusalError(Fault.MODEL_SUSPENDED, param="model")
        try:
            async with held(self._ledger, standing, envelope, lambda: self._suspend(model)) as hold:
                await self._relay.carry(request, outlet, envelope, standing, hold)
        except LedgerDownError:
            raise RefusalError(Fault.LEDGER_DOWN) from None

    async def _standing(self, request: Request) -> Standing:
        presented = credential.parse(bearer(request))
        if presented is None:
            raise RefusalError(Fault.BAD_KEY)
        standing = await self._ledger.authorise(Authorise(presented.key_id, presented.text))
        if standing is None:
            raise RefusalError(Fault.BAD_KEY)
        return standing

    def _suspend(self, model: Model) -> None:
        """A provider that bills beyond the bounds of a request would break limits: closed until restart."""
        self._suspended.add(model.number)
        self._emit(Event(event=Kind.PROVIDER_OVERRUN, count=1))


def _listing(models: tuple[Model, ...]) -> bytes:
    data = [
        {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": model.provider.name,
            "pricing": {
                "prompt": money.pico_to_usd_text(model.prompt_price),
                "completion": money.pico_to_usd_text(model.completion_price),
            },
            "top_provider": {"max_completion_tokens": model.max_output_tokens},
        }
        for model in models
    ]
    return msgspec.json.encode({"object": "list", "data": data})
