"""A campaign that sends canaries every way a request can go, and says of each way where it led.

A way is one thing that happens to a request: an endpoint and what its provider does, a caller who leaves, a
body that is no JSON, a worker that is killed. `Outcome` is the proof that it was gone to its end.
"""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reference_gateway import credential
from reference_gateway.web.faults import Fault
from tests.reference_gateway.gateway import ADMIN_TOKEN, RunningGateway, write_config
from tests.reference_gateway.leaks import bodies
from tests.reference_gateway.leaks.answers import Answers
from tests.reference_gateway.leaks.bodies import Body
from tests.reference_gateway.leaks.canaries import Canaries, Say
from tests.reference_gateway.raw_tls import end_of, open_connection
from tests.reference_gateway.stub_provider import StubProvider

STRANGERS = ("nobody", "untrusted")
KEY_NAME = "control-83125"  # what keys are called is stored: a search that does not find it is blind

_SECRET = 49  # digits of a key behind its id
_PATIENCE = 60.0  # seconds
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked for, and in whose words. `models` begins the names of the models to ask there."""

    name: str
    path: str
    body: Callable[..., Body]
    models: str = ""
    streams: bool = True


CHAT = Endpoint("chat", "/v1/chat/completions", bodies.chat)
ENDPOINTS = (
    CHAT,
    Endpoint("completions", "/api/v1/completions", bodies.completions),
    Endpoint("responses", "/v1/responses", bodies.responses),
    Endpoint("embeddings", "/v1/embeddings", bodies.embeddings, streams=False),
    Endpoint("messages", "/v1/messages", bodies.messages, models="native-"),
    Endpoint("translated", "/v1/messages", bodies.translated),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a way led: the status, if one came, the fault that was told, and whether the provider was asked."""

    status: int | None
    fault: str = ""
    asked: bool = True


@dataclass(slots=True)
class Campaign:
    """A gateway, its provider, and what became of all ways so far."""

    gateway: RunningGateway
    stub: StubProvider
    canaries: Canaries
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)

    def request(
        self,
        way: str,
        endpoint: Endpoint,
        model: str = "well",
        *,
        stream: bool = False,
        key: str = "limited",
        **fields: Any,
    ) -> bytes:
        """A request with canaries wherever it has room for a text. `fields` are added to its body."""
        say = self.canaries.sayer(way)
        body = endpoint.body(say, limited=key != "free")
        wanted = {"model": endpoint.models + model, **({"stream": True} if stream else {})}
        return self.raw(way, "POST", endpoint.path, json.dumps({**body, **wanted, **fields}).encode(), key)

    def raw(
        self,
        way: str,
        method: str,
        path: str,
        body: bytes = b"",
        key: str = "limited",
        extra: str = "",
    ) -> bytes:
        """A request with these bytes as its body, and canaries in its head."""
        say = self.canaries.sayer(way)
        head = f"{method} {path}?{say('query name')}={say('query value')} HTTP/1.1\r\n"
        head += _fields(say) + f"authorization: Bearer {self.keys[key]}\r\n{extra}"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    def go(self, way: str, data: bytes, *, admin: bool = False) -> None:
        """Sends a request and takes its answer to the end."""
        gateway = replace(self.gateway, port=self.gateway.admin_port) if admin else self.gateway
        with open_connection(gateway) as tls:
            tls.sendall(data)
            self.arrived(way, end_of(tls))

    def arrived(self, way: str, received: bytes) -> None:
        """Notes where a way led."""
        status = int(received.split(b" ", 2)[1]) if received else None
        self.answers[way] = received
        self.outcomes[way] = Outcome(status, fault_in(received), self.was_asked(way))

    def take_keys(self) -> None:
        """Makes the keys that the ways go with, each known by what is special about it."""
        self._take("limited", limit="1000")
        self._take("passing", limit="1000")
        self._take("free")
        self._take("poor", limit="1e-6")
        self._take("narrow", models=["silent"])
        self._take("revoked")
        self.revoke("revoked")
        self.keys["unknown"] = self.canaries.also("an unknown key", credential.mint("live", 12345)[-49:])
        self.keys["admin"] = ADMIN_TOKEN
        self.keys["no-key"] = self.canaries.word("no key", "API key")

    def revoke(self, name: str) -> None:
        """Disables a key."""
        with self.gateway.admin() as admin:
            admin.patch(f"/api/v1/keys/{self.ids[name]}", json={"disabled": True}).raise_for_status()

    def _take(self, name: str, **fields: Any) -> None:
        self.ids[name], self.keys[name] = self.gateway.new_key(name=f"{KEY_NAME} {name}", **fields)
        self.canaries.also(f"the {name} key", self.keys[name][-_SECRET:])

    def was_asked(self, way: str) -> bool:
        """Whether a canary of this way arrived at the provider."""
        return any(self.canaries.way_of(seen.raw) == way for seen in tuple(self.stub.seen))

    def await_asked(self, way: str) -> None:
        """Until the provider was asked."""
        await_that(lambda: self.was_asked(way))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The gateway's events of one kind so far."""
        lines = (self.gateway.folder / "stdout").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def workers(self) -> set[int]:
        """The content workers that live and serve, by process number."""
        return {event["process"] for event in self.events("worker_started")} & set(children(self.gateway))

    def others(self) -> tuple[int, int]:
        """Ledger and dialer, which are started in this order."""
        ledger, dialer = sorted(set(children(self.gateway)) - self.workers())
        return ledger, dialer

    def await_workers(self, instead_of: set[int]) -> None:
        """Until others serve instead of these, as many as they are."""
        await_that(lambda: len(self.workers() - instead_of) == len(instead_of))

    def await_end(self, of: set[int]) -> None:
        """Until none of these workers lives."""
        await_that(lambda: not self.workers() & of)

    def await_event(self, kind: str) -> None:
        """Until the gateway said so."""
        await_that(lambda: bool(self.events(kind)))


