"""Small deployments with known truth: one listener each, that looks at a ClientHello and decides what to do
with it.
"""

import contextlib
import itertools
import re
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.witness.pki import Authority, make_authority
from tests.transport.hellos import Seen, first_record, peek, take

Handler = Callable[[socket.socket, int], None]
"""Gets the accepted connection and its number, from 0; the connection is closed afterwards."""

_VERSIONS = {
    0x0301: ssl.TLSVersion.TLSv1,
    0x0302: ssl.TLSVersion.TLSv1_1,
    0x0303: ssl.TLSVersion.TLSv1_2,
    0x0304: ssl.TLSVersion.TLSv1_3,
}


class Certificates:
    """An authority and server contexts with its certificate for localhost and 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.authority: Authority = make_authority(folder)

    def trust(self) -> ssl.SSLContext:
        """A context that trusts this authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.authority.root))

    def context(self, oldest: int, newest: int, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A server context for wire versions 0x0301 to 0x0304."""
        return server_context(self.authority.certificate, self.authority.private_key, oldest, newest, alpn)


def server_context(
    chain: Path, key: Path, oldest: int, newest: int, alpn: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """A server context for wire versions 0x0301 to 0x0304, with every suite that OpenSSL has left."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(chain, key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = _VERSIONS[oldest], _VERSIONS[newest]
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@contextmanager
def listening(handler: Handler, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve every connection in a thread of its own; yields the port."""
    with socket.create_server((address, port), backlog=128) as listener:
        stopping = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, handler, stopping))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopping.set()
            with contextlib.suppress(OSError), socket.create_connection(listener.getsockname()[:2]):
                thread.join()  # it is woken by a last connection


def _accept(listener: socket.socket, handler: Handler, stopping: threading.Event) -> None:
    number, workers = 0, []
    while True:
        connection, _ = listener.accept()
        if stopping.is_set():
            connection.close()
            break
        connection.settimeout(5)
        worker = threading.Thread(target=_handle, args=(handler, connection, number))
        worker.start()
        workers.append(worker)
        number += 1
    for worker in workers:
        worker.join()


def _handle(handler: Handler, connection: socket.socket, number: int) -> None:
    with connection, contextlib.suppress(OSError):
        handler(connection, number)


def tls(context: ssl.SSLContext, serve: Callable[[ssl.SSLSocket], None] | None = None) -> Handler:
    """Shake hands, then `serve` or wait for the peer to leave."""

    def handle(connection: socket.socket, number: int) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secure:
            if serve is not None:
                serve(secure)
            else:
                secure.recv(1)

    return handle


def choosing(choose: Callable[[Seen, int], Handler]) -> Handler:
    """Look at the ClientHello without taking it, and let somebody else answer."""

    def handle(connection: socket.socket, number: int) -> None:
        hello = peek(connection)
        if hello is not None:
            choose(hello, number)(connection, number)

    return handle


def old_hellos(answer: Handler, otherwise: Handler) -> Handler:
    """Treat hellos below TLS 1.3 in a way of their own."""
    return choosing(lambda seen, number: answer if seen.version < 0x0304 else otherwise)


def pool(size: int, version: int, worst: Handler, others: Handler) -> Handler:
    """As many servers that take turns at hellos for a version, one of which is unlike the others."""
    turn = itertools.count(1)
    return choosing(
        lambda seen, number: worst if seen.version == version and next(turn) % size == 0 else others
    )


def alert(code: int, level: int = 2, warning: int | None = None) -> Handler:
    """Read the hello and answer with one alert, after a warning where one is given."""
    before = b"" if warning is None else bytes((21, 3, 3, 0, 2, 1, warning))
    return _after_hello(lambda c: c.sendall(before + bytes((21, 3, 3, 0, 2, level, code))))


def close(connection: socket.socket, number: int) -> None:
    """Read the hello and close."""
    take(connection)


def reset(connection: socket.socket, number: int) -> None:
    """Read the hello and reset."""
    take(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection: socket.socket, number: int) -> None:
    """Read and never answer, longer than anybody waits."""
    connection.settimeout(60)
    while connection.recv(4096):
        pass


def dribble(connection: socket.socket, number: int) -> None:
    """The first bytes of a ServerHello record, one by one, and never the rest."""
    take(connection)
    for byte in (22, 3, 3, 0, 80, 2):
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)
    silence(connection, number)


def garbage(connection: socket.socket, number: int) -> None:
    """Something that is not TLS."""
    take(connection)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def server_hello_then_alert(connection: socket.socket, number: int) -> None:
    """A ServerHello of TLS 1.2, and handshake_failure before anything else."""
    take(connection)
    body = b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\xc0\x2f" + b"\x00"
    hello = b"\x02" + len(body).to_bytes(3, "big") + body
    connection.sendall(
        b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello + bytes((21, 3, 3, 0, 2, 2, 40))
    )


def ssl3_flight(connection: socket.socket, number: int) -> None:
    """A whole server flight of SSLv3, anonymous: ServerHello and ServerHelloDone."""
    take(connection)
    body = b"\x03\x00" + bytes(range(32)) + b"\x00" + b"\x00\x1b" + b"\x00"
    flight = b"\x02" + len(body).to_bytes(3, "big") + body + b"\x0e\x00\x00\x00"
    connection.sendall(b"\x16\x03\x00" + len(flight).to_bytes(2, "big") + flight)
    connection.recv(1)


def ssl2_hello(connection: socket.socket, number: int) -> None:
    """A SERVER-HELLO of SSLv2 with a certificate of one byte and one kind of cipher."""
    take(connection)
    message = b"\x04\x00\x01\x00\x02\x00\x01\x00\x03\x00\x10" + b"\x30" + bytes.fromhex("010080") + bytes(16)
    connection.sendall((0x8000 | len(message)).to_bytes(2, "big") + message)
    connection.recv(1)


def ssl2_error(connection: socket.socket, number: int) -> None:
    """SSLv2's own way to say that no kind of cipher is shared."""
    take(connection)
    connection.sendall(b"\x80\x03\x00\x00\x01")


def answering(answer: Callable[[bytes], bytes]) -> Handler:
    """Answer a record with bytes made of it, then wait for the peer to leave."""

    def handle(connection: socket.socket, number: int) -> None:
        record = first_record(connection)
        take(connection)
        connection.sendall(answer(record))
        connection.recv(1)

    return handle


def by_record(choose: Callable[[bytes], Handler]) -> Handler:
    """Look at the first record without taking it, and let somebody else answer."""

    def handle(connection: socket.socket, number: int) -> None:
        record = first_record(connection)
        if record:
            choose(record)(connection, number)

    return handle


def _after_hello(act: Callable[[socket.socket], None]) -> Handler:
    def handle(connection: socket.socket, number: int) -> None:
        take(connection)
        act(connection)

    return handle


Respond = Callable[[bytes], bytes]
"""From a request head to a whole answer; an empty answer closes the connection."""


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """One HTTP/1.1 answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def speaks_http(respond: Respond) -> Callable[[socket.socket], None]:
    """Read request after request and answer them, until the peer has gone or an empty answer closes the connection."""

    def serve(connection: socket.socket) -> None:
        data, more = b"", b" "
        while more:
            while (need := _lacking(data)) and (more := connection.recv(65536)):
                data += more
            if not need or data:
                told = respond(data)
                if not told:
                    return
                connection.sendall(told)
                data = b""

    return serve


def _lacking(data: bytes) -> bool:
    """Whether a request is not whole; a body that is only announced is never waited for."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *([0-9]{1,6})\r?$", head)
    return not end or (length is not None and len(body) < int(length[1]))


def http(respond: Respond) -> Handler:
    """HTTP in clear text."""
    return lambda connection, number: speaks_http(respond)(connection)


def either(secure: Handler, clear: Handler) -> Handler:
    """A port that tells TLS from clear text by the first byte."""

    def handle(connection: socket.socket, number: int) -> None:
        first = connection.recv(1, socket.MSG_PEEK)
        (secure if first == b"\x16" else clear)(connection, number)

    return handle
