"""The outermost ring: routes, request ids, constant errors, one event per request."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from reference_gateway.events import Emit, Event, Kind, Route
from reference_gateway.web.asgi import Receive, Request, Scope, Send
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet

Handler = Callable[[Request, Outlet], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path template and what it answers to, by method."""

    route: Route
    methods: Mapping[str, Handler]


Resolver = Callable[[str], Endpoint | None]


class Boundary:
    """The ASGI application. `resolvers` are asked in order which endpoint a path names."""

    def __init__(self, resolvers: Sequence[Resolver], emit: Emit, write_timeout: float) -> None:
        self._resolvers = tuple(resolvers)
        self._emit = emit
        self._write_timeout = write_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request; other scopes (lifespan, WebSocket) are not offered."""
        if scope["type"] != "http":
            return
        began = time.monotonic_ns()
        request = _request_of(scope, receive)
        outlet = Outlet(send, request.request_id, self._write_timeout)
        endpoint = self._resolve(request.path)
        await self._guarded(endpoint, request, outlet)
        self._report(endpoint, request, outlet, began)

    def _resolve(self, path: str) -> Endpoint | None:
        found = (resolver(path) for resolver in self._resolvers)
        return next((endpoint for endpoint in found if endpoint is not None), None)

    async def _guarded(self, endpoint: Endpoint | None, request: Request, outlet: Outlet) -> None:
        try:
            await _handler(endpoint, request.method)(request, outlet)
        except RefusalError as refusal:
            await outlet.refuse(refusal)
        except Exception:  # noqa: BLE001 - the one place where a fault of ours ends: its text may hold content
            self._emit(Event(event=Kind.INTERNAL_FAULT, request=request.request_id))
            await outlet.fault(Fault.INTERNAL)

    def _report(self, endpoint: Endpoint | None, request: Request, outlet: Outlet, began: int) -> None:
        self._emit(
            Event(
                event=Kind.REQUEST,
                request=request.request_id,
                route=endpoint.route if endpoint else Route.UNKNOWN,
                status=outlet.status or 0,
                milliseconds=(time.monotonic_ns() - began) // 1_000_000,
            )
        )


def _request_of(scope: Scope, receive: Receive) -> Request:
    # raw_path, because the decoded path would let %2e spell another route.
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"],
        headers=tuple(scope["headers"]),
        receive=receive,
        request_id=secrets.randbits(128),
    )


def _handler(endpoint: Endpoint | None, method: str) -> Handler:
    if endpoint is None:
        raise RefusalError(Fault.NO_SUCH_ROUTE)
    handler = endpoint.methods.get(method)
    if handler is None:
        raise RefusalError(Fault.WRONG_METHOD, allow=", ".join(sorted(endpoint.methods)))
    return handler
