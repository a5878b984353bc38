"""The cheapest provider that a gateway accepts: TLS 1.3, one answer for everybody, whole or as a paced event stream.

A process of its own, so that nothing it costs is counted with what is measured:
`python -m tests.bench.gateway_provider CERTIFICATE KEY EVENTS INTERVAL` prints its port. Usage is always in
the answer, so that a gateway settles every call as metered.
"""

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvloop

from conformance.witness.pki import make_authority
from tests.bench.gateway_processes import cores_apart, on_cores

MODEL = "demo-model"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": *true')
_PROMPT_TOKENS, _COMPLETION_TOKENS = 250, 16
_TEXT = "The quick answer is that it depends on what you would like to see measured, and on which day. " * 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stream comes: this many events, one each `interval` seconds, the first at once."""

    events: int
    interval: float


_NO_STREAMS = Pace(events=1, interval=0)


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider: its port on 127.0.0.1, and the certificate (PEM) to trust.

    Servers that call it keep their files in `folder`, and run on `cores`.
    """

    port: int
    authority: Path
    folder: Path
    cores: frozenset[int]

    @property
    def url(self) -> str:
        """What a gateway is configured with."""
        return f"https://127.0.0.1:{self.port}/v1"


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder on a disk, gone after the block. What is in /tmp may be in memory, where every flush is free."""
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-", dir="/var/tmp") as name:
        yield Path(name)


@contextmanager
def provider(pace: Pace = _NO_STREAMS, *, apart: bool = False) -> Iterator[Provider]:
    """A provider, until the end of the block; its folder goes with it.

    `apart` keeps it and this process off the core that its callers get: for measurements of processor time.
    """
    everywhere = frozenset(os.sched_getaffinity(0))
    theirs, ours = cores_apart() if apart else (everywhere, everywhere)
    with new_folder() as folder, on_cores(ours):
        authority = make_authority(folder / "provider")
        files = (str(authority.certificate), str(authority.private_key))
        command = [sys.executable, "-m", __name__, *files, str(pace.events), str(pace.interval)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield Provider(int(process.stdout.readline()), authority.root, folder, theirs)
            finally:
                process.terminate()


def _event(delta: dict[str, str], **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    fields = {
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [choice],
    }
    return b"data: " + json.dumps({"id": "chatcmpl-1", **fields, **more}).encode() + b"\n\n"


def _piece(data: bytes) -> bytes:
    """One chunk of a chunked body, RFC 9112, 7.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _usage(completion: int) -> dict[str, int]:
    return {
        "prompt_tokens": _PROMPT_TOKENS,
        "completion_tokens": completion,
        "total_tokens": _PROMPT_TOKENS + completion,
    }


def _whole_answer() -> bytes:
    message = {"role": "assistant", "content": _TEXT}
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _usage(_COMPLETION_TOKENS),
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


_WHOLE = _whole_answer()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_WORD = _piece(_event({"content": " word"}))


def _ending(events: int) -> bytes:
    usage = _event({}, choices=[], usage=_usage(events))
    return _piece(usage) + _piece(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class _Answering(asyncio.Protocol):
    """One connection, kept alive; requests one after another."""

    _transport: asyncio.Transport

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._ending = _ending(pace.events)
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(self._received) < end:
            return
        streamed = _STREAMED.search(self._received, head)
        self._received = self._received[end:]
        if streamed:
            self._transport.write(_HEAD)
            self._next(0, asyncio.get_running_loop().time())
        else:
            self._transport.write(_WHOLE)

    def _next(self, sent: int, due: float) -> None:
        """Write the event that is due. Times are reckoned from the first, so that delays do not add up."""
        if self._transport.is_closing():
            return
        if sent == self._pace.events:
            self._transport.write(self._ending)
            return
        self._transport.write(_WORD)
        due += self._pace.interval
        asyncio.get_running_loop().call_at(due, self._next, sent + 1, due)


async def _serve(certificate: str, private_key: str, pace: Pace) -> None:
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, private_key)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Answering(pace), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, _certificate, _private_key, _events, _interval = sys.argv
    uvloop.run(_serve(_certificate, _private_key, Pace(int(_events), float(_interval))))
