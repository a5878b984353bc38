"""The outermost ring: routes, request ids, constant errors, one line of the diary per request."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

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


class Diary(Protocol):
    """Numbers requests and writes down that they ended. It has no word for what was in them."""

    def begin(self) -> tuple[int, int]:
        """(number, id) of a new request."""

    def finish(self, number: int, request_id: int, route: Route, status: int, milliseconds: int) -> None:
        """The request is over."""

    def fault(self, request_id: int) -> None:
        """Something of ours failed while serving it."""


class EventDiary:
    """A diary that writes events; ids are random."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def begin(self) -> tuple[int, int]:
        """See `Diary`; numbers are not used."""
        return 0, secrets.randbits(128)

    def finish(self, _number: int, request_id: int, route: Route, status: int, milliseconds: int) -> None:
        """See `Diary`."""
        event = Event(
            event=Kind.REQUEST, request=request_id, route=route, status=status, milliseconds=milliseconds
        )
        self._emit(event)

    def fault(self, request_id: int) -> None:
        """See `Diary`."""
        self._emit(Event(event=Kind.INTERNAL_FAULT, request=request_id))


class Boundary:
    """The ASGI application. `resolvers` are asked in order which endpoint a path names."""

    def __init__(self, resolvers: Sequence[Resolver], diary: Diary) -> None:
        self._resolvers = tuple(resolvers)
        self._diary = diary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request; other scopes (lifespan, WebSocket) are not offered."""
        if scope["type"] != "http":
            return
        began = time.monotonic_ns()
        number, request_id = self._diary.begin()
        request = _request_of(scope, receive, request_id)
        outlet = Outlet(send, request.request_id)
        endpoint = self._resolve(request.path)
        await self._guarded(endpoint, request, outlet)
        self._diary.finish(
            number,
            request_id,
            endpoint.route if endpoint else Route.UNKNOWN,
            outlet.status or 0,
            (time.monotonic_ns() - began) // 1_000_000,
        )

    def _resolve(self, path: str) -> Endpoint | None:
        found = (resolver(path) for resolver in self._resolvers)
        return next((endpoint for endpoint in found if endpoint is not None), None)

    async def _guarded(self, endpoint: Endpoint | None, request: Request, outlet: Outlet) -> None:
        try:
            await _handler(endpoint, request.method)(request, outlet)
        except RefusalError as refusal:
            await outlet.refuse(refusal)
        except Exception:  # noqa: BLE001 - the one place where a fault of ours ends: its text may hold content
            self._diary.fault(request.request_id)
            await outlet.fault(Fault.INTERNAL)


def _request_of(scope: Scope, receive: Receive, request_id: int) -> Request:
    # raw_path, because the decoded path would let %2e spell another route.
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"],
        headers=tuple(scope["headers"]),
        receive=receive,
        request_id=request_id,
    )


def _handler(endpoint: Endpoint | None, method: str) -> Handler:
    if endpoint is None:
        raise RefusalError(Fault.NO_SUCH_ROUTE)
    handler = endpoint.methods.get(method)
    if handler is None:
        raise RefusalError(Fault.WRONG_METHOD, allow=", ".join(sorted(endpoint.methods)))
    return handler
