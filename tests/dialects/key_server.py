"""A small key API over HTTP, made with the standard library: keys in a list, money in a unit of its own."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADMIN = "admin-credential"
PAGE = 2  # entries per page


@dataclass(slots=True)
class KeyServer:
    """Keys by their id. `before` is called with (method, path, body) before a request is answered, and may answer itself."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    before: Callable[[str, str, Any], "Said | None"] = lambda *_: None
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: Any) -> "Said":
        """What the key API says."""
        route, _, query = path.partition("?")
        parts = route.strip("/").split("/")
        if (method, route) == ("POST", "/keys"):
            return self._create(body)
        if (method, route) == ("GET", "/keys"):
            start = int(query.removeprefix("offset="))
            listed = [{"id": k, "name": v["name"]} for k, v in self.keys.items()]
            return Said(200, {"data": listed[start : start + PAGE]})
        if parts[0] != "keys" or len(parts) < 2 or parts[1] not in self.keys:
            return Said(404, {"error": "no such key"})
        return self._one(method, parts[1], parts[2:], body)

    def _create(self, body: Any) -> "Said":
        number = f"id-{len(self.keys):06d}"
        self.keys[number] = {
            "name": body["name"],
            "limit": body.get("limit"),
            "usage": Decimal("0.1"),
            "secret": 1,
        }
        return Said(201, {"key": f"secret-of-{number}-1", "id": number})

    def _one(self, method: str, number: str, rest: list[str], body: Any) -> "Said":
        key = self.keys[number]
        if method == "DELETE":
            del self.keys[number]
            return Said(204, None)
        if rest == ["rotate"]:
            key["secret"] += 1
            return Said(200, {"key": f"secret-of-{number}-{key['secret']}"})
        if method == "PATCH":
            key |= body
        return Said(200, {"limit": key["limit"], "usage": key["usage"]})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; status 0 closes the connection without one."""

    status: int
    document: Any
    raw: bytes | None = None
    location: str = ""


@contextmanager
def serving(server: KeyServer) -> Iterator[KeyServer]:
    """The key API, listening on a free port of loopback."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(server: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def _speak(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            content = self.rfile.read(length)
            server.requests.append((self.command, self.path, content))
            body = json.loads(content, parse_float=Decimal) if content else None
            said = server.before(self.command, self.path, body)
            if said is None and self.headers.get("authorization") != f"Bearer {ADMIN}":
                said = Said(401, {"error": "who are you?"})
            said = said or server.answer(self.command, self.path, body)
            self._say(said)

        do_GET = do_POST = do_PATCH = do_DELETE = _speak  # noqa: N815  names given by the standard library

        def _say(self, said: Said) -> None:
            if not said.status:
                self.close_connection = True
                return
            content = said.raw if said.raw is not None else _json(said.document)
            self.send_response(said.status)
            self.send_header("content-length", str(len(content)))
            if said.location:
                self.send_header("location", said.location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


def _json(document: Any) -> bytes:
    """JSON in which decimals are written digit by digit."""
    if document is None:
        return b""
    marked = json.dumps(document, default=lambda amount: f"<<{amount}>>")
    return marked.replace('"<<', "").replace('>>"', "").encode()