def children(gateway: RunningGateway) -> list[int]:
    """The supervisor's, by process number."""
    pid = gateway.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def await_that(true: Callable[[], bool]) -> None:
    """Looks until it is so; fails where it does not become so within a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(_LOOK)


def fault_in(received: bytes) -> str:
    """The fault of ours that an answer tells of, whatever its shape: each has a message of its own."""
    return next((fault.name for fault in Fault if fault.value.message.encode() in received), "")


def _fields(say: Say) -> str:
    """Header fields as clients and proxies send them, and some that nobody knows."""
    named = {
        "host": "localhost",
        "connection": "close",
        "content-type": "application/json",
        "user-agent": say("user agent"),
        "cookie": f"{say('cookie name')}={say('cookie value')}",
        "referer": f"https://example.invalid/{say('referer')}",
        "idempotency-key": say("idempotency key"),
        "x-request-id": say("request id"),
        "traceparent": say("trace"),
        "x-forwarded-for": say("forwarded for"),
        "openai-organization": say("organization"),
        "anthropic-beta": say("beta"),
        f"x-{say('header name')}": say("header value"),
    }
    return "".join(f"{name}: {value}\r\n" for name, value in named.items())


BOUNDS = """
[bounds]
max_body = 1048576
max_answer = 65536
provider_idle_seconds = 3.0
request_seconds = 10.0
body_seconds = 2.0
head_seconds = 4.0
drain_seconds = 0.5
stop_seconds = 10.0
"""
_NATIVE = """
[[providers]]
name = "native"
base_url = "{url}"
ca_file = "ca.pem"
api_key_file = "provider.key"
authentication = "x-api-key"
endpoints = ["messages"]
"""
# One that nobody is at, and one whom no public authority knows.
_STRANGERS = """
[[providers]]
name = "nobody"
base_url = "https://127.0.0.1:1/v1"
api_key_file = "provider.key"
[[providers]]
name = "untrusted"
base_url = "{url}"
api_key_file = "provider.key"
"""
_STRANGERS_MODEL = """
[[models]]
name = "{name}"
provider = "{name}"
max_output_tokens = 100
price = {{ prompt = "1.00", completion = "2.00" }}
image_tokens = 50
"""
_NATIVE_MODEL = """
[[models]]
name = "native-{name}"
upstream_name = "{name}"
provider = "native"
max_output_tokens = 100
prompt_overhead_tokens = 10
price = {{ prompt = "1.00", completion = "2.00" }}
"""


def configured(folder: Path, stub: StubProvider, canaries: Canaries) -> Path:
    """A configuration with a model for everything that the stub can do; it does so from now on."""
    scripts = Answers(canaries.sayer("answer")).scripts
    stub.scripts.update(scripts)
    further = (_NATIVE + _STRANGERS).format(url=stub.url)
    further += "".join(_NATIVE_MODEL.format(name=name) for name in scripts)
    further += "".join(_STRANGERS_MODEL.format(name=name) for name in STRANGERS)
    path = write_config(folder, stub.url, list(scripts), BOUNDS + further)
    (folder / "provider.key").write_text(canaries.also("the provider's key", secrets.token_urlsafe(32)))
    canaries.also("the admin token", ADMIN_TOKEN)
    # Keys with a limit may then send images.
    path.write_text(
        path.read_text().replace("overhead_tokens = 10", "overhead_tokens = 10\nimage_tokens = 50")
    )
    return path
