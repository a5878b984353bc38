"""The ground on which a trial takes place: a folder, certificates, ports, and what the two hosts make of them."""

import json
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.model.money import price_per_token
from conformance.witness.pki import Authority, make_authority
from tests.twins.registry import MODEL, Entry, Host

CLEAR_PORT = "clear.port"  # beside the reference gateway's configuration
_PROMPT_USD, _COMPLETION_USD = "1", "2"  # per million tokens
_PATHS = {"chat": "/v1/chat/completions"}  # all others are called what they are
_BOUNDS = {"largest_body": "max_body"}  # what the reference gateway calls a setting of the second
# Below the ports that Linux gives to outgoing connections: one of those could take a port between our choice and its use.
_PORTS = range(10240, 32768)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where everything of one trial lies.

    `clear_port` is one without TLS, `admin_port` one for a key API apart; on both nothing may be listening.
    """

    folder: Path
    witness: Authority
    witness_port: int
    clear_port: int
    admin_port: int

    @property
    def log(self) -> Path:
        """What the host's process prints."""
        return self.folder / "gateway" / "output.log"

    @property
    def witness_url(self) -> str:
        """The provider as the host is told of it."""
        return f"https://127.0.0.1:{self.witness_port}/v1"


def prepared(folder: Path) -> Ground:
    """Fresh ground in a folder: the witness's certificates, the provider's key, ports that were free just now."""
    (folder / "gateway").mkdir(parents=True)
    key = folder / "provider.key"
    key.write_text(f"provider-key-{secrets.token_hex(16)}")
    key.chmod(0o600)
    return Ground(
        folder=folder,
        witness=make_authority(folder / "witness"),
        witness_port=free_port(),
        clear_port=free_port(),
        admin_port=free_port(),
    )


def free_port() -> int:
    """A port of loopback on which nobody listens now."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def command(ground: Ground, entry: Entry) -> list[str]:
    """Lay out a host's configuration; the command that starts it, as the twin or as it is where that is broken."""
    name = entry.name if entry.kind != "broken" else "as-it-is"
    config = _CONFIGURE[entry.host](ground, entry)
    return [sys.executable, "-m", f"tests.twins.{entry.host}", name, str(config)]


