"""A small OpenAI-compatible provider over TLS: raw asyncio, scripted by the model name it is asked for.

It bills on arrival, so `billed` is the ground truth whatever happens afterwards.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROVIDER_KEY = "provider-key-000"
PROMPT_TOKENS = 7


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class StubProvider:
    """What the stub saw, and how it behaves: `script` maps an upstream model name to a behaviour."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    scripts: dict[str, "Script"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/v1"


Script = Callable[[StubProvider, Seen, asyncio.StreamWriter], Any]


def completion_tokens(body: dict[str, Any]) -> int:
    return int(body.get("max_completion_tokens") or body.get("max_tokens") or 5)


def head(status: int, media: str, extra: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\n{extra}".encode()


def json_answer(status: int, value: Any, extra: str = "") -> bytes:
    body = json.dumps(value).encode()
    return head(status, "application/json", extra) + b"content-length: %d\r\n\r\n" % len(body) + body


def event(value: Any) -> bytes:
    data = value if isinstance(value, str) else json.dumps(value)
    return f"data: {data}\n\n".encode()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def usage(body: dict[str, Any]) -> dict[str, int]:
    out = completion_tokens(body)
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": out, "total_tokens": PROMPT_TOKENS + out}


STREAM_HEAD = head(200, "text/event-stream", "transfer-encoding: chunked\r\n") + b"\r\n"


def whole_answer(seen: Seen) -> bytes:
    message = {"role": "assistant", "content": "a fine answer"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json_answer(
        200,
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage(seen.body),
        },
    )


async def ordinary(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """A complete answer, or a stream of three deltas, usage and [DONE]."""
    if not seen.body.get("stream"):
        writer.write(whole_answer(seen))
        return
    writer.write(STREAM_HEAD)
    for text in ("one ", "two ", "three"):
        writer.write(chunked(event(delta(text))))
        await writer.drain()
    writer.write(chunked(event({**delta(""), "choices": [], "usage": usage(seen.body)})))
    writer.write(chunked(event("[DONE]")) + b"0\r\n\r\n")


async def held_stream(stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """One delta, then silence until released, then the rest."""
    writer.write(STREAM_HEAD + chunked(event(delta("first"))))
    await writer.drain()
    await asyncio.get_running_loop().run_in_executor(None, stub.released.wait, 20)
    writer.write(chunked(event({**delta(""), "choices": [], "usage": usage(seen.body)})))
    writer.write(chunked(event("[DONE]")) + b"0\r\n\r\n")


async def clean_early_end(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + chunked(event(delta("half"))) + b"0\r\n\r\n")


async def transport_cut(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + chunked(event(delta("half"))))
    await writer.drain()
    writer.transport.abort()


async def silence(stub: StubProvider, _seen: Seen, _writer: asyncio.StreamWriter) -> None:
    await asyncio.get_running_loop().run_in_executor(None, stub.released.wait, 20)


async def slow(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.3)
    writer.write(whole_answer(seen))


async def overbilling(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    seen.body["max_tokens"] = 1_000_000
    writer.write(whole_answer(seen))


async def without_usage(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(json_answer(200, {"id": "c1", "object": "chat.completion", "choices": []}))


def refusing(status: int, extra: str = "") -> Script:
    async def refuse(_stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        words = {"message": "the provider's own words", "type": "t", "param": None, "code": "c"}
        writer.write(json_answer(status, {"error": words}, extra))

    return refuse


async def _one_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = block.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    raw = await reader.readexactly(int(headers["content-length"]))
    return Seen(first.split()[1], headers, json.loads(raw), raw)


async def _converse(stub: StubProvider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while (seen := await _one_request(reader)) is not None:
            stub.seen.append(seen)
            await stub.scripts.get(seen.body["model"], ordinary)(stub, seen, writer)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


@contextmanager
def running_stub(folder: Path) -> Iterator[StubProvider]:
    """The stub on a thread of its own, with server.pem and server.key from `folder`."""
    stub = StubProvider()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        server = await asyncio.start_server(lambda r, w: _converse(stub, r, w), "127.0.0.1", 0, ssl=context)
        stub.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(10)
    try:
        yield stub
    finally:
        stub.released.set()
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
