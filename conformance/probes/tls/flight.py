"""What a server says after a ClientHello, read from bytes: records, alerts, ServerHello, the end of its
flight.

Pure, and safe on anything: whatever is not TLS makes `garbage`, whatever is not there yet makes an
unsettled flight.
"""

from dataclasses import dataclass

from conformance.model.transport import Version

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_SERVER_HELLO, _SERVER_HELLO_DONE = 2, 14
_SSL2_ERROR, _SSL2_SERVER_HELLO = b"\0", b"\4"
_LONGEST_RECORD = 2**14 + 2048  # RFC 5246, 6.2.3
_CLOSE_NOTIFY = 0
_SUPPORTED_VERSIONS, _KEY_SHARE, _RENEGOTIATION_INFO = 43, 51, 0xFF01
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446, 4.1.3)."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server's choice. `wire` is its version as a number, from supported_versions where that stands (RFC
    8446, 4.2.1); `group` is 0 where none was chosen; `retry`: it asks for another hello; `sentinel`: its random says that it
    could have spoken a newer version (4.1.3).
    """

    wire: int
    suite: int
    group: int = 0
    retry: bool = False
    compression: int = 0
    renegotiation_info: bool = False
    sentinel: bool = False


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


def read_answer_to(offered: Version, data: bytes) -> Flight:
    """Read a server's bytes after a hello of this version. An answer in SSLv2's own form is one to SSLv2 alone."""
    if offered is Version.SSL2 and data[:1] >= b"\x80":
        return _read_ssl2(data)
    return read_flight(data)


def _read_ssl2(data: bytes) -> Flight:
    """A SERVER-HELLO of SSLv2, or its ERROR with a code of two bytes; both behind a length of two bytes."""
    length = int.from_bytes(data[:2], "big") & 0x7FFF
    if len(data) < 2 + min(length, 11):
        return Flight()
    kind, message = data[2:3], data[2:]
    if kind == _SSL2_ERROR and length == 3:
        return Flight(alert=int.from_bytes(message[1:3], "big"))
    if kind != _SSL2_SERVER_HELLO or length < 11 or message[3:5] != b"\x00\x02":
        return Flight(garbage=True)
    return Flight(hello=ServerHello(wire=Version.SSL2.wire, suite=0), done=True)


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
    found = read_extensions(body[after_id + 5 :])
    chosen = found.get(_SUPPORTED_VERSIONS, b"")
    return ServerHello(
        wire=int.from_bytes(chosen if len(chosen) == 2 else body[:2], "big"),
        suite=suite,
        group=int.from_bytes(found.get(_KEY_SHARE, b"")[:2], "big"),
        retry=body[2:34] == RETRY,
        compression=body[after_id + 2],
        renegotiation_info=_RENEGOTIATION_INFO in found,
        sentinel=body[26:33] == b"DOWNGRD" and body[33] in {0, 1},
    )


def read_extensions(block: bytes) -> dict[int, bytes]:
    """Extensions by number, as far as they are whole; of one that stands twice, the first."""
    position, found = 0, dict[int, bytes]()
    while len(block) - position >= 4:
        kind = int.from_bytes(block[position : position + 2], "big")
        end = position + 4 + int.from_bytes(block[position + 2 : position + 4], "big")
        if end <= len(block):
            found.setdefault(kind, block[position + 4 : end])
        position = end
    return found
