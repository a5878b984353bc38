"""A client of TLS 1.3 (RFC 8446) that looks at everything and believes nothing: it finishes a handshake to read what stands
behind the encryption, the certificates as they are sent, the chosen protocol, and the tickets.

Sans I/O: bytes in, bytes out. It verifies no certificate, and nothing of value is ever sent over it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.probes.tls.flight import RETRY, read_extensions, read_flight
from conformance.probes.tls.hello import modern_hello

_ALERT, _HANDSHAKE, _APPLICATION_DATA = 21, 22, 23
_TICKET, _ENCRYPTED_EXTENSIONS, _CERTIFICATE, _REQUEST, _VERIFY, _FINISHED = 4, 8, 11, 13, 15, 20
_ALPN, _EARLY_DATA, _COOKIE = 16, 42, 44
_SUITES: Final = {0x1301: (hashes.SHA256, 16), 0x1302: (hashes.SHA384, 32), 0x1303: (hashes.SHA256, 32)}
_CURVES: Final[dict[int, type[ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1]]] = {
    0x0017: ec.SECP256R1,
    0x0018: ec.SECP384R1,
    0x0019: ec.SECP521R1,
}
_X25519 = 0x001D
_MOST_CERTIFICATES = 16
_REQUEST_BYTES = b"GET / HTTP/1.0\r\n\r\n"  # so that a server that waits for its client says something


class HandshakeError(Exception):
    """The server did something that TLS 1.3 does not know, or said no; the message says what."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a NewSessionTicket promises: seconds of life, and bytes of early data (0: none)."""

    lifetime: int
    early_data: int


@dataclass(slots=True)
class _Keys:
    """One direction's traffic keys (RFC 8446, 7.3)."""

    cipher: AESGCM | ChaCha20Poly1305
    iv: bytes
    count: int = 0

    def nonce(self) -> bytes:
        number = int.from_bytes(self.iv, "big") ^ self.count
        self.count += 1
        return number.to_bytes(12, "big")


