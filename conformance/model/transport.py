"""What transport probes bring back: TLS versions per place, HSTS fields. Facts only."""

from collections.abc import Sequence
from enum import Enum
from typing import Literal

from conformance.model.evidence import Evidence, Record


class Version(Enum):
    """Protocol versions, oldest first."""

    SSL2 = "SSLv2"
    SSL3 = "SSLv3"
    TLS10 = "TLS 1.0"
    TLS11 = "TLS 1.1"
    TLS12 = "TLS 1.2"
    TLS13 = "TLS 1.3"

    @property
    def wire(self) -> int:
        """The number that stands for it on the wire: 0x0002, or 0x0300 to 0x0304."""
        return _WIRE[self]

    @classmethod
    def of(cls, wire: int) -> "Version | None":
        """The version of a number, or None where none of these has it."""
        return next((version for version in cls if version.wire == wire), None)


_WIRE = {
    Version.SSL2: 0x0002,
    Version.SSL3: 0x0300,
    Version.TLS10: 0x0301,
    Version.TLS11: 0x0302,
    Version.TLS12: 0x0303,
    Version.TLS13: 0x0304,
}
OLD = (Version.SSL2, Version.SSL3, Version.TLS10, Version.TLS11, Version.TLS12)


class Outcome(Enum):
    """How one connection ended, in closed words."""

    SERVER_HELLO = "server-hello"
    ALERT = "alert"  # fatal, or close_notify
    CLOSED = "closed"
    RESET = "reset"
    SILENCE = "silence"  # connected, and not one byte until the deadline
    DRIBBLE = "dribble"  # some bytes, but no whole answer until the deadline or the end
    GARBAGE = "garbage"  # bytes that are not TLS
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    UNREACHABLE = "unreachable"  # no route from here


ENDED = frozenset({Outcome.CLOSED, Outcome.RESET})


def ends(version: Version) -> frozenset[Outcome]:
    """How a server may turn a hello away without an alert. One of SSLv2 does not begin as TLS does, so a port that tells
    protocols apart by the first byte answers it with an error of another protocol.
    """
    return ENDED | {Outcome.GARBAGE} if version is Version.SSL2 else ENDED


class Attempt(Record, frozen=True, kw_only=True):
    """One hello and what came back.

    `version` and `suite` are the server's choice where it made one; `complete` says that its flight went
    up to ServerHelloDone (below 1.3) or chose 1.3. `acknowledged` is what TCP says about our hello, None
    where the platform does not tell; `sentinel`, that the server's random marks a downgrade (RFC 8446, 4.1.3).
    Times are in milliseconds; `received` is hex of the first 2 kB.
    """

    offered: Version
    outcome: Outcome
    version: Version | None = None
    suite: int | None = None
    complete: bool = False
    alert: int | None = None
    warnings: tuple[int, ...] = ()
    compression: int = 0  # of a ServerHello, as the next two
    renegotiation_info: bool = False
    sentinel: bool = False
    acknowledged: bool | None = None
    ms: int = 0
    received: str = ""
    detail: str = ""

    def negotiated(self) -> Version | None:
        """The version that the server agreed to with a whole flight."""
        return self.version if self.outcome is Outcome.SERVER_HELLO and self.complete else None


Kind = Literal["right", "none", "unknown", "further"]


class Place(Record, frozen=True, kw_only=True):
    """Where and under which name the gateway was asked. `sni` and `alpn` are empty where the extension was
    left out.
    """

    host: str
    address: str
    port: int
    sni: str
    kind: Kind
    alpn: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = {"right": "", "none": ", no SNI", "unknown": ", unknown SNI", "further": f", SNI {self.sni}"}
        alpn = f", ALPN {'+'.join(self.alpn)}" if self.alpn else ""
        at = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.host} at {at}:{self.port}{name[self.kind]}{alpn}"


def can_be_asked(place: Place, version: Version) -> bool:
    """Whether this version is asked for at this place.

    A hello of SSLv2 has no room for a name or a protocol. And where both are unusual, TLS 1.2 alone is asked for: whoever
    falls back to something older answers it too.
    """
    if version is Version.SSL2:
        return not (place.sni or place.alpn)
    return version is Version.TLS12 or not place.alpn or place.kind in {"right", "further"}


class PlaceTrial(Record, frozen=True, kw_only=True):
    """All connections made to one place, in order.

    Attempts that offer TLS 1.3 are the controls. Attempts between two controls ran side by side. `hellos`
    holds the hex of each hello by the version it offers, for replay with `xxd -r -p | nc`.
    """

    place: Place
    attempts: tuple[Attempt, ...]
    hellos: dict[str, str]


