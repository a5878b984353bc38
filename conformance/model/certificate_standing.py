"""What the authority says of a certificate today. Facts only."""

from typing import Literal

from conformance.model.evidence import Evidence, Record


class Standing(Record, frozen=True, kw_only=True):
    """The answer of one OCSP responder about one leaf (RFC 6960). Times are ISO 8601. `status` is empty where there is no
    answer that holds; `trouble` then says why.
    """

    subject: str
    serial: str
    responder: str
    status: Literal["", "good", "revoked", "unknown"] = ""
    produced: str = ""
    revoked: str = ""
    trouble: str = ""


class CertificateStandings(Evidence, frozen=True, kw_only=True):
    """The standing of every trusted leaf whose certificate names a responder; `silent` counts those that name none."""

    standings: tuple[Standing, ...] = ()
    silent: int = 0

    def seen(self) -> int:
        """How many answers hold."""
        return sum(bool(standing.status) for standing in self.standings)

    def withdrawn(self) -> list[Standing]:
        """Those that their authority no longer stands by."""
        return [standing for standing in self.standings if standing.status == "revoked"]
