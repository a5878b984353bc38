"""The few ASGI types that are used, and the request as the planes see it."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: its bounded head, and a way to read the rest."""

    method: str
    path: str
    query: bytes
    headers: Headers
    receive: Receive
    request_id: int

    def header(self, name: bytes) -> bytes | None:
        """The value of a header that must stand at most once; a repeated one is no value at all."""
        values = [value for key, value in self.headers if key == name]
        return values[0] if len(values) == 1 else None

    def __repr__(self) -> str:
        return "<request>"
