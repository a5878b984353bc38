"""The second gateway's edge: threads of `http.server` behind TLS, one way out for every answer."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs

from tests.hosts.second_http import Answer, Call, Ending, Host, RefusalError, Side, error

LINGER_SECONDS = 1.0


class Edge(ThreadingHTTPServer):
    """A listener whose handshakes run in the threads of their connections, so that none holds up another."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        host: Host,
        handler: Any,
        tls: ssl.SSLContext | None,
        side: Side = "both",
    ) -> None:
        self.host = host
        self.side: Side = side
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._mutex = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the name lookup that HTTPServer would make."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "gateway", int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake comes later."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._mutex:
            self._open.add(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then serve."""
        request.settimeout(Handler.timeout)
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Say goodbye, and read on for a moment: closing on unread bytes would reset the answer away."""
        with suppress(OSError, ValueError):
            if isinstance(request, ssl.SSLSocket):
                request.setblocking(False)
                with suppress(OSError):
                    request.unwrap()
            socket.socket.shutdown(request, socket.SHUT_WR)
            self._linger(request)
        with self._mutex:
            self._open.discard(request)
        self.close_request(request)

    @staticmethod
    def _linger(request: socket.socket) -> None:
        until = time.monotonic() + LINGER_SECONDS
        while (left := until - time.monotonic()) > 0:
            request.settimeout(left)
            if not socket.socket.recv(request, 1 << 16):
                return

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is an event without words: a traceback could quote what was sent."""
        self.host.log({"level": "info", "msg": "connection_ended"})

    def serve(self) -> None:
        """Accept until closed."""
        self.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop accepting, cut what is open, and wait for its threads."""
        self.shutdown()
        with self._mutex:
            for connection in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Reads a request, asks the gateway, writes the answer."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Edge
    status = 0
    call: Call
    ending: Ending = "broken"

    def do_GET(self) -> None:
        """Serve a GET."""
        self._exchange()

    def do_POST(self) -> None:
        """Serve a POST."""
        self._exchange()

    def _exchange(self) -> None:
        began = time.monotonic()
        path, _, query = self.path.partition("?")
        pairs = {name: values[-1] for name, values in parse_qs(query).items()}
        call = Call(self.command, path, pairs, self._bearer(), self.headers, b"", self.server.side, query)
        self.call, self.ending, self.status = call, "broken", 0
        try:
            self._serve(call)
        except OSError:
            self.close_connection = True
            self.ending = "left"
        finally:
            self._log(call, began)
            self.server.host.on_end(call, self.status, self.ending)
            call.body = b""  # the connection may stay, with nothing of what was sent over it

    def _serve(self, call: Call) -> None:
        try:
            self._read_body()
            answer = self.server.host.handle(call, self)
        except RefusalError as refusal:
            answer = error(refusal.status)
        if answer is not None:
            self.server.host.on_sent(call, answer.body)
            self._send(answer, call.id)

    def _bearer(self) -> str:
        """The one bearer token; two Authorization headers are none."""
        values = self.headers.get_all("Authorization", [])
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        return token if scheme.lower() == "bearer" else ""

    def _read_body(self) -> None:
        """Exactly the body (RFC 9112, 6.3). What cannot be framed for certain ends the connection."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) > 1:
            self._refuse_framing(400)
        length = lengths[0].strip() if lengths else "0"
        if not (length.isascii() and length.isdigit()):
            self._refuse_framing(400)
        if len(length) > 12 or int(length) > self.server.host.config.largest_body:
            self._refuse_framing(413)
        self.call.body = self.rfile.read(int(length))
        if len(self.call.body) < int(length):
            raise ConnectionAbortedError

    def _refuse_framing(self, status: int) -> None:
        self.close_connection = True
        raise RefusalError(status)

    def _log(self, call: Call, began: float) -> None:
        self.server.host.log({
            "level": "info",
            "msg": "request",
            "method": call.method,
            "route": self.server.host.route_of(call.path),
            "status": self.status,
            "ms": int((time.monotonic() - began) * 1000),
            "token": call.token,
            "prompt_tokens": call.prompt_tokens,
            "completion_tokens": call.completion_tokens,
            "id": call.id,
        })  # fmt: skip

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refusals of http.server itself go the same way out as all others, without its words."""
        self.close_connection = True
        self._send(error(int(code)), secrets.token_hex(8))
        self.server.host.log({"level": "info", "msg": "refused", "status": int(code)})

    def send_response(self, code: int, message: str | None = None) -> None:
        """Start an answer: no banner, and the headers that every answer carries."""
        self.status = int(code)
        self.send_response_only(code)
        self.send_header("Date", self.date_time_string())
        for name, value in self.server.host.security_headers(self.status).items():
            self.send_header(name, value)

    def _send(self, answer: Answer, request_id: str) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Request-Id", request_id)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.ending = "whole"

    def begin(self) -> None:
        """Start a stream; HTTP/1.0 has no chunks, there the end of the connection ends it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if self.request_version == "HTTP/1.0":
            self.send_header("Connection", "close")
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data: bytes) -> None:
        """Send one event."""
        plain = self.request_version == "HTTP/1.0"
        self.server.host.on_sent(self.call, data)
        try:
            self.wfile.write(data if plain else b"%x\r\n%b\r\n" % (len(data), data))
        except OSError:
            self.ending = "left"  # whoever reads from the provider cannot tell whose connection broke
            raise

    def end(self) -> None:
        """End a stream that is complete."""
        if self.request_version != "HTTP/1.0":
            self.wfile.write(b"0\r\n\r\n")
        self.ending = "whole"

    def abort(self) -> None:
        """End a stream that is not: the missing last chunk tells the caller."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that http.server gave it
        """Nothing: what http.server would log is what callers wrote."""


class Redirect(Handler):
    """Clear text: whatever comes, well-formed or not, is sent to https, unread and unechoed."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer 308. Only a known route is repeated, since a path may hold a secret too."""
        path = getattr(self, "path", "").partition("?")[0]
        self.close_connection = True
        self.send_response_only(308)
        self.send_header("Location", self.server.host.https_url(self.server.host.route_of(path)))
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def do_GET(self) -> None:
        """Redirect a GET."""
        self.send_error(308)

    def do_POST(self) -> None:
        """Redirect a POST."""
        self.send_error(308)
