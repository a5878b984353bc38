"""Clients who ask for much and read nothing. What waits for them in the gateway is bounded, and so is the wait."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.reference_gateway.gateway import RunningGateway
from tests.reference_gateway.hostile.conftest import IMPATIENT, Attacked, attacked
from tests.reference_gateway.hostile.talking import CHAT, call
from tests.reference_gateway.hostile.unharmed import unharmed
from tests.reference_gateway.stub_provider import (
    STREAM_HEAD,
    Seen,
    StubProvider,
    chunked,
    delta,
    event,
    json_answer,
)
from tests.reference_gateway.stub_shapes import everywhere

LARGE = 12_000_000  # more than the kernel buffers for anybody
LOOKS = 3000


async def large(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    """A large answer."""
    writer.write(json_answer(200, {"choices": [], "text": "a" * LARGE}))


async def flood(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    """A stream as fast as it is taken, until the gateway has had enough."""
    writer.write(STREAM_HEAD)
    for _ in range(400):
        writer.write(chunked(event(delta("a" * 50_000))))
        await writer.drain()
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def impatient_with_large_answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    scripts = {"ordinary": everywhere, "large": large, "flood": flood}
    with attacked(tmp_path_factory.mktemp("deaf"), IMPATIENT, scripts) as deaf:
        yield deaf


@pytest.fixture
def generous(impatient_with_large_answers: Attacked) -> Iterator[Attacked]:
    with unharmed(impatient_with_large_answers.gateway, impatient_with_large_answers.key):
        yield impatient_with_large_answers


@contextmanager
def deaf_connection(gateway: RunningGateway) -> Iterator[ssl.SSLSocket]:
    """A client whose kernel takes little that it does not read."""
    context = ssl.create_default_context(cafile=gateway.ca)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(15)
        plain.connect(("127.0.0.1", gateway.port))
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            yield tls


def hung_up_on(gateway: RunningGateway, connection: socket.socket) -> bool:
    """Whether the gateway lets go of the connection after a while, as the kernel has it."""
    ends = f":{gateway.port:04X}", f":{connection.getsockname()[1]:04X}"
    with gateway.client() as client:
        for _ in range(LOOKS):
            lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            if not any(one[1].endswith(ends[0]) and one[2].endswith(ends[1]) for one in lines):
                return True
            client.get("/health")
    return False


def asking(model: str, *, stream: bool = False) -> bytes:
    body = CHAT.replace(b"ordinary", model.encode())
    return body.replace(b"}]", b'}],"stream":true') if stream else body


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize(("model", "stream"), [("large", False), ("flood", True)])
def test_who_does_not_read_is_hung_up_on(generous: Attacked, model: str, stream: bool, times: int) -> None:
    with deaf_connection(generous.gateway) as tls:
        tls.sendall(call(generous.key, asking(model, stream=stream)) * times)

        assert hung_up_on(generous.gateway, tls)


def test_who_says_goodbye_and_does_not_read_is_hung_up_on(generous: Attacked) -> None:
    with deaf_connection(generous.gateway) as tls:
        tls.sendall(call(generous.key, asking("large")))
        tls.recv(1)
        tls.settimeout(0.1)
        with suppress(OSError):
            tls.unwrap()

        assert hung_up_on(generous.gateway, tls)
