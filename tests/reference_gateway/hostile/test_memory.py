"""Nobody can make the gateway use more memory than is stated, whatever is sent on however many connections."""

import asyncio
import json
import socket
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from reference_gateway.config_file import Bounds
from reference_gateway.content.envelope import read_envelope
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web import footprint
from reference_gateway.web.faults import RefusalError
from tests.reference_gateway.asking import MODEL
from tests.reference_gateway.gateway import RunningGateway
from tests.reference_gateway.hostile.conftest import Attacked, attacked
from tests.reference_gateway.hostile.talking import JSON, asked, call
from tests.reference_gateway.hostile.test_deaf_clients import deaf_connection, flood
from tests.reference_gateway.hostile.unharmed import unharmed
from tests.reference_gateway.raw_tls import open_connection
from tests.reference_gateway.stub_provider import (
    STREAM_HEAD,
    Seen,
    StubProvider,
    chunked,
    delta,
    event,
    json_answer,
    whole_answer,
)
from tests.reference_gateway.stub_shapes import everywhere

AT_ONCE = 16
LOOKS = 20
MAX_ANSWER = 4_194_304
BOUNDS = Bounds(max_answer=MAX_ANSWER)
# What an allocator keeps of what was given back, however many connections there were.
KEPT = 16 * 2**20