def bracketed(attempts: Sequence[Attempt]) -> tuple[tuple[Attempt, bool], ...]:
    """Every attempt but the controls, and whether the control before and the one after it both chose TLS 1.3.

    Only then does a close or a reset speak of the version that was offered, and not of the network or a
    rate limit.
    """
    controls = [i for i, attempt in enumerate(attempts) if attempt.offered is Version.TLS13]
    good = {i for i in controls if attempts[i].negotiated() is Version.TLS13}
    pairs = []
    for i, attempt in enumerate(attempts):
        if attempt.offered is not Version.TLS13:
            before = max((c for c in controls if c < i), default=-1)
            after = min((c for c in controls if c > i), default=-1)
            pairs.append((attempt, before in good and after in good))
    return tuple(pairs)


def disturbed(attempts: Sequence[Attempt]) -> bool:
    """Whether a control had no answer at all: then the network loses some, and a missing answer is not the server's word."""
    controls = [attempt for attempt in attempts if attempt.offered is Version.TLS13]
    served = any(control.negotiated() is Version.TLS13 for control in controls)
    return served and any(control.version is None and control.alert is None for control in controls)


class Handshake(Record, frozen=True, kw_only=True):
    """One whole TLS handshake by the platform's library, as an SDK makes it. `trouble` is empty where it was
    verified.
    """

    place: Place
    verified: bool
    trouble: str = ""
    untrusted: bool = False  # the handshake failed because of the certificate and for no other reason
    version: str = ""
    suite: str = ""
    alpn: str = ""
    certificate: str = ""  # SHA-256 of the leaf, hex
    not_after: str = ""
    ms: int = 0


class Confirmation(Record, frozen=True, kw_only=True):
    """A handshake below 1.3 taken to its end by the platform's library, after a ServerHello was seen."""

    place: Place
    offered: Version
    finished: bool
    version: str = ""
    suite: str = ""
    trouble: str = ""


class TlsVersions(Evidence, frozen=True, kw_only=True):
    """Which TLS versions every address, port and name agrees to.

    `clear_text_urls` are base URLs declared without TLS; their ports were tried for TLS all the same.
    `unresolved` are hosts without an address. `seed` made the hellos and the order.
    """

    seed: int
    vantage: str
    trials: tuple[PlaceTrial, ...]
    handshakes: tuple[Handshake, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    clear_text_urls: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()

    def seen(self) -> int:
        """How many connections were answered in TLS."""
        answered = (Outcome.SERVER_HELLO, Outcome.ALERT)
        return sum(attempt.outcome in answered for trial in self.trials for attempt in trial.attempts)


class EngineAnswer(Record, frozen=True, kw_only=True):
    """What the second engine says of one version: counted only where it completed without an error."""

    version: Version
    completed: bool
    accepted: int = 0
    rejected: int = 0
    error: str = ""


class SecondOpinion(Evidence, frozen=True, kw_only=True):
    """What another engine found at one place, or why it was not asked: that is a fact about our own
    installation.
    """

    available: bool
    reason: str = ""
    engine: str = ""
    place: Place | None = None
    answers: tuple[EngineAnswer, ...] = ()
    ms: int = 0

    def seen(self) -> int:
        """How many versions the engine completed; where it is absent, that one fact."""
        return sum(answer.completed for answer in self.answers) if self.available else 1


class HstsAnswer(Record, frozen=True, kw_only=True):
    """One answer of the API host over TLS; `status` is 0 where none came, `closed` where the server chose
    to send none.

    `reached` says whether the answer is of the class that the request was made to provoke; `fields` are
    all values of Strict-Transport-Security in order.
    """

    url: str
    address: str
    wanted: str
    request: str
    reached: bool
    closed: bool = False
    status: int = 0
    fields: tuple[str, ...] = ()
    reason: str = ""
    secure: bool = True


class HstsAnswers(Evidence, frozen=True, kw_only=True):
    """The HSTS fields on every class of answer that could be provoked, per base URL and address."""

    answers: tuple[HstsAnswer, ...]
    literal_hosts: tuple[str, ...] = ()  # base URLs whose host is an address: RFC 6797, 8.1.1
    unresolved: tuple[str, ...] = ()  # hosts without an address

    def seen(self) -> int:
        """How many answers came back."""
        return sum(answer.status > 0 for answer in self.answers)
