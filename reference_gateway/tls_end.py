"""One end of a TLS connection, as a function from bytes to bytes. No I/O.

The event loops' own TLS is not used. uvloop's drops what it has deciphered but not delivered when the
connection ends while reading is paused, so that a whole answer of a provider that hangs up after it would
look cut. Here reading is paused below TLS, and nothing is lost. It also sets 256 KiB aside for each
connection, and costs more.
"""

import ssl
from typing import Final

# The most that one record holds (RFC 8446, 5.1), and so the most that `receive` and `write` should be given at
# once: OpenSSL's buffers in memory grow to what they once held, and stay as large.
AT_ONCE: Final = 16_384


class TlsEnd:
    """Ciphertext in by `receive`, out by `outgoing`. All but these two raise ssl.SSLError when TLS fails.

    `hostname` is who must answer; without one this is the end that is called.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(self, context: ssl.SSLContext, hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=hostname is None, server_hostname=hostname
        )

    def receive(self, ciphertext: bytes | memoryview) -> None:
        """What the network brought."""
        self._incoming.write(ciphertext)

    def outgoing(self) -> bytes:
        """What the network is to have, alerts included."""
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """Goes on with the handshake; whether it is done and the other end is who it should be."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes | None:
        """The next plaintext, None while there is none, empty at the other end's close_notify."""
        # Asking first is cheaper than the exception.
        if not self._incoming.pending and not self._tls.pending():
            # Where a session ticket came, OpenSSL got 16 KiB ready for writing; this gives them back.
            self._tls.write(b"")
            return None
        try:
            return self._tls.read(AT_ONCE)
        except ssl.SSLWantReadError:
            return None

    def write(self, plaintext: bytes | memoryview) -> None:
        """Enciphers all of it."""
        while plaintext:
            plaintext = plaintext[self._tls.write(plaintext) :]

    def say_goodbye(self) -> None:
        """Writes our own close_notify (RFC 8446, 6.1); the other end's is not waited for."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            return
