"""nginx as the gateway's peer: TLS 1.3 in, `proxy_pass` with kept TLS 1.3 connections to the same provider.

What it does not do is what a gateway is for: no key is checked, no body looked into, no call paid.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.witness.pki import make_authority
from tests.bench.gateway_client import Server
from tests.bench.gateway_processes import on_cores
from tests.bench.gateway_provider import Provider
from tests.bench.measure import NothingHereError
from tests.bench.peers.ports import await_port, free_port

# Where tests/setup/peers.sh unpacks it when the system has none.
_UNPACKED = Path(__file__).parents[3] / ".venv-peers" / "nginx" / "usr" / "sbin"
_START_SECONDS = 10.0
_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000;
  upstream provider {{
    server 127.0.0.1:{provider_port};
    keepalive 256;
    keepalive_requests 1000000;
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.3;
    location / {{
      proxy_pass https://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_ssl_protocols TLSv1.3;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {authority};
      proxy_ssl_name localhost;
    }}
  }}
}}
"""


@contextmanager
def nginx(provider: Provider) -> Iterator[Server]:
    """nginx, writing to a folder of its own. Raises NothingHereError where it is not installed."""
    folder = provider.folder / "nginx"
    authority = make_authority(folder)
    port = free_port()
    configuration = _CONFIGURATION.format(
        port=port, provider_port=provider.port, authority=provider.authority
    )
    (folder / "nginx.conf").write_text(configuration)
    command = [program(), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
    with on_cores(provider.cores):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        await_port(port, process, _START_SECONDS)
        yield Server(port, authority.root, "none", process.pid)
    finally:
        process.terminate()
        process.wait()


def program() -> str:
    """Where nginx is. Raises NothingHereError."""
    for place in (None, "/usr/sbin", _UNPACKED):
        found = shutil.which("nginx", path=place)
        if found is not None:
            return found
    raise NothingHereError("nginx is not installed; `make bench-peers` fetches it")
