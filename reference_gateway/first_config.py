"""Writes a configuration that works at once: TLS for localhost, an admin token, one provider."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reference_gateway import localhost_tls
from reference_gateway.config import ConfigError
from reference_gateway.localhost_tls import write_new

CONFIG_NAME: Final = "gateway.toml"
TOKEN_NAME: Final = "admin.token"  # noqa: S105 - a file name
PROVIDER_KEY_VARIABLE: Final = "REFERENCE_GATEWAY_PROVIDER_KEY"

_TEMPLATE: Final = """\
# Paths are relative to this file. Secrets are named here, never written here.
[listen]
host = "127.0.0.1"
port = {port}
certificate = "server.pem"
private_key = "server.key"

# The key API has a listener and credentials of its own; roles are admin, keys and viewer.
[admin]
host = "127.0.0.1"
port = {admin_port}

[[admin.tokens]]
name = "first"
role = "admin"
token_file = "{token}"

[ledger]
path = "ledger.sqlite3"

[[providers]]
name = "provider"
base_url = {url}
{ca}{key}
"""
_MODEL: Final = """
[[models]]
name = {name}
provider = "provider"
max_output_tokens = 4096
# Dollars per million tokens.
price = {{ prompt = "1.00", completion = "2.00" }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What `--init` was told."""

    folder: Path
    port: int
    admin_port: int
    provider_url: str
    provider_ca: Path | None
    provider_key_file: Path | None
    models: tuple[str, ...]


def write(wishes: Wishes) -> Path:
    """Writes everything into a folder that has no configuration yet; the path of the configuration.

    Raises ConfigError. The provider's key is read from PROVIDER_KEY_VARIABLE unless a file is named.
    """
    folder = wishes.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(folder / CONFIG_NAME, _text(wishes).encode(), 0o600)
        write_new(folder / TOKEN_NAME, secrets.token_urlsafe(48).encode() + b"\n", 0o600)
        localhost_tls.write(folder, localhost_tls.make())
    except FileExistsError as error:
        raise ConfigError(f"--init: {error.filename} exists already; choose an empty folder") from None
    except OSError as error:
        raise ConfigError(f"--init: {folder} cannot be written ({error.strerror})") from None
    return folder / CONFIG_NAME


def _text(wishes: Wishes) -> str:
    ca = f"ca_file = {_quoted(str(wishes.provider_ca.resolve()))}\n" if wishes.provider_ca else ""
    if wishes.provider_key_file is not None:
        key = f"api_key_file = {_quoted(str(wishes.provider_key_file.resolve()))}"
    else:
        key = f'api_key_env = "{PROVIDER_KEY_VARIABLE}"'
    head = _TEMPLATE.format(
        port=wishes.port,
        admin_port=wishes.admin_port,
        token=TOKEN_NAME,
        url=_quoted(wishes.provider_url),
        ca=ca,
        key=key,
    )
    return head + "".join(_MODEL.format(name=_quoted(name)) for name in wishes.models)


def _quoted(text: str) -> str:
    """A TOML basic string."""
    if not text.isprintable():
        raise ConfigError("--init: an argument has characters that cannot be printed")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
