"""The admin plane over real TLS and a real ledger file, without the rest of the gateway.

Every answer that a client of this stage gets is held against the description that the admin plane serves.
"""

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop
from jsonschema import Draft202012Validator

from reference_gateway import credential
from reference_gateway.admin.metrics import Metrics
from reference_gateway.admin.routes import AdminApi
from reference_gateway.admin.shapes import key_view
from reference_gateway.config import Config, load
from reference_gateway.config_file import Role
from reference_gateway.events import Emit, Event
from reference_gateway.ledger.book import Book
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import (
    Answer,
    Authorise,
    Endpoint,
    Held,
    LedgerDownError,
    Outcome,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.supervisor import bound
from reference_gateway.web.boundary import Boundary, EventDiary
from reference_gateway.web.server import http_server
from tests.reference_gateway.gateway import write_config, write_tls
from tests.reference_gateway.ledger_parts import on_disk

KEYS: Final = "/api/v1/keys"
ACCOUNTS: Final = "/api/v1/accounts"
AUDIT: Final = "/api/v1/audit"
MODELS: Final = ("small", "large")
NO_ID: Final = "zzzzzzzzzzz"  # beyond 63 bits
CHIEF, ISSUER, WATCHER = "c" + "0aF" * 13, "i" + "1bG" * 13, "w" + "2cH" * 13
TOKENS: Final = (
    ("chief", Role.ADMIN, CHIEF),
    ("issuer", Role.KEYS, ISSUER),
    ("watcher", Role.VIEWER, WATCHER),
)


def error(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal."""
    said = answer.json()["error"]
    return answer.status_code, said["code"], said["param"]


class Brittle(SqliteStorage):
    """A storage that can be made to fail."""

    broken = False

    def transaction(self) -> Any:
        if self.broken:
            raise LedgerDownError
        return super().transaction()


class Described:
    """A description, and what it says of answers and bodies."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._paths = {
            re.compile(re.sub(r"\{id\}", "[^/]*", template)): item
            for template, item in document["paths"].items()
        }

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What is asked for, if it is described."""
        found = [item for pattern, item in self._paths.items() if pattern.fullmatch(path)]
        operation: dict[str, Any] | None = found[0].get(method.lower()) if found else None
        return operation

    def faults(self, schema: dict[str, Any], value: object) -> list[str]:
        """What is wrong with a value."""
        whole = {**schema, "components": self.document["components"]}
        return [error.message for error in Draft202012Validator(whole).iter_errors(value)]

    def hold_against(self, answer: httpx.Response) -> None:
        """Fails where an answer is not as described."""
        answer.read()
        operation = self.operation(answer.request.method, answer.request.url.path)
        if operation is None:
            assert answer.status_code in (404, 405)
            return
        described = operation["responses"][str(answer.status_code)]
        ((media, content),) = described["content"].items()
        assert answer.headers["content-type"] == media
        value = answer.json() if media == "application/json" else answer.text
        assert self.faults(content["schema"], value) == []
        for name in described["headers"]:
            assert re.fullmatch("req_[0-9a-f]{32}", answer.headers[name])


@dataclass(kw_only=True)
class Stage:
    """A running admin plane. `emit` is the counting emitter that the ledger has, too."""

    folder: Path
    config: Config
    port: int
    storage: Brittle
    book: Book
    metrics: Metrics
    emit: Emit
    events: list[Event]
    described: Described = field(init=False)

    def __post_init__(self) -> None:
        with self.client(WATCHER, held=False) as client:
            self.described = Described(client.get("/openapi.json").json())

    def client(self, token: str | None = CHIEF, *, held: bool = True) -> httpx.Client:
        """A client; `held`: its answers are held against the description."""
        hooks = {"response": [self.described.hold_against]} if held else {}
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            verify=ssl.create_default_context(cafile=self.folder / "ca.pem"),
            headers={"authorization": f"Bearer {token}"} if token else {},
            event_hooks=hooks,
            timeout=20,
        )

    def ask(self, method: str, path: str, body: Any = None, token: str | None = CHIEF) -> httpx.Response:
        """One request. `body` is sent as it is if it is text or bytes, else as JSON."""
        content = body if isinstance(body, str | bytes | None) else json.dumps(body)
        headers = {"content-type": "application/json"} if body is not None else {}
        with self.client(token) as client:
            return client.request(method, path, content=content, headers=headers)

    def new_key(self, **fields: Any) -> tuple[str, str]:
        """(public id, key)."""
        answer = self.ask("POST", KEYS, {"name": "a key", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["hash"], answer.json()["key"]

    def key(self, public_id: str) -> dict[str, Any]:
        data: dict[str, Any] = self.ask("GET", f"{KEYS}/{public_id}").json()["data"]
        return data

    def new_account(self, **fields: Any) -> str:
        """The new account's id."""
        answer = self.ask("POST", ACCOUNTS, {"name": "an account", **fields})
        assert answer.status_code == 201, answer.text
        public_id: str = answer.json()["data"]["id"]
        return public_id

    def shown(self, key: str, endpoint: Endpoint) -> Authorise:
        """What a content worker asks that was shown this key."""
        presented = credential.parse(self.config.environment, key)
        assert presented is not None
        return Authorise(presented.key_id, presented.tail, endpoint)

    def standing(self, key: str, endpoint: Endpoint = Endpoint.CHAT) -> Answer:
        """What it hears. The ledger does nothing else meanwhile: no request is under way."""
        ((_, _, answer),) = self.book.answer([(Connection(bytes(16)), 0, self.shown(key, endpoint))])
        return answer

    def reserve(self, key: str, *, model: int = 0, worker: Connection | None = None) -> Answer:
        """What a content worker hears that wants to send 100 tokens with this key."""
        asking = worker or Connection(bytes(16))
        ((_, _, standing),) = self.book.answer([(asking, 0, self.shown(key, Endpoint.CHAT))])
        assert isinstance(standing, Standing)
        message = Reserve(
            key_id=standing.key_id,
            generation=standing.generation,
            limited=standing.limited,
            endpoint=Endpoint.CHAT,
            model=model,
            prompt_bound=100,
            completion_bound=0,
        )
        ((_, _, answer),) = self.book.answer([(asking, 1, message)])
        return answer

    def spend(self, key: str) -> None:
        """A call that costs 100 prompt tokens."""
        worker = Connection(bytes(16))
        held = self.reserve(key, worker=worker)
        assert isinstance(held, Held)
        self.book.answer([(worker, 0, Settle(rid=held.rid, outcome=Outcome.METERED, prompt_tokens=100))])

    def exchange(self, data: bytes) -> bytes:
        """Bytes on a connection of their own, and what comes back until its end."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=15) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.sendall(data)
            received = b""
            while piece := tls.recv(65_536):
                received += piece
        return received

    def audit(self, after: int = 0) -> list[dict[str, Any]]:
        """The lines of the audit log."""
        lines: list[dict[str, Any]] = []
        while page := self.ask("GET", f"{AUDIT}?after={lines[-1]['number'] if lines else after}").json()[
            "data"
        ]:
            lines += page
        return lines

    def metric(self, sample: str) -> float:
        """One value of /metrics."""
        lines = self.ask("GET", "/metrics", token=WATCHER).text.splitlines()
        (value,) = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == sample]
        return float(value)


@contextmanager
def admin_stage(folder: Path, bounds: str = "") -> Iterator[Stage]:
    """An admin plane with its ledger, both on the event loop of a thread of their own."""
    write_tls(folder)
    config = load(write_config(folder, "https://127.0.0.1:1/v1", list(MODELS), bounds))
    listener = bound("127.0.0.1", 0, "[admin]")
    events: list[Event] = []
    metrics = Metrics()
    emit = metrics.counting(events.append)
    storage = on_disk(folder, Brittle)
    prices = [(model.number, model.name, model.price) for model in config.models]
    book = Book(storage, emit, Hashing(), config.environment, prices)
    api = AdminApi(TOKENS, book, key_view(config.environment), config, metrics)
    app = Boundary((api.resolve,), EventDiary(emit))
    listening = threading.Event()
    server = http_server(app, _tls(folder), (), config.bounds, listening.set)
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.run_until_stopped(listener),))
    thread.start()
    try:
        assert listening.wait(20)
        yield Stage(
            folder=folder,
            config=config,
            port=listener.getsockname()[1],
            storage=storage,
            book=book,
            metrics=metrics,
            emit=emit,
            events=events,
        )
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(20)
        loop.close()
        listener.close()
        book.close()


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context
