"""How much work a caller, or a provider, can make with how many bytes: never more than in proportion.

Processor time is compared, not the clock, and with much room: 32 times the input may cost 180 times as much,
where quadratic work would cost a thousand times.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from reference_gateway.config_file import Bounds, Offer
from reference_gateway.content.envelope import read_envelope
from reference_gateway.content.form import EventReader
from reference_gateway.content.meter import EventTooLargeError
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.shapes.chunks import Chunked
from reference_gateway.content.shapes.messages import Messages
from reference_gateway.content.shapes.responses import Responses
from reference_gateway.content.shapes.translated import Translated
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.asgi import Receive, Request, Scope, Send
from reference_gateway.web.faults import RefusalError
from reference_gateway.web.listener import Place
from reference_gateway.web.protocol import BoundedProtocol
from reference_gateway.web.reading import read_body
from tests.reference_gateway.asking import MODEL, offering

TIMES_THE_INPUT = 32
TIMES_THE_WORK = 180
ROUNDS = 3
NOTICEABLE = 0.0005  # seconds

Act = Callable[[], object]


@pytest.fixture(autouse=True, scope="module")
def nothing_else_to_collect() -> None:
    """As in the gateway, whose garbage collector does not look at what was there before it served."""
    gc.collect()
    gc.freeze()


def work(act: Act) -> float:
    """Seconds of processor time, the least of several."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return max(min(spent), NOTICEABLE)


def in_proportion(sized: Callable[[int], Act], size: int) -> bool:
    """Whether more bytes make so much more work."""
    return work(sized(size * TIMES_THE_INPUT)) < TIMES_THE_WORK * work(sized(size))


# --- bodies ------------------------------------------------------------------------------------------------

MODELS = {"m": MODEL}
TRANSLATED = {"m": offering(MODEL, Offer.CHAT)}
PLACES = {
    "input": b'{"model":"m","max_tokens":7,"input":%b}',
    "prompt": b'{"model":"m","max_tokens":7,"prompt":%b}',
    "messages": b'{"model":"m","max_tokens":7,"messages":%b}',
    "content": b'{"model":"m","max_tokens":7,"messages":[{"role":"user","content":%b}]}',
    "tools": b'{"model":"m","max_tokens":7,"messages":[{"role":"user","content":"a"}],"tools":%b}',
    "user": b'{"model":"m","max_tokens":7,"messages":[{"role":"user","content":"a"}],"user":%b}',
}
# Where it stands, and what is repeated, before it, between and after it.
BODIES = {
    "text": ("content", b"hello", b'"', b" ", b'"'),
    "escapes": ("content", b"\\u0001\\n", b'"', b"", b'"'),
    "brackets in text": ("content", b"[{", b'"', b"", b'"'),
    "quotes in text": ("content", b'\\"[', b'"', b"", b'"'),
    "an open string": ("content", b'\\"[', b'"', b"", b""),
    "short strings": ("user", '"é"'.encode(), b"[", b",", b"]"),
    "integers": ("user", b"7", b"[", b",", b"]"),
    "long integers": ("user", b"9" * 500, b"[", b",", b"]"),
    "floats": ("user", b"1e9", b"[", b",", b"]"),
    "one long float": ("user", b"1", b"0.", b"", b"1"),
    "empty lists": ("user", b"[]", b"[", b",", b"]"),
    "empty objects": ("user", b"{}", b"[", b",", b"]"),
    "nested lists": ("user", b"[" * 100 + b"]" * 100, b"[", b",", b"]"),
    "nested objects": ("user", b'{"a":' * 100 + b"1" + b"}" * 100, b"[", b",", b"]"),
    "depth": ("user", b"[", b"", b"", b""),
    "one name": ("user", b'"a":1', b"{", b",", b"}"),
    "spaces": ("user", b" ", b"", b"", b"1"),
    "parts": ("content", b'{"type":"text","text":"a"}', b"[", b",", b"]"),
    "messages": ("messages", b'{"role":"user","content":"a"}', b"[", b",", b"]"),
    "tools": ("tools", b'{"type":"function","function":{"name":"a"}}', b"[", b",", b"]"),
    "tools with types": ("tools", b'{"name":"a","input_schema":{"type":"object"}}', b"[", b",", b"]"),
    "tool uses": ("content", b'{"type":"tool_use","id":"a","name":"b","input":{"c":1}}', b"[", b",", b"]"),
    "tool results": ("content", b'{"type":"tool_result","tool_use_id":"a","content":"b"}', b"[", b",", b"]"),
    "texts": ("input", b'"a"', b"[", b",", b"]"),
    "token ids": ("input", b"1", b"[", b",", b"]"),
    "lists of token ids": ("input", b"[1]", b"[", b",", b"]"),
    "items": ("input", b'{"role":"user","content":"a"}', b"[", b",", b"]"),
    "prompts": ("prompt", b'"a"', b"[", b",", b"]"),
}