def _reference(ground: Ground, entry: Entry) -> Path:
    folder = ground.folder / "gateway"
    subprocess.run(
        [
            sys.executable, "-m", "reference_gateway", "--init", str(folder),
            "--admin-port", str(ground.admin_port),
            "--provider-url", ground.witness_url, "--provider-ca", str(ground.witness.root),
            "--provider-key-file", str(ground.folder / "provider.key"), "--model", MODEL,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    # For the twin that listens there; the gateway itself has no such thing.
    (folder / CLEAR_PORT).write_text(str(ground.clear_port))
    path = folder / "gateway.toml"
    bounds = {_BOUNDS[name]: value for name, value in entry.config.items()}
    further = "".join(_priced_model(name, *prices) for name, prices in entry.models.items())
    path.write_text(f"{path.read_text()}\n{further}\n[bounds]\n{_pairs(bounds)}")
    return path


def _priced_model(name: str, prompt: str, completion: str) -> str:
    """A further model of the reference gateway."""
    price = f'{{ prompt = "{prompt}", completion = "{completion}" }}'
    return f'[[models]]\nname = "{name}"\nprovider = "provider"\nmax_output_tokens = 4096\nprice = {price}\n'


def _second(ground: Ground, entry: Entry) -> Path:
    folder = ground.folder / "gateway"
    authority = make_authority(folder / "tls")
    (folder / "master.key").write_text(f"sk-master-{secrets.token_hex(24)}")
    model = {
        "upstream": "upstream-model",
        "prompt_pico": 10**6,
        "completion_pico": 2 * 10**6,
        "max_output": 4096,
    }
    config = {
        "certificate": str(authority.certificate),
        "private_key": str(authority.private_key),
        "master_key_file": str(folder / "master.key"),
        "upstream_url": ground.witness_url,
        "upstream_ca": str(ground.witness.root),
        "upstream_key": (ground.folder / "provider.key").read_text(),
        "state_dir": str(folder / "state"),
        "models": {
            MODEL: model,
            **{
                name: {
                    **model,
                    "upstream": f"upstream-{name}",
                    "prompt_pico": price_per_token(prompt),
                    "completion_pico": price_per_token(completion),
                }
                for name, (prompt, completion) in entry.models.items()
            },
        },
        "cleartext_port": ground.clear_port,
        **entry.config,
    }
    if _apart(entry):
        config["admin_port"] = ground.admin_port
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


def _apart(entry: Entry) -> bool:
    """Whether the host's key API has a listener of its own; the ground knows on which port."""
    return entry.host == "reference" or "admin_port" in entry.config


_CONFIGURE = {"reference": _reference, "second": _second}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Make:
    """What a target file says differently of the two hosts."""

    origin: str
    gateway: str
    admin: str
    dialect: str
    surfaces: str
    claims: Mapping[str, object]


_MAKES: Mapping[Host, _Make] = {
    "reference": _Make(
        origin="https://localhost:{port}",
        gateway='ca_file = "gateway/ca.pem"\nresolve = { localhost = ["127.0.0.1"] }',
        admin="gateway/admin.token",
        dialect='use = "openrouter"',
        surfaces="""
[[surfaces]]
kind = "files"
locator = "gateway/output.log"
role = "log"

[[surfaces]]
kind = "sqlite"
locator = "gateway/ledger.sqlite3"
role = "account"
""",
        claims={"hsts_min_age": 31536000, "usage_lag": 1, "revocation_latency": 0.25},
    ),
    # Another make on purpose: an address instead of a name, cents, usage that shows late, a file for a store.
    "second": _Make(
        origin="https://127.0.0.1:{port}",
        gateway='ca_file = "gateway/tls/ca.pem"',
        admin="gateway/master.key",
        dialect='use = "litellm"\nper_usd = 100',
        surfaces="""
[[surfaces]]
kind = "files"
locator = "gateway/state/gateway.log"
role = "log"

[[surfaces]]
kind = "files"
locator = "gateway/state/accounts.json"
role = "account"
""",
        claims={"hsts_min_age": 31536000, "usage_lag": 2, "revocation_latency": 0.25},
    ),
}


def write_target(ground: Ground, entry: Entry, port: int) -> Path:
    """Write the target file of a trial."""
    make = _MAKES[entry.host]
    claims = {**make.claims, **entry.claims}
    admin = f'admin_url = "{make.origin.format(port=ground.admin_port)}"' if _apart(entry) else ""
    limits = {"requests": 20000, "rate": 2000, "connections": 24, **entry.limits}
    text = f"""
name = "{entry.id()}"
environment = "test"

[gateway]
base_urls = ["{make.origin.format(port=port)}"]
{admin}
cleartext_ports = [{ground.clear_port}]
{make.gateway}

[credentials]
admin = {{ file = "{make.admin}" }}

[models.{MODEL}]
prompt_price = "{_PROMPT_USD}"
completion_price = "{_COMPLETION_USD}"
{_further_models(entry)}
[witness]
listen = "127.0.0.1:{ground.witness_port}"
certificate = "witness/server.pem"
private_key = "witness/server.key"
api_key = {{ file = "provider.key" }}

[dialect]
{entry.dialect or make.dialect}
{make.surfaces}{entry.surfaces}
{_other_account(ground, entry)}
{_inference(entry)}
[claims]
{_pairs(claims)}
[limits]
{_pairs(limits)}"""
    path = ground.folder / "target.toml"
    path.write_text(text)
    return path


def _other_account(ground: Ground, entry: Entry) -> str:
    """A second customer's credential, which the host knows by how it begins."""
    if not entry.other_account:
        return ""
    (ground.folder / "other.token").write_text(f"other-{secrets.token_hex(24)}")
    return '[other_account]\nadmin = { file = "other.token" }'


def _further_models(entry: Entry) -> str:
    return "".join(
        f'[models."{name}"]\nprompt_price = "{prompt}"\ncompletion_price = "{completion}"\n'
        for name, (prompt, completion) in entry.models.items()
    )


def _inference(entry: Entry) -> str:
    """The endpoints, where there are more than a target file need name."""
    kinds = ("chat", *entry.inference, "models") if entry.inference else ()
    return "".join(
        f'[[inference]]\nkind = "{kind}"\npath = "{_PATHS.get(kind, f"/v1/{kind}")}"\n'
        f"billable = {json.dumps(kind != 'models')}\n"
        for kind in kinds
    )


def _pairs(values: Mapping[str, object]) -> str:
    """Numbers and strings as TOML."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
