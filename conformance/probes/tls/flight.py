"""What a server says after a ClientHello, read from bytes: records, alerts, ServerHello, the end of its
flight.

Pure, and safe on anything: whatever is not TLS makes `garbage`, whatever is not there yet makes an
unsettled flight.
"""

from dataclasses import dataclass

from conformance.model.transport import Version

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_SERVER_HELLO, _SERVER_HELLO_DONE = 2, 14
_LONGEST_RECORD = 2**14 + 2048  # RFC 5246, 6.2.3
_CLOSE_NOTIFY = 0
_SUPPORTED_VERSIONS = 43


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server's choice. `wire` is its version as a number, from supported_versions where that stands (RFC
    8446, 4.2.1).
    """

    wire: int
    suite: int


@dataclass(frozen=True, slots=True)
class Flight:
    """As much of the server's flight as has arrived.

    `alert` is the first fatal alert or close_notify; other warnings are collected and passed over, since a
    server may warn (unrecognized_name, RFC 6066, 3) and go on.
    """

    hello: ServerHello | None = None
    done: bool = False
    alert: int | None = None
    warnings: tuple[int, ...] = ()
    garbage: bool = False

    @property
    def complete(self) -> bool:
        """The server agreed to a version, as far as it can without us: ServerHelloDone, or any ServerHello
        of 1.3.
        """
        return self.hello is not None and (self.done or self.hello.wire == Version.TLS13.wire)

    @property
    def settled(self) -> bool:
        """Nothing that may still come would change the answer."""
        return self.complete or self.alert is not None or self.garbage


def read_flight(data: bytes) -> Flight:
    """Read a server's bytes from the first. Reading a longer prefix of the same bytes never takes back what
    was settled.
    """
    position, handshake = 0, b""
    warnings: tuple[int, ...] = ()
    while len(data) - position >= 5:
        kind, major = data[position], data[position + 1]
        length = int.from_bytes(data[position + 3 : position + 5], "big")
        if (
            not _CHANGE_CIPHER_SPEC <= kind <= _APPLICATION_DATA
            or major != 3
            or not 0 < length <= _LONGEST_RECORD
        ):
            return _ended(_read_handshake(handshake), warnings, garbage=True)
        fragment = data[position + 5 : position + 5 + length]
        if kind == _HANDSHAKE:
            handshake += fragment  # also of an unfinished record: its messages may be whole already
            so_far = _read_handshake(handshake)
            if so_far.settled:
                return _ended(so_far, warnings)
        if len(fragment) < length:
            break
        if kind == _ALERT:
            fatal, warned = _alert(fragment)
            warnings += warned
            if fatal is not None:
                return _ended(_read_handshake(handshake), warnings, alert=fatal)
        position += 5 + length
    if position == 0 and _cannot_be_tls(data):
        return Flight(garbage=True)
    return _ended(_read_handshake(handshake), warnings)


def _ended(
    flight: Flight, warnings: tuple[int, ...], *, alert: int | None = None, garbage: bool = False
) -> Flight:
    return Flight(
        hello=flight.hello,
        done=flight.done,
        alert=alert,
        warnings=warnings,
        garbage=garbage or flight.garbage,
    )


def _alert(fragment: bytes) -> tuple[int | None, tuple[int, ...]]:
    """The code that ends the connection, if any, and those that do not. An alert of another length is
    broken: taken as fatal.
    """
    if len(fragment) != 2:
        return fragment[-1], ()
    level, code = fragment
    return (None, (code,)) if level == 1 and code != _CLOSE_NOTIFY else (code, ())


def _cannot_be_tls(data: bytes) -> bool:
    return bool(data) and (
        not _CHANGE_CIPHER_SPEC <= data[0] <= _APPLICATION_DATA or (len(data) > 1 and data[1] != 3)
    )


def _read_handshake(stream: bytes) -> Flight:
    """The handshake messages of a flight; a first message that is no ServerHello is garbage."""
    position, hello = 0, None
    while len(stream) - position >= 4:
        kind = stream[position]
        if hello is None and kind != _SERVER_HELLO:
            return Flight(garbage=True)
        end = position + 4 + int.from_bytes(stream[position + 1 : position + 4], "big")
        if end > len(stream):
            break
        if hello is None:
            hello = _server_hello(stream[position + 4 : end])
            if hello is None:
                return Flight(garbage=True)
            if hello.wire == Version.TLS13.wire:
                return Flight(hello=hello)  # the rest is encrypted
        elif kind == _SERVER_HELLO_DONE:
            return Flight(hello=hello, done=True)
        position = end
    return Flight(hello=hello)


def _server_hello(body: bytes) -> ServerHello | None:
    """RFC 5246, 7.4.1.3 and RFC 8446, 4.1.3: version, random, session id, suite, compression, extensions."""
    if len(body) < 38 or body[34] > 32:
        return None
    after_id = 35 + body[34]
    if len(body) < after_id + 3:
        return None
    suite = int.from_bytes(body[after_id : after_id + 2], "big")
    chosen = _selected_version(body[after_id + 5 :])
    return ServerHello(wire=chosen or int.from_bytes(body[:2], "big"), suite=suite)


def _selected_version(extensions: bytes) -> int | None:
    position = 0
    while len(extensions) - position >= 4:
        kind = int.from_bytes(extensions[position : position + 2], "big")
        length = int.from_bytes(extensions[position + 2 : position + 4], "big")
        body = extensions[position + 4 : position + 4 + length]
        if kind == _SUPPORTED_VERSIONS and length == 2 == len(body):
            return int.from_bytes(body, "big")
        position += 4 + length
    return None