@dataclass(slots=True)
class Client13:
    """One handshake. Send `start()`, then whatever `receive` returns; `over` once a ticket or an answer has come."""

    seed: int
    sni: str
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    suite: int = 0
    group: int = 0
    protocol: str = ""
    chain: tuple[bytes, ...] = ()  # DER, as sent
    signature: int = 0  # scheme of CertificateVerify
    tickets: tuple[Ticket, ...] = ()
    finished: bool = False
    over: bool = False
    _retried: bool = False
    _transcript: bytes = b""
    _buffer: bytes = b""
    _messages: bytes = b""
    _asked: bool = False
    _hash: Callable[[], hashes.HashAlgorithm] = hashes.SHA256
    _secrets: dict[str, bytes] = field(default_factory=dict)
    _read: _Keys | None = None
    _agree: dict[int, tuple[bytes, Callable[[bytes], bytes]]] = field(default_factory=dict)

    def start(self) -> bytes:
        """The first hello."""
        self._agree = {_X25519: _on_x25519(), 0x0017: _on_curve(0x0017)}
        return self._hello()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the server; the bytes to send now. Raises HandshakeError."""
        self._buffer += data
        out = b""
        while len(self._buffer) >= 5 and not self.over:
            kind, end = self._buffer[0], 5 + int.from_bytes(self._buffer[3:5], "big")
            if not 20 <= kind <= 23 or self._buffer[1] != 3:
                raise HandshakeError("not TLS")
            if len(self._buffer) < end:
                break
            record, self._buffer = self._buffer[:end], self._buffer[end:]
            out += self._record(kind, record)
        return out

    def _record(self, kind: int, record: bytes) -> bytes:
        content = record[5:]
        if kind == _APPLICATION_DATA and self._read is not None:
            kind, content = self._open(record)
        if kind == _ALERT:
            raise HandshakeError(f"alert {content[-1] if content else 0}")
        if kind == _APPLICATION_DATA:
            self.over = True
        if kind != _HANDSHAKE:
            return b""
        self._messages += content
        out = b""
        while len(self._messages) >= 4:
            end = 4 + int.from_bytes(self._messages[1:4], "big")
            if len(self._messages) < end:
                break
            message, self._messages = self._messages[:end], self._messages[end:]
            out += self._message(message)
        return out

    def _message(self, message: bytes) -> bytes:
        kind, body = message[0], message[4:]
        if self._read is None:
            return self._server_hello(message)
        if kind == _TICKET and self.finished:
            self._ticket(body)
            return b""
        if kind == _FINISHED and not self.finished:
            return self._finish(message)
        self._transcript += message
        if kind == _ENCRYPTED_EXTENSIONS:
            self.protocol = read_extensions(body[2:]).get(_ALPN, b"")[3:].decode("latin-1")
        elif kind == _CERTIFICATE:
            self.chain = _certificates(body)
        elif kind == _REQUEST:
            self._asked = True
        elif kind == _VERIFY:
            self.signature = int.from_bytes(body[:2], "big")
        return b""

    def _hello(self, more: bytes = b"") -> bytes:
        shares = {group: public for group, (public, _) in self._agree.items()}
        hello = modern_hello(
            seed=self.seed, sni=self.sni, alpn=self.alpn, suites=tuple(_SUITES), shares=shares, more=more,
            groups=(_X25519, *_CURVES),
        )  # fmt: skip
        self._transcript += hello[5:]
        return hello

    def _server_hello(self, message: bytes) -> bytes:
        hello = read_flight(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message).hello
        if hello is None or hello.wire != 0x0304 or hello.suite not in _SUITES:
            raise HandshakeError("no ServerHello of TLS 1.3")
        self.suite, self.group = hello.suite, hello.group
        self._hash = _SUITES[hello.suite][0]
        extensions = read_extensions(message[4 + 35 + message[4 + 34] + 5 :])
        if message[6:38] == RETRY:
            return self._again(message, extensions.get(_COOKIE))
        if hello.group not in self._agree:
            raise HandshakeError("it chose a group that was not offered")
        self._transcript += message
        try:
            shared = self._agree[hello.group][1](extensions[51][4:])
        except (KeyError, ValueError):
            raise HandshakeError("its key share is none") from None
        self._handshake_keys(shared)
        return b""

    def _again(self, message: bytes, cookie: bytes | None) -> bytes:
        """Answer a HelloRetryRequest: its group, its cookie, and a digest in the first hello's place (4.4.1)."""
        if self._retried or self.group not in _CURVES:
            raise HandshakeError("it asked for another hello that we cannot make")
        self._retried = True
        digest = self._digest(self._transcript)
        self._transcript = b"\xfe\x00\x00" + bytes((len(digest),)) + digest + message
        self._agree = {self.group: _on_curve(self.group)}
        more = b"" if cookie is None else _COOKIE.to_bytes(2, "big") + len(cookie).to_bytes(2, "big") + cookie
        return self._hello(more)

    def _handshake_keys(self, shared: bytes) -> None:
        zero = bytes(self._hash().digest_size)
        early = self._extract(zero, zero)
        secret = self._extract(self._derive(early, b"derived", self._digest(b"")), shared)
        so_far = self._digest(self._transcript)
        for side in (b"c", b"s"):
            self._secrets[f"{side.decode()} hs"] = self._derive(secret, side + b" hs traffic", so_far)
        self._secrets["master"] = self._extract(self._derive(secret, b"derived", self._digest(b"")), zero)
        self._read = self._keys(self._secrets["s hs"])

    def _finish(self, message: bytes) -> bytes:
        """Verify the server's Finished, send ours and a request."""
        if message[4:] != self._proof(self._secrets["s hs"]):
            raise HandshakeError("its Finished does not fit")
        self._transcript += message
        so_far = self._digest(self._transcript)
        write = self._keys(self._secrets["c hs"])
        ours = b""
        if self._asked:
            ours = b"\x0b\x00\x00\x04\x00\x00\x00\x00"  # a client without a certificate (4.4.2)
            self._transcript += ours
        proof = self._proof(self._secrets["c hs"])
        ours += b"\x14" + len(proof).to_bytes(3, "big") + proof
        self._read = self._keys(self._derive(self._secrets["master"], b"s ap traffic", so_far))
        later = self._keys(self._derive(self._secrets["master"], b"c ap traffic", so_far))
        self.finished = True
        change = b"\x14\x03\x03\x00\x01\x01"  # for middleboxes (D.4)
        return change + _seal(write, _HANDSHAKE, ours) + _seal(later, _APPLICATION_DATA, _REQUEST_BYTES)

    def _ticket(self, body: bytes) -> None:
        if len(body) < 9:
            raise HandshakeError("a ticket that is none")
        at = 9 + body[8]
        at += 2 + int.from_bytes(body[at : at + 2], "big")
        early = read_extensions(body[at + 2 :]).get(_EARLY_DATA, b"")
        self.tickets += (Ticket(int.from_bytes(body[:4], "big"), int.from_bytes(early, "big")),)
        self.over = True

    def _open(self, record: bytes) -> tuple[int, bytes]:
        keys = self._read
        assert keys is not None  # noqa: S101 - the caller looked
        try:
            inner = keys.cipher.decrypt(keys.nonce(), record[5:], record[:5]).rstrip(b"\x00")
        except InvalidTag:
            raise HandshakeError("a record that its keys do not open") from None
        return (inner[-1], inner[:-1]) if inner else (0, b"")

    def _keys(self, secret: bytes) -> _Keys:
        key = self._derive(secret, b"key", b"", _SUITES[self.suite][1])
        cipher = ChaCha20Poly1305(key) if self.suite == 0x1303 else AESGCM(key)
        return _Keys(cipher, self._derive(secret, b"iv", b"", 12))

    def _proof(self, secret: bytes) -> bytes:
        return self._extract(self._derive(secret, b"finished", b""), self._digest(self._transcript))

    def _digest(self, data: bytes) -> bytes:
        digest = hashes.Hash(self._hash())
        digest.update(data)
        return digest.finalize()

    def _extract(self, salt: bytes, secret: bytes) -> bytes:
        mac = hmac.HMAC(salt, self._hash())
        mac.update(secret)
        return mac.finalize()

    def _derive(self, secret: bytes, label: bytes, context: bytes, length: int = 0) -> bytes:
        """HKDF-Expand-Label (7.1)."""
        length = length or self._hash().digest_size
        name = b"tls13 " + label
        info = length.to_bytes(2, "big") + bytes((len(name),)) + name + bytes((len(context),)) + context
        return HKDFExpand(self._hash(), length, info).derive(secret)


def _seal(keys: _Keys, kind: int, content: bytes) -> bytes:
    inner = content + bytes((kind,))
    head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
    return head + keys.cipher.encrypt(keys.nonce(), inner, head)


def _certificates(body: bytes) -> tuple[bytes, ...]:
    """The DER of every certificate in a Certificate message (4.4.2)."""
    found: list[bytes] = []
    at = 1 + (body[0] if body else 0) + 3
    while at + 3 <= len(body) and len(found) < _MOST_CERTIFICATES:
        end = at + 3 + int.from_bytes(body[at : at + 3], "big")
        found.append(body[at + 3 : end])
        at = end + 2 + int.from_bytes(body[end : end + 2], "big")
    return tuple(found)


def _on_x25519() -> tuple[bytes, Callable[[bytes], bytes]]:
    key = x25519.X25519PrivateKey.from_private_bytes(os.urandom(32))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return public, lambda theirs: key.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))


def _on_curve(group: int) -> tuple[bytes, Callable[[bytes], bytes]]:
    curve = _CURVES[group]()
    key = ec.generate_private_key(curve)
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public, lambda theirs: key.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, theirs)
    )
