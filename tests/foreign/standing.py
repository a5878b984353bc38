"""Starting a foreign gateway behind nginx, everything that they write in one folder."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from string import Template

from conformance.witness.pki import make_authority
from tests.bench.peers.nginx import program
from tests.bench.peers.ports import await_port, free_port
from tests.foreign.gateways import PROVIDER_KEY, Foreign

_PROGRAMS = Path(__file__).parents[2] / ".venv-foreign" / "bin"
_START_SECONDS = 120.0
_END_SECONDS = 10.0
_FRONT = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events { worker_connections 512; }
http {
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_max_body_size 20m;
  server {
    listen 127.0.0.1:$front ssl;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.3;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
    location / {
      proxy_pass http://127.0.0.1:$port;
      proxy_http_version 1.1;
      proxy_set_header Host $$host;
      proxy_set_header X-Forwarded-Proto $$scheme;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}
"""


@contextmanager
def standing(gateway: Foreign, folder: Path) -> Iterator[Path]:
    """The target file of a gateway that runs as long as this lasts. Raises RuntimeError where it does not start."""
    folder.mkdir()
    make_authority(folder / "front")
    witness = make_authority(folder / "witness")
    values = {
        "folder": folder,
        "port": free_port(),
        "front": free_port(),
        "witness": free_port(),
        "provider_key": PROVIDER_KEY,
        "admin_key": "sk-" + secrets.token_urlsafe(32),
    }
    _write(folder, gateway, values)
    environment = {name: Template(value).substitute(values) for name, value in gateway.environment.items()}
    trusting = {**os.environ, **environment, "SSL_CERT_FILE": str(witness.root)}
    command = [str(_PROGRAMS / gateway.command[0]), *_filled(gateway.command[1:], values)]
    front = [program(), "-p", f"{folder}/front/", "-c", "nginx.conf", "-e", "error.log"]
    with ExitStack() as running:
        log = running.enter_context((folder / "gateway.log").open("wb"))
        for arguments, port in ((command, values["port"]), (front, values["front"])):
            process = subprocess.Popen(
                arguments, stdout=log, stderr=log, env=trusting, cwd=folder, start_new_session=True
            )
            running.callback(_ended, process)
            await_port(int(str(port)), process, _START_SECONDS)
        yield folder / "target.toml"


def _write(folder: Path, gateway: Foreign, values: Mapping[str, object]) -> None:
    texts = {
        "settings.yaml": Template(gateway.settings).substitute(values),
        "target.toml": gateway.target_file(values),
        "front/nginx.conf": Template(_FRONT).substitute(values),
        "provider.key": PROVIDER_KEY,
        "admin.key": str(values["admin_key"]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


def _filled(arguments: tuple[str, ...], values: Mapping[str, object]) -> list[str]:
    return [Template(argument).substitute(values) for argument in arguments]


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """All of its session: some leave their workers behind. A gateway whose event loop is blocked does not end in good order."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
