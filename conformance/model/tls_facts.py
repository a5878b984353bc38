"""What else a server's TLS shows: suites, groups, tickets, early data, certificates. For norms, which decide no claim."""

from conformance.model.evidence import Evidence, Record
from conformance.model.transport import Outcome, Place

SUITES = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}
GROUPS = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x001D: "x25519",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001E: "x448",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
}
HYBRIDS = (0x11EC, 0x11EB, 0x11ED)


class Question(Record, frozen=True, kw_only=True):
    """One hello of TLS 1.3 and what came back. `offered` are the suites or groups that were left to choose from; `chosen` is
    the server's choice, 0 where it made none. `hello` and `received` are hex, for replay.
    """

    offered: tuple[int, ...]
    chosen: int
    outcome: Outcome
    alert: int | None = None
    hello: str
    received: str
    ms: int = 0


class Certificate(Record, frozen=True, kw_only=True):
    """One certificate as it was sent: PEM, and what it says. Times are ISO 8601; `key` is kind and bits."""

    pem: str
    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    bits: int
    signature: str
    names: tuple[str, ...] = ()
    serial: str = ""
    authority: bool = False
    ocsp: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    timestamps: int = 0  # embedded signed certificate timestamps


class Handshaken(Record, frozen=True, kw_only=True):
    """A handshake of TLS 1.3 taken to its end by our own client. `trouble` is empty where it got there."""

    trouble: str = ""
    suite: int = 0
    group: int = 0
    protocol: str = ""
    signature: int = 0
    chain: tuple[Certificate, ...] = ()
    ticket_lifetimes: tuple[int, ...] = ()
    early_data: int = 0  # bytes that a ticket allows
    ms: int = 0


class StandFacts(Record, frozen=True, kw_only=True):
    """What one address and port shows under its right name. Choices are in the server's own order of preference."""

    place: Place
    suites: tuple[Question, ...] = ()
    groups: tuple[Question, ...] = ()
    hybrid: Question | None = None
    tolerance: Question | None = None  # GREASE everywhere, and a version that is not there yet
    strange_protocol: Question | None = None  # an ALPN protocol that nobody speaks
    handshake: Handshaken | None = None
    nameless: Handshaken | None = None  # without SNI: the default host

    def chosen(self, questions: tuple[Question, ...]) -> tuple[int, ...]:
        """What was agreed to, best first."""
        return tuple(question.chosen for question in questions if question.chosen)


class TlsFacts(Evidence, frozen=True, kw_only=True):
    """Facts about every address and port that speaks TLS 1.3; `now` is when they were seen (ISO 8601)."""

    stands: tuple[StandFacts, ...]
    seed: int
    now: str

    def seen(self) -> int:
        """How many handshakes were finished or choices made."""
        return sum(
            len(stand.chosen(stand.suites)) + len(stand.chosen(stand.groups)) + (stand.handshake is not None)
            for stand in self.stands
        )