def body(case: str, size: int) -> bytes:
    place, unit, before, between, after = BODIES[case]
    filling = before + between.join([unit] * (size // (len(unit) + len(between)))) + after
    return PLACES[place].replace(b"%b", filling)


def read_in_every_shape(raw: bytes) -> None:
    for limited in (True, False):
        for endpoint in (Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES, Endpoint.EMBEDDINGS):
            read(endpoint, raw, MODELS, limited)
        read(Endpoint.MESSAGES, raw, MODELS, limited)
        read(Endpoint.MESSAGES, raw, TRANSLATED, limited)


def read(endpoint: Endpoint, raw: bytes, models: Any, limited: bool) -> None:
    try:
        read_envelope(endpoint, Sealed(raw), models, limited=limited)
    except RefusalError:
        return


@pytest.mark.parametrize("case", BODIES)
def test_a_body_makes_work_in_proportion(case: str) -> None:
    def sized(size: int) -> Act:
        raw = body(case, size)
        return lambda: read_in_every_shape(raw)

    assert in_proportion(sized, 4000)


def test_many_names_make_work_in_proportion() -> None:
    def sized(size: int) -> Act:
        names = b",".join(b'"%08x":1' % number for number in range(size // 13))
        raw = PLACES["user"].replace(b"%b", b"{" + names + b"}")
        return lambda: read_in_every_shape(raw)

    assert in_proportion(sized, 4000)


# --- HTTP --------------------------------------------------------------------------------------------------


class Nowhere(asyncio.Transport):
    """A transport that swallows everything."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, _data: bytes | bytearray | memoryview) -> None:
        """Gone."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """What is fed comes all the same."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class Anywhere:
    """A listener that keeps no count."""

    def waits(self, _place: Place) -> None: ...
    def works(self, _place: Place) -> None: ...
    def frees(self, _place: Place) -> None: ...


async def reads_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(
        method="POST", path="/", query=b"", headers=tuple(scope["headers"]), receive=receive, request_id=1
    )
    await read_body(request, 10_000_000, 60)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


BOUNDS = Bounds(max_head=1_048_576)
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


def fed(pieces: list[bytes]) -> None:
    """One connection that these pieces come on, and the application on its other side."""

    async def converse() -> None:
        config = uvicorn.Config(reads_the_body, http=BoundedProtocol, log_config=None, lifespan="off")
        protocol = BoundedProtocol(config, ServerState(), BOUNDS, Place(cast("Any", Anywhere())))
        protocol.connection_made(Nowhere())
        for count, piece in enumerate(pieces):
            protocol.data_received(piece)
            if count % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        protocol.connection_lost(None)
        await asyncio.sleep(0)

    asyncio.run(converse())


def dripped(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


CONVERSATIONS: dict[str, Callable[[int], list[bytes]]] = {
    "a target in drops": lambda size: dripped(b"GET /" + b"a" * size),
    "a field in drops": lambda size: dripped(POST + b"x: " + b"a" * size),
    "a name in drops": lambda size: dripped(POST + b"a" * size),
    "empty lines in drops": lambda size: dripped(b"\r\n" * (size // 2)),
    "a body in drops": lambda size: dripped(POST + b"content-length: %d\r\n\r\n" % size + b"a" * size),
    "a body in chunks": lambda size: [CHUNKED + b"1\r\na\r\n" * (size // 6)],
    "a body in chunks in drops": lambda size: dripped(CHUNKED + b"1\r\na\r\n" * (size // 6)),
    "a chunk extension in drops": lambda size: dripped(CHUNKED + b"1;" + b"a" * size),
    "a trailer in drops": lambda size: dripped(CHUNKED + b"0\r\nx: " + b"a" * size),
    "many trailers": lambda size: [CHUNKED + b"0\r\n" + b"x: y\r\n" * (size // 6)],
    "many fields": lambda size: [POST + b"x: y\r\n" * (size // 6)],
    "many requests": lambda size: [(POST + b"content-length: 0\r\n\r\n") * (size // 45)],
    "many requests, one by one": lambda size: [POST + b"content-length: 0\r\n\r\n"] * (size // 45),
}


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_a_conversation_makes_work_in_proportion(case: str) -> None:
    def sized(size: int) -> Act:
        pieces = CONVERSATIONS[case](size)
        return lambda: fed(pieces)

    assert in_proportion(sized, 1000)


# --- streams -----------------------------------------------------------------------------------------------

READERS: dict[str, Callable[[], EventReader]] = {
    "chunks": Chunked().stream,
    "responses": Responses().stream,
    "messages": Messages().stream,
    "translated": Translated("m").stream,
}
STREAMS = {
    "an event without an end": b"a",
    "line feeds": b"\n",
    "carriage returns": b"\r",
    "both": b"\r\n",
    "usage and spaces": b'"usage" ',
    "usage": b'data: {"usage":{"prompt_tokens":1}}\n\n',
    "deltas": b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    "the names of ends": b"data: message_delta response.completed\n",
}


def streamed(reader: EventReader, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            reader.feed(Sealed(piece))
    except EventTooLargeError:
        return


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("case", STREAMS)
@pytest.mark.parametrize("length", [7, 5000])
def test_a_stream_makes_work_in_proportion(kind: str, case: str, length: int) -> None:
    def sized(size: int) -> Act:
        stream = STREAMS[case] * (size // len(STREAMS[case]))
        pieces = [stream[at : at + length] for at in range(0, len(stream), length)]
        return lambda: streamed(READERS[kind](), pieces)

    assert in_proportion(sized, 4000)
