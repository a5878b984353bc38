"""What is served without TLS. Facts only."""

from enum import Enum
from typing import Literal

from conformance.model.evidence import Evidence, Record


class Ending(Enum):
    """What came of one clear-text exchange."""

    HTTP = "http"
    TLS_ALERT = "tls-alert"
    HTTP2 = "http2"  # SETTINGS came back: prior-knowledge h2c is spoken
    OTHER_BYTES = "other-bytes"
    CLOSED = "closed"  # closed or reset without an answer
    SILENCE = "silence"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    UNREACHABLE = "unreachable"


class ClearAnswer(Record, frozen=True, kw_only=True):
    """What one request in clear text brought back, and what the same request over TLS did.

    `json_shape` is the sorted set of key paths of a JSON body, empty where the body is none, `body_sha256` the digest of
    any; the `secure_…` fields hold the same of the https answer, with status 0 where there was none.
    """

    request: Literal["models", "keys", "chat", "websocket", "h2c"]
    target: str
    ending: Ending
    status: int = 0
    header_names: tuple[str, ...] = ()
    body_bytes: int = 0
    body_sha256: str = ""
    json_shape: tuple[str, ...] = ()
    cookie: bool = False
    location: str = ""
    key_echoed: bool = False
    reached_provider: bool = False
    secure_status: int = 0
    secure_sha256: str = ""
    secure_shape: tuple[str, ...] = ()
    received: str = ""  # hex of the first 64 bytes, where they are not HTTP
    ms: int = 0


class ClearPlace(Record, frozen=True, kw_only=True):
    """One port tried in clear text. `role` says why it was tried.

    The controls are TLS 1.3 hellos to a TLS port of the same address, before and after. `syns` counts
    connection requests that the kernel sent without an answer, over `waited_ms`.
    """

    host: str
    address: str
    port: int
    role: Literal["tls-port", "clear-port", "base-url"]
    answers: tuple[ClearAnswer, ...]
    control_before: bool = False
    control_after: bool = False
    syns: int = 0
    waited_ms: int = 0

    def __str__(self) -> str:
        at = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.host} at {at}:{self.port}"


class ClearText(Evidence, frozen=True, kw_only=True):
    """What is served without TLS. `real_key`: the key that was sent is one the gateway made for this probe,
    else a dummy.
    """

    vantage: str
    real_key: bool
    key_trouble: str = ""
    places: tuple[ClearPlace, ...] = ()
    unresolved: tuple[str, ...] = ()

    def seen(self) -> int:
        """How many exchanges came to an end that says something."""
        unsaid = (Ending.SILENCE, Ending.UNREACHABLE)
        return sum(answer.ending not in unsaid for place in self.places for answer in place.answers)
