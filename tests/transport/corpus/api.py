"""The API that stands behind every deployment: models, chat, and keys that can be made and revoked."""

import itertools
import json
from collections.abc import Callable
from threading import Lock

from tests.transport.deployments import answer

GOOD = "Strict-Transport-Security: max-age=31536000; includeSubDomains"
KEY = "sk-corpus-an-ordinary-key-0123456789"
ADMIN = "sk-corpus-admin-0123456789abcdef"
Fields = Callable[[str], tuple[str, ...]]
"""From a status code to the further header lines of such an answer."""

_HUGE = 10**9


def usual(status: str) -> tuple[str, ...]:
    """HSTS as it should be."""
    return (GOOD,)


def everywhere(*lines: str) -> Fields:
    """The same lines on every answer."""
    return lambda status: lines


def but_on(status: str, *lines: str) -> Fields:
    """HSTS as it should be, and other lines in its place on one status."""
    return lambda code: lines if code == status else (GOOD,)


class Api:
    """One gateway's application. `fields` decorates its answers."""

    def __init__(self, fields: Fields = usual, *, malformed: bytes | None = None) -> None:
        self._fields = fields
        self._malformed = malformed
        self._numbers = itertools.count(1)
        self._mutex = Lock()
        self._alive: dict[str, str] = {}

    def respond(self, head: bytes) -> bytes:
        """The answer to a request; its body is not looked at."""
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return self._tell("400 Bad Request") if self._malformed is None else self._malformed
        if len(head) > 60_000:
            return self._tell("431 Request Header Fields Too Large")
        if words[0] == "OPTIONS":
            return self._tell("204 No Content")
        if _announced(rest) > _HUGE:
            return self._tell("413 Content Too Large")
        return self._routed(words[0], words[1], _bearer(rest), head)

    def _routed(self, method: str, path: str, key: str, head: bytes) -> bytes:
        if path.startswith("/api/v1/keys"):
            return self._keys(method, path, key)
        if path not in {"/v1/models", "/v1/chat/completions"}:
            return self._tell("404 Not Found", {"error": {"message": "no such path", "code": 404}})
        if method != ("GET" if path == "/v1/models" else "POST"):
            return self._tell("405 Method Not Allowed", {"error": {"message": "not so", "code": 405}})
        if key not in {KEY, *self._alive.values()}:
            return self._tell("401 Unauthorized", {"error": {"message": "no valid key", "code": 401}})
        if path == "/v1/chat/completions":
            return self._tell("400 Bad Request", {"error": {"message": "no such model", "code": 400}})
        return self._tell("200 OK", {"object": "list", "data": []})

    def _keys(self, method: str, path: str, key: str) -> bytes:
        if key != ADMIN:
            return self._tell("401 Unauthorized", {"error": {"message": "no valid key", "code": 401}})
        name = path.removeprefix("/api/v1/keys").strip("/").partition("?")[0]
        with self._mutex:
            if method == "POST":
                name = f"hash-{next(self._numbers)}"
                self._alive[name] = f"sk-corpus-made-{name}-0123456789abcdef"
                return self._tell(
                    "201 Created", {"key": self._alive[name], "data": {"hash": name, "label": ""}}
                )
            if method == "DELETE":
                self._alive.pop(name, None)
                return self._tell("200 OK", {"deleted": True})
        return self._tell("200 OK", {"data": [] if not name else {"hash": name}})

    def _tell(self, status: str, document: object = None) -> bytes:
        body = b"" if document is None else json.dumps(document).encode()
        return answer(
            status, body, "Content-Type: application/json", "Connection: close", *self._fields(status[:3])
        )


def _bearer(rest: bytes) -> str:
    return _header(rest, b"authorization").removeprefix("Bearer ")


def _announced(rest: bytes) -> int:
    return int(_header(rest, b"content-length") or 0)


def _header(rest: bytes, name: bytes) -> str:
    for line in rest.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().decode("latin-1")
    return ""
