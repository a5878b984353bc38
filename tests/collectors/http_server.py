"""An HTTPS server of a test's own: it answers by path, counts what it is asked, and can stream until it is told to end."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conformance.witness.pki import make_authority

Answer = tuple[int, bytes]  # status and body


@dataclass(slots=True)
class Desk:
    """What is answered on each path, and what was asked. `streams` are sent piece by piece."""

    answers: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict)
    streams: dict[str, Callable[[], Iterator[bytes]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        """A path as it is asked for."""
        return f"https://localhost:{self.port}{path}"


@contextmanager
def http_server(folder: Path, desk: Desk) -> Iterator[Desk]:
    """Serve a desk; the authority to trust is `folder/ca.pem`."""
    authority = make_authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.private_key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            desk.asked.append((self.path, dict(self.headers.items())))
            if self.path in desk.streams:
                self._stream(desk.streams[self.path]())
                return
            answer = desk.answers.get(self.path, (404, b"nothing here"))
            status, body = answer() if callable(answer) else answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, pieces: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True  # the reader left

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[ssl.SSLSocket, object]:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, *_: object) -> None:
            """Whoever leaves early is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        desk.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield desk
        finally:
            server.shutdown()
            thread.join()
