"""What the stub provider answers on every way: canaries wherever an answer has room for a text.

Scripts that hold a call back go on when `released` is set, or when the gateway hangs up.
"""

import asyncio
import gzip
import json
from collections.abc import Mapping
from typing import Any

from tests.reference_gateway import stub_shapes
from tests.reference_gateway.leaks.canaries import Say
from tests.reference_gateway.stub_provider import (
    Script,
    Seen,
    StubProvider,
    chunked,
    event,
    head,
    usage,
)

OVERSIZED = 200_000  # bytes; above every bound of the campaign

_CLOSED = frozenset({"type", "object", "role", "status", "finish_reason", "stop_reason"})
_LOOK = 0.02  # seconds between looks at whether to go on


class Answers:
    """The scripts, by model name."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.scripts: Mapping[str, Script] = {
            "well": self._well,
            "held": self._held,
            "stalls": self._stalls,
            "silent": self._silent,
            "trickles": self._trickles,
            "ends-early": self._ends_early,
            "cut-at-once": self._cut_at_once,
            "cut-in-head": self._cut_in_head,
            "cut-in-body": self._cut_in_body,
            "cut-in-stream": self._cut_in_stream,
            "malformed": self._malformed,
            "malformed-stream": self._malformed_stream,
            "stream-error": self._stream_error,
            "oversized": self._oversized,
            "oversized-event": self._oversized_event,
            "no-http": self._no_http,
            "huge-head": self._huge_head,
            "compressed": self._compressed,
            "plain-text": self._plain_text,
            "redirects": self._redirects,
            "html-400": self._html(400),
            "html-502": self._html(502),
            "wrong-usage": self._wrong_usage,
            **{f"refuses-{status}": self._refuses(status) for status in (400, 401, 403, 404, 413, 422, 429)},
            **{f"fails-{status}": self._refuses(status) for status in (500, 503)},
        }

    # --- answers as they should be ---

    async def _well(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        if not seen.body.get("stream"):
            self._put(writer, 200, "application/json", json.dumps(self._whole(seen)).encode())
            return
        self._begin(writer)
        for data in self._events(seen):
            writer.write(chunked(data))
        writer.write(b"0\r\n\r\n")

    async def _held(self, stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        """One event, the others when released."""
        first, *rest = self._events(seen)
        self._begin(writer)
        writer.write(chunked(first))
        # The event is one of threads, which a loop cannot wait for.
        while not stub.released.is_set() and not writer.is_closing():
            # A sign of life, so that nobody's patience ends.
            writer.write(chunked(b": wait\n\n"))
            await asyncio.sleep(10 * _LOOK)
        writer.write(b"".join(map(chunked, rest)) + b"0\r\n\r\n")

    # --- answers that do not come, or not to an end ---

    async def _stalls(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        writer.write(chunked(self._events(seen)[0]))
        await _hung_up(writer)

    async def _silent(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        await _hung_up(writer)

    async def _trickles(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        """Never silent for long, and never done."""
        self._begin(writer)
        while not writer.is_closing():
            writer.write(chunked(self._events(seen)[0]))
            await asyncio.sleep(10 * _LOOK)

    async def _ends_early(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        writer.write(chunked(self._events(seen)[0]) + b"0\r\n\r\n")

    async def _cut_at_once(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def _cut_in_head(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, "application/json", f"x-{self._say('cut header')}: {self._say('cut')}"))
        await _cut(writer)

    async def _cut_in_body(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        data = json.dumps(self._whole(seen)).encode()
        writer.write(head(200, "application/json", f"content-length: {len(data)}\r\n\r\n") + data[:-50])
        await _cut(writer)

    async def _cut_in_stream(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        writer.write(chunked(self._events(seen)[0] + b'data: {"half": "' + self._say("cut").encode()))
        await _cut(writer)

    # --- answers that say something else ---

    async def _malformed(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._put(writer, 200, "application/json", f'{{"id": "{self._say("malformed")}", \xff'.encode())

    async def _malformed_stream(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        named = (
            f"event: {self._say('event name')}\nid: {self._say('event id')}\ndata: {{{self._say('data')}\n\n"
        )
        writer.write(chunked(f": {self._say('comment')}\n\n".encode() + named.encode()) + b"0\r\n\r\n")

    async def _stream_error(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        error = {"type": "error", "error": {"message": self._echo(seen), "type": self._say("error type")}}
        writer.write(chunked(b"event: error\n" + event(error)) + b"0\r\n\r\n")

    async def _oversized(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._put(writer, 200, "application/json", self._long("oversized"))

    async def _oversized_event(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        writer.write(chunked(b"data: " + self._long("oversized event")))
        await _hung_up(writer)

    async def _no_http(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(self._echo(seen).encode())
        await _hung_up(writer)

    async def _huge_head(self, _stub: StubProvider, _seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, "application/json", f"x-{self._say('header name')}: ") + self._long("header"))
        await _hung_up(writer)

    async def _compressed(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        data = gzip.compress(json.dumps(self._whole(seen)).encode())
        self._put(writer, 200, "application/json", data, "content-encoding: gzip\r\n")

    async def _plain_text(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self._put(writer, 200, "text/plain", self._echo(seen).encode())

    async def _redirects(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        place = f"location: https://127.0.0.1:1/{self._say('location')}\r\n"
        self._put(writer, 307, "text/plain", self._echo(seen).encode(), place)

    async def _wrong_usage(self, _stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        counts = {"prompt_tokens": self._say("prompt tokens"), "completion_tokens": -1, "output_tokens": []}
        value = {**self._whole(seen), "usage": counts}
        self._put(writer, 200, "application/json", json.dumps(value).encode())

    def _refuses(self, status: int) -> Script:
        """An error that quotes the prompt."""

        async def refuse(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
            words = {"message": self._echo(seen), "type": "t", "param": self._say("param"), "code": "c"}
            data = json.dumps({"type": "error", "error": words}).encode()
            self._put(
                writer, status, "application/json", data, f"retry-after: {self._say('retry after')}\r\n"
            )

        return refuse

    def _html(self, status: int) -> Script:
        async def refuse(_stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
            self._put(writer, status, "text/html", f"<h1>{self._echo(seen)}</h1>".encode())

        return refuse

    # --- pieces ---

    def _put(
        self, writer: asyncio.StreamWriter, status: int, media: str, data: bytes, extra: str = ""
    ) -> None:
        writer.write(
            head(status, media, f"{self._fields()}{extra}content-length: {len(data)}\r\n\r\n") + data
        )

    def _begin(self, writer: asyncio.StreamWriter) -> None:
        fields = f"{self._fields()}transfer-encoding: chunked\r\n\r\n"
        writer.write(head(200, "text/event-stream", fields))

    def _fields(self) -> str:
        say = self._say
        named = f"x-{say('header name')}: {say('header value')}\r\nx-request-id: {say('request id')}\r\n"
        return f"{named}server: {say('server')}\r\nset-cookie: {say('cookie name')}={say('cookie value')}\r\n"

    def _echo(self, seen: Seen) -> str:
        return f"{self._say('message')}: {seen.raw.decode()}"

    def _long(self, field: str) -> bytes:
        word = self._say(field).encode()
        return word * (OVERSIZED // len(word))

    def _whole(self, seen: Seen) -> dict[str, Any]:
        filled: dict[str, Any] = self._filled(stub_shapes._WHOLE.get(seen.path, _completion)(seen))
        return filled

    def _events(self, seen: Seen) -> list[bytes]:
        """At least two."""
        named = stub_shapes._EVENTS.get(seen.path)
        if named is None:
            chunks = [event(self._filled(chunk)) for chunk in _chunks(seen)]
            return [f": {self._say('comment')}\n\n".encode() + chunks[0], *chunks[1:], event("[DONE]")]
        return [b"event: %b\n%b" % (name.encode(), event(self._filled(data))) for name, data in named(seen)]

    def _filled(self, value: Any, place: str = "answer") -> Any:
        """Every text but those of closed lists becomes a canary, and every object has one more."""
        match value:
            case str():
                return self._say(place)
            case list():
                return [self._filled(one, place) for one in value]
            case dict():
                filled = {
                    name: one if name in _CLOSED else self._filled(one, name) for name, one in value.items()
                }
                return {**filled, self._say(f"name in {place}"): self._say(f"value in {place}")}
            case _:
                return value


def _completion(seen: Seen) -> dict[str, Any]:
    function = {"name": "tool", "arguments": "{}"}
    message = {
        "role": "assistant",
        "content": "text",
        "refusal": "text",
        "reasoning_content": "text",
        "tool_calls": [{"id": "call", "type": "function", "function": function}],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": ["text"]}}
    kept = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "f"}
    return {**kept, "choices": [choice], "usage": usage(seen.body)}


def _chunks(seen: Seen) -> list[dict[str, Any]]:
    call = {"index": 0, "id": "call", "type": "function", "function": {"name": "tool", "arguments": "{}"}}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": "text"},
        {"reasoning_content": "text"},
        {"tool_calls": [call]},
    ]
    kept = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [
        {**kept, "choices": [{"index": 0, "delta": delta, "text": "text", "finish_reason": None}]}
        for delta in deltas
    ]
    return [*chunks, {**kept, "choices": [], "usage": usage(seen.body)}]


async def _hung_up(writer: asyncio.StreamWriter) -> None:
    # A script has no reader, whose end it could wait for.
    while not writer.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)


async def _cut(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    writer.transport.abort()
