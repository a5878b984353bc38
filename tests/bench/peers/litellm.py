"""LiteLLM's proxy as the gateway's peer: TLS in, a master key, one worker, no database, the same provider.

Without a database it checks one key and holds no budget, so it does less than the gateway does.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.witness.pki import make_authority
from tests.bench.gateway_client import Server
from tests.bench.gateway_load import CONNECTIONS, calls, cpu_us, in_turn, median_ratio
from tests.bench.gateway_processes import on_cores
from tests.bench.gateway_provider import MODEL, Provider, provider
from tests.bench.gateway_standing import gateway
from tests.bench.measure import NothingHereError, measurement
from tests.bench.peers.ports import await_port, free_port

_PROGRAM = Path(__file__).parents[3] / ".venv-peers" / "bin" / "litellm"
_START_SECONDS = 90.0
_ROUNDS, _SECONDS = 5, 4.0
_CONFIGURATION = """\
model_list:
  - model_name: {model}
    litellm_params: {{ model: openai/{model}, api_base: "{url}", api_key: provider-key }}
general_settings: {{ master_key: {key} }}
"""


@measurement(
    "gateway.cpu_vs_litellm",
    unit="times",
    target=0.05,
    better="lower",
    how="CPU of all gateway processes per chat call by that of LiteLLM's proxy (one worker, no database), TLS 1.3 on "
    f"both sides, {CONNECTIONS} kept connections, one core for the server; median of {_ROUNDS} rounds of {_SECONDS:g} s in turn",
)
def cpu_beside_litellm() -> float:
    """The gateway holds and settles each call durably; LiteLLM in this form keeps no books."""
    with provider(apart=True) as source, gateway(source) as ours, litellm(source) as theirs:
        servers = {"gateway": ours, "litellm": theirs}
        rounds = in_turn(servers, lambda server: calls(server, _SECONDS), _ROUNDS)
        return median_ratio(rounds["gateway"], rounds["litellm"], cpu_us)


@contextmanager
def litellm(source: Provider) -> Iterator[Server]:
    """The proxy, its files in a folder of its own. Raises NothingHereError where it is not set up."""
    if not _PROGRAM.exists():
        raise NothingHereError("LiteLLM is not set up; `make bench-peers` does that")
    folder = source.folder / "litellm"
    authority = make_authority(folder)
    port, key = free_port(), "sk-" + secrets.token_urlsafe(32)
    configuration = folder / "config.yaml"
    configuration.write_text(_CONFIGURATION.format(model=MODEL, url=source.url, key=key))
    command = [
        str(_PROGRAM), "--host", "127.0.0.1", "--port", str(port), "--config", str(configuration), "--num_workers", "1",
        "--ssl_certfile_path", str(authority.certificate), "--ssl_keyfile_path", str(authority.private_key),
    ]  # fmt: skip
    # Prices come with the package; without this they are fetched from the network at every start.
    environment = {
        **os.environ,
        "SSL_CERT_FILE": str(source.authority),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with (folder / "log").open("wb") as log, on_cores(source.cores):
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        await_port(port, process, _START_SECONDS)
        yield Server(port, authority.root, key, process.pid)
    finally:
        process.terminate()
        process.wait()
