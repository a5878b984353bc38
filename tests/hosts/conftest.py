"""A certificate, a provider and a second gateway in front of it."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_order import Model
from tests.hosts.stub_provider import Ledger, provider

MASTER = "sk-master-0123456789abcdef0123"
UPSTREAM_KEY = "upstream-key-of-the-gateway"
TINY = Model(upstream="tiny-1", prompt_pico=1_000_000, completion_pico=2_000_000, max_output=100)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key, as files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "second gateway")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class House:
    """A running gateway, the provider behind it, and a way to call it."""

    gateway: SecondGateway
    ledger: Ledger
    config: Config
    tls: ssl.SSLContext

    @property
    def state(self) -> Path:
        """Where the gateway keeps its files."""
        return Path(self.config.state_dir)

    @property
    def log(self) -> str:
        """All that the gateway has logged."""
        return (self.state / "gateway.log").read_text()

    def call(
        self, method: str, path: str, bearer: str = MASTER, body: object = None, port: int | None = None
    ) -> Reply:
        """One request on a connection of its own; `body` is JSON unless it is bytes. `port`: else where content is served."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        place = ("127.0.0.1", port or self.gateway.port)
        with closing(http.client.HTTPSConnection(*place, context=self.tls)) as wire:
            wire.request(method, path, data, {"Authorization": f"Bearer {bearer}"})
            answer = wire.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    def key(self, **fields: object) -> dict[str, Any]:
        """A new key, as its one creation answer shows it."""
        reply = self.call("POST", "/key/generate", body=fields)
        assert reply.status == 200
        made: dict[str, Any] = reply.json
        return made

    def chat(self, key: str, prompt: str, **fields: object) -> Reply:
        """A chat request with a key."""
        return self.call("POST", "/v1/chat/completions", key, {**ask(prompt), **fields})

    def shown(self, key: str) -> float:
        """The usage that a key is told of, in cents."""
        return float(self.call("GET", "/key/info", key).json["info"]["spend"])

    def spent(self, token: str) -> int:
        """What limits are held against for a key, in pico-dollars; holds included."""
        key = self.gateway.store.keys[token]
        return key.spent + key.held


def ask(prompt: str) -> dict[str, object]:
    """A chat request body."""
    return {"model": "tiny", "messages": [{"role": "user", "content": prompt}], "max_tokens": 50}


@pytest.fixture
def build(certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Starts second gateways, each in front of one provider; called again, on the same state."""
    (tmp_path / "master").write_text(MASTER + "\n")
    with ExitStack() as stack:
        url, ledger = stack.enter_context(provider(*certificate))

        def start(**fields: Any) -> House:
            settings: dict[str, Any] = {
                "certificate": str(certificate[0]),
                "private_key": str(certificate[1]),
                "master_key_file": str(tmp_path / "master"),
                "upstream_url": url,
                "upstream_ca": str(certificate[0]),
                "upstream_key": UPSTREAM_KEY,
                "state_dir": str(tmp_path / "state"),
                "models": {"tiny": TINY},
                "usage_lag": 0.05,
            }
            config = Config(**{**settings, **fields})
            gateway = SecondGateway(config)
            gateway.start()
            stack.callback(gateway.stop)
            return House(gateway, ledger, config, ssl.create_default_context(cafile=str(certificate[0])))

        yield start


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    """A running second gateway."""
    return build()
