"""What the second gateway and its edge say to each other: calls, answers, refusals."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal, Protocol

from tests.hosts.second_config import Config

# Which of the two interfaces a listener serves.
Side = Literal["content", "admin", "both"]
# How an exchange ended: as it should, because the caller went, or because what was behind it broke off.
Ending = Literal["whole", "left", "broken"]

WORDS = {
    400: ("invalid request", "bad_request"),
    401: ("invalid key", "auth_error"),
    403: ("budget exceeded", "budget_exceeded"),
    404: ("not found", "not_found"),
    405: ("method not allowed", "bad_request"),
    413: ("request too large", "bad_request"),
    429: ("the provider is busy", "provider_error"),
    502: ("the provider did not answer", "provider_error"),
    503: ("not available", "gateway_error"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, in JSON."""

    status: int
    body: bytes


class RefusalError(Exception):
    """The request ends here; the caller learns a status and the constant words that belong to it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Call:
    """One request, and the little that its log line may say of it."""

    method: str
    path: str
    query: Mapping[str, str]
    bearer: str
    headers: Message
    body: bytes
    side: Side = "both"
    raw_query: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    token: str = "-"
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Client(Protocol):
    """The caller's end of a stream."""

    def begin(self) -> None: ...
    def piece(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def abort(self) -> None: ...


class Host(Protocol):
    """What the edge asks of a gateway."""

    config: Config

    def handle(self, call: Call, client: Client) -> Answer | None: ...
    def route_of(self, path: str) -> str: ...
    def security_headers(self, status: int) -> Mapping[str, str]: ...
    def log(self, fields: Mapping[str, object]) -> None: ...
    def on_sent(self, call: Call, data: bytes) -> None: ...
    def on_end(self, call: Call, status: int, ending: Ending) -> None: ...
    def https_url(self, route: str) -> str: ...


def as_json(value: object, status: int = 200) -> Answer:
    """A value as an answer."""
    return Answer(status, json.dumps(value).encode())


def error(status: int) -> Answer:
    """An error in this gateway's shape: constant words, nothing of the request."""
    message, kind = WORDS.get(status, ("request refused", "bad_request"))
    return as_json({"error": {"message": message, "type": kind, "code": str(status)}}, status)
