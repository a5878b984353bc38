"""One stub provider and one gateway for all tests that leave no trace in each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_gateway import stub_provider as stub_behaviour
from tests.reference_gateway.gateway import RunningGateway, running_gateway, write_config, write_tls
from tests.reference_gateway.stub_provider import Script, StubProvider, refusing, running_stub
from tests.reference_gateway.stub_shapes import everywhere

SCRIPTS: dict[str, Script] = {
    "ordinary": everywhere,
    "held": stub_behaviour.held_stream,
    "early-end": stub_behaviour.clean_early_end,
    "cut": stub_behaviour.transport_cut,
    "slow": stub_behaviour.slow,
    "without-usage": stub_behaviour.without_usage,
    "refuses-400": refusing(400),
    "refuses-401": refusing(401),
    "refuses-429": refusing(429, "retry-after: 7\r\n"),
    "refuses-500": refusing(500),
}
# A provider that speaks Anthropic's API itself; to the others such requests go translated.
NATIVE = """
[[providers]]
name = "native"
base_url = "{url}"
ca_file = "ca.pem"
api_key_file = "provider.key"
authentication = "x-api-key"
endpoints = ["messages"]
[[models]]
name = "native"
provider = "native"
max_output_tokens = 100
prompt_overhead_tokens = 10
price = {{ prompt = "1.00", completion = "2.00" }}
"""
BOUNDS = "[bounds]\nmax_body = 20000\ndrain_seconds = 3.0\n"


@pytest.fixture(scope="session")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    write_tls(folder)
    return folder


@pytest.fixture(scope="session")
def stub(tls_folder: Path) -> Iterator[StubProvider]:
    with running_stub(tls_folder) as stub:
        stub.scripts.update(SCRIPTS, native=everywhere)
        yield stub


@pytest.fixture(scope="session")
def gateway(stub: StubProvider, tls_folder: Path) -> Iterator[RunningGateway]:
    config = write_config(tls_folder, stub.url, list(SCRIPTS), BOUNDS + NATIVE.format(url=stub.url))
    with running_gateway(config) as gateway:
        yield gateway
