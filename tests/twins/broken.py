"""Broken targets: nothing can be concluded about what stands behind them, so nothing may be concluded."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Final

from tests.twins.registry import Host, broken

_PATIENCE: Final = 60.0  # seconds; longer than any audit of a broken target
_HOSTS: Final[tuple[Host, ...]] = ("reference", "second")

# Serves one connection: (the connection, how many there were before it, the port of the host behind).
Serve = Callable[[socket.socket, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """What is wrong with the way to a host, which is itself as it should be.

    `serve` stands before the host; `refuses` leaves nobody listening; `dies_at` names the observation at whose beginning
    the host is killed.
    """

    serve: Serve | None = None
    refuses: bool = False
    dies_at: str = ""

    @contextmanager
    def before(self, port: int) -> Iterator[int]:
        """The port at which an audit meets the host that listens on `port`."""
        if self.refuses:
            with socket.socket() as reserved:  # bound and not listening: connections to it are refused
                reserved.bind(("127.0.0.1", 0))
                yield reserved.getsockname()[1]
        elif self.serve is not None:
            with _standing_before(port, self.serve) as own:
                yield own
        else:
            yield port


@contextmanager
def _standing_before(port: int, serve: Serve) -> Iterator[int]:
    numbers = count()
    over = threading.Event()

    class Between(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                serve(self.request, next(numbers), port)

    class Server(ThreadingTCPServer):
        daemon_threads = False
        request_queue_size = 128

        def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
            request.settimeout(_PATIENCE)
            threading.Thread(target=_until, args=(over, request), daemon=True).start()
            super().process_request(request, client_address)

    with Server(("127.0.0.1", 0), Between) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        over.set()  # wakes whatever still waits for its peer
        server.shutdown()
        thread.join()


def _until(over: threading.Event, connection: socket.socket) -> None:
    over.wait(_PATIENCE)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _hang(connection: socket.socket, _number: int, _port: int) -> None:
    """Accepts, reads, and never says a word."""
    while connection.recv(65536):
        continue


def _garbage(connection: socket.socket, _number: int, _port: int) -> None:
    connection.recv(65536)
    connection.sendall(b"\x00\xffnothing that anybody speaks\r\n" * 4)


def _every_third_dropped(connection: socket.socket, number: int, port: int) -> None:
    if number % 3 != 2:
        _carry(connection, port)


def _carry(connection: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as host:
        back = threading.Thread(target=_pump, args=(host, connection))
        back.start()
        _pump(connection, host)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


for _host in _HOSTS:
    broken("refuses-connections", host=_host)(Breakage(refuses=True))
    # It never answers: waiting as long as for a slow gateway would show no more.
    broken("accepts-and-hangs", host=_host, limits={"timeout": 2})(Breakage(serve=_hang))
    broken("answers-garbage", host=_host)(Breakage(serve=_garbage))
    broken("drops-every-third-connection", host=_host)(Breakage(serve=_every_third_dropped))
    broken("dies-while-keys-are-probed", host=_host, about=("K1", "K3"))(
        Breakage(dies_at="End keys and see how long they live on")
    )
    broken("dies-while-money-is-spent", host=_host, about=("S1",))(
        Breakage(dies_at="Spend keys by calls that arrive at once")
    )
    broken("dies-during-the-campaign", host=_host, about=("Z1",))(
        Breakage(dies_at="Send canaries in every field along every path")
    )
