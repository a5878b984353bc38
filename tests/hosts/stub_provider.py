"""A provider for the tests of the second gateway: obeys one word in the prompt, and remembers what it got."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROMPT_TOKENS, COMPLETION_TOKENS = 7, 5
WORDS = ("a", " tiny", " tale")
USAGE = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS, "total_tokens": 12}
# What the endpoints beside chat answer, by path.
OTHERS: dict[str, object] = {
    "/v1/completions": {"choices": [{"text": "a tiny tale"}], "usage": USAGE},
    "/v1/embeddings": {"data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": PROMPT_TOKENS}},
    "/v1/messages": {"usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": COMPLETION_TOKENS}},
}
MESSAGE_EVENTS = (
    {"type": "message_start", "message": {"usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a tiny tale"}},
    {"type": "message_delta", "usage": {"output_tokens": COMPLETION_TOKENS}},
    {"type": "message_stop"},
)


@dataclass(slots=True)
class Ledger:
    """What reached the provider: the truth about enforcement."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    silence: threading.Event = field(default_factory=threading.Event)


class Provider(BaseHTTPRequestHandler):
    """Answers requests; of chat, `fail`, `cut` and `hang` in the prompt do what they say."""

    protocol_version = "HTTP/1.1"
    ledger: Ledger

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.ledger.bodies.append(body)
        self.ledger.headers.append(self.headers)
        if self.path in OTHERS and body.get("stream"):
            self._events(MESSAGE_EVENTS)
        elif self.path in OTHERS:
            self._whole(200, OTHERS[self.path])
        else:
            self._chat(body)

    def _chat(self, body: dict[str, Any]) -> None:
        prompt = str(body["messages"][-1]["content"])
        if "fail" in prompt:
            self._whole(500, {"error": {"message": f"cannot do {prompt}"}})
        elif body.get("stream"):
            self._stream(prompt)
        else:
            text = "".join(WORDS)
            self._whole(200, {**_head("chat.completion"), "choices": [_choice(text)], "usage": USAGE})

    def _whole(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _events(self, events: Iterable[object]) -> None:
        self._begin()
        for event in events:
            self._event(event)
        self.wfile.write(b"0\r\n\r\n")

    def _stream(self, prompt: str) -> None:
        self._begin()
        for word in WORDS:
            choices = [{"index": 0, "delta": {"content": word}, "finish_reason": None}]
            self._event({**_head("chat.completion.chunk"), "choices": choices, "usage": None})
        if "hang" in prompt:
            self.ledger.silence.wait(30)
        if "cut" in prompt or "hang" in prompt:
            self.close_connection = True
            return
        self._event({**_head("chat.completion.chunk"), "choices": [], "usage": USAGE})
        self._chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, value: object) -> None:
        self._chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that http.server gave it
        """Say nothing."""


def _head(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "tiny-1"}


def _choice(text: str) -> dict[str, object]:
    return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A gateway may hang up."""


@contextmanager
def provider(certificate: Path, private_key: Path) -> Iterator[tuple[str, Ledger]]:
    """A provider on a free port, over TLS: its base URL, and its ledger."""
    ledger = Ledger()
    server = _Server(("127.0.0.1", 0), type("Scripted", (Provider,), {"ledger": ledger}))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private_key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/v1", ledger
    finally:
        ledger.silence.set()
        server.shutdown()
        server.server_close()
        thread.join()