async def large(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    """The largest answer."""
    writer.write(json_answer(200, {"choices": [], "text": "a" * (MAX_ANSWER - 100)}))


async def late(stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Nothing until released, then a complete answer, or what is left of the stream."""
    if seen.body.get("stream"):
        writer.write(STREAM_HEAD + chunked(event(delta("first"))))
    while not stub.released.is_set():  # noqa: ASYNC110 - set by another thread
        await asyncio.sleep(0.02)
    writer.write(chunked(event("[DONE]")) + b"0\r\n\r\n" if seen.body.get("stream") else whole_answer(seen))


SCRIPTS = {"ordinary": everywhere, "large": large, "flood": flood, "late": late}


@pytest.fixture(scope="module")
def with_large_answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("memory")
    with attacked(folder, f"max_answer = {MAX_ANSWER}\ndrain_seconds = 1.0", SCRIPTS) as roomy:
        yield roomy


@pytest.fixture
def roomy(with_large_answers: Attacked) -> Iterator[Attacked]:
    with_large_answers.provider.released.clear()
    with unharmed(with_large_answers.gateway, with_large_answers.key):
        yield with_large_answers
        with_large_answers.provider.released.set()


def resident(gateway: RunningGateway) -> tuple[int, int]:
    """Bytes of the content worker now, and the most that it ever had."""
    lines = map(json.loads, (gateway.folder / "stdout").read_text().splitlines())
    (pid,) = [event["process"] for event in lines if event["event"] == "worker_started"]
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024


def grown(gateway: RunningGateway, attack: Callable[[ExitStack], None]) -> int:
    """How many bytes the worker had at most, above those before, while all the attackers were there."""
    before, _ = resident(gateway)
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            attack(stack)
        with gateway.client() as client:
            for _ in range(LOOKS):
                assert client.get("/health").status_code == 200
        return resident(gateway)[1] - before


def sent(connection: socket.socket | ssl.SSLSocket, data: bytes) -> None:
    """As much as is taken within a while: the gateway stops reading where it has had enough."""
    connection.settimeout(0.1)
    with suppress(OSError):
        connection.sendall(data)


def body_of(model: str, size: int, stream: bool = False) -> bytes:
    text = "a" * max(size - 150, 1)
    message = {"role": "user", "content": text}
    return json.dumps({"model": model, "stream": stream, "max_tokens": 5, "messages": [message]}).encode()


def in_chunks(data: bytes) -> bytes:
    return data.replace(b"content-length: 0", b"transfer-encoding: chunked")


GREETING = b"\x16\x03\x01\x40\x00\x01\x01\xf0\x00\x03\x03" + b"\1" * 16_378
HEALTH = asked("GET", "/health")
KEYLESS: dict[str, bytes] = {
    "nothing": b"",
    "one long field": b"GET / HTTP/1.1\r\nx: " + b"a" * 32_000,
    "one field that is too long": b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000_000,
    "many fields": b"GET / HTTP/1.1\r\n" + b"xy: ab\r\n" * 250,
    "too many fields": b"GET / HTTP/1.1\r\n" + b"xy: ab\r\n" * 2_000_000,
    "a row of requests": HEALTH * 60_000,
    "a row of requests that are refused": asked("POST", "/v1/messages", JSON, b"a" * 1000) * 3000,
    "an unwanted body": asked("POST", "/v1/messages", JSON, b"a" * 5_000_000),
    "unwanted chunks": in_chunks(asked("POST", "/v1/messages", JSON)) + b"1\r\na\r\n" * 200_000,
    "unwanted trailers": in_chunks(asked("POST", "/v1/messages", JSON)) + b"0\r\n" + b"x: y\r\n" * 2_000_000,
}


@pytest.mark.parametrize("case", KEYLESS)
def test_without_a_key_little_is_kept(roomy: Attacked, case: str) -> None:
    def attack(stack: ExitStack) -> None:
        sent(stack.enter_context(open_connection(roomy.gateway)), KEYLESS[case])

    assert grown(roomy.gateway, attack) < AT_ONCE * footprint.without_a_key(BOUNDS) + KEPT


@pytest.mark.parametrize("records", [0, 1, 8, 100])
def test_without_a_handshake_little_is_kept(roomy: Attacked, records: int) -> None:
    def attack(stack: ExitStack) -> None:
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", roomy.gateway.port), timeout=15))
        sent(
            plain,
            GREETING[: records * 100_000] + b"\x16\x03\x01\x40\x00" * records + b"\1" * 16_384 * records,
        )

    assert grown(roomy.gateway, attack) < AT_ONCE * footprint.without_a_key(BOUNDS) + KEPT


KEYED: dict[str, Callable[[str], bytes]] = {
    "half a body": lambda key: call(key, body_of("ordinary", BOUNDS.max_body))[:-1],
    "half a body in chunks": lambda key: in_chunks(call(key, b"")) + b"1\r\n \r\n" * 200_000,
    "a body whose answer is awaited": lambda key: call(key, body_of("late", BOUNDS.max_body)),
    "a body that is spelled longer": lambda key: call(
        key,
        body_of("late", 0).replace(
            b"}]", b'}],"x":[%b]' % b",".join([b"1e15"] * (BOUNDS.max_body // 5 - 50))
        ),
    ),
    "a row of large bodies": lambda key: (
        call(key, body_of("late", 0)) + call(key, body_of("ordinary", BOUNDS.max_body)) * 5
    ),
    "a stream": lambda key: call(key, body_of("late", 0, stream=True)),
    "a stream and a row behind it": lambda key: call(key, body_of("late", 0, stream=True)) + HEALTH * 60_000,
    "a stream that is not read": lambda key: call(key, body_of("flood", 0, stream=True)),
    "a large answer that is not read": lambda key: call(key, body_of("large", 0)),
    "large answers that are not read": lambda key: call(key, body_of("large", BOUNDS.max_body)) * 4,
}


@pytest.mark.parametrize("case", KEYED)
def test_with_a_key_as_much_is_kept_as_is_stated(roomy: Attacked, case: str) -> None:
    data = KEYED[case](roomy.key)

    def attack(stack: ExitStack) -> None:
        sent(stack.enter_context(deaf_connection(roomy.gateway)), data)

    most = AT_ONCE * footprint.with_a_key(BOUNDS) + footprint.in_passing(BOUNDS) + KEPT
    assert grown(roomy.gateway, attack) < most


UNITS = {
    "lists": b"[],",
    "lists in lists": b"[[]],",
    "deep lists": b"[" * 200 + b"]" * 200 + b",",
    "objects": b'{"a":{}},',
    "deep objects": b'{"a":' * 200 + b"1" + b"}" * 200 + b",",
    "short strings": b'"ab",',
    "strings outside of Latin": '"\U0001f600",'.encode(),
    "integers": b"999,",
    "floats": b"1e9,",
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("most", [400_000, 4_000_000])
def test_what_is_understood_takes_no_more_than_is_stated(unit: str, most: int) -> None:
    before = b'{"model":"m","messages":[{"role":"user","content":"a"}],"user":['
    content = Sealed(before + UNITS[unit] * (most // len(UNITS[unit])) + b"0]}")

    tracemalloc.start()
    with suppress(RefusalError):
        read_envelope(Endpoint.CHAT, content, {"m": MODEL}, limited=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < footprint.in_passing(Bounds(max_body=most))


def test_names_that_differ_take_no_more_than_is_stated() -> None:
    names = b",".join(b'"%07x":1' % number for number in range(300_000))
    content = Sealed(b'{"model":"m","messages":[{"role":"user","content":"a"}],"user":{' + names + b"}}")

    tracemalloc.start()
    read_envelope(Endpoint.CHAT, content, {"m": MODEL}, limited=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < footprint.in_passing(Bounds(max_body=len(content)))
