"""What the way from the gateway to its provider shows: whom it trusts, what it accepts, and what it sends."""

from enum import Enum

from conformance.model.evidence import Evidence, Record


class Face(Enum):
    """What the witness shows instead of its usual certificate and versions."""

    EXPIRED = "an expired certificate"
    OTHER_HOST = "a certificate for another host"
    SELF_SIGNED = "a self-signed certificate"
    TLS10 = "TLS 1.0"
    TLS11 = "TLS 1.1"
    NO_CIPHER = "TLS 1.2 without encryption or without certificate"
    REDIRECT = "a redirect to clear text"
    TLS12 = "TLS 1.2"  # a norm's matter: it may be accepted


class LegOpening(Record, frozen=True, kw_only=True):
    """A connection that the gateway opened to the witness. `version` is empty where no handshake was finished; `trouble` is
    then what it said instead.
    """

    version: str = ""
    suite: str = ""
    trouble: str = ""


class LegCase(Record, frozen=True, kw_only=True):
    """One face, between two calls that went well on fresh connections to the usual one.

    `unshown` says why the witness could not show it. `requests` counts what was sent to the witness while it showed this
    face, `in_clear` what arrived in clear text; `served`: the caller got an answer.
    """

    face: Face
    unshown: str = ""
    good_before: bool = False
    good_after: bool = False
    openings: tuple[LegOpening, ...] = ()
    requests: int = 0
    in_clear: int = 0
    served: bool = False
    told: str = ""

    def sent(self) -> bool:
        """Whether anything was sent where nothing should be."""
        return self.in_clear > 0 or (self.requests > 0 and self.face is not Face.REDIRECT)

    def held(self) -> bool:
        """Whether the face was looked at on a fresh connection, and turned away, between two good ones."""
        looked = self.requests > 0 if self.face is Face.REDIRECT else bool(self.openings)
        return looked and not (self.unshown or self.sent()) and self.good_before and self.good_after


class ProviderLeg(Evidence, frozen=True, kw_only=True):
    """Every face that was shown, in order."""

    cases: tuple[LegCase, ...]
    agreed: tuple[str, ...] = ()  # TLS versions on which the gateway and the usual witness agreed

    def seen(self) -> int:
        """How many faces were looked at between two good calls, or had something sent to them."""
        return sum(case.held() or case.sent() for case in self.cases)

    def of(self, *faces: Face) -> tuple[LegCase, ...]:
        """The cases of some faces."""
        return tuple(case for case in self.cases if case.face in faces)
