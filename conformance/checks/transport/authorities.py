"""What authorities and DNS say of certificates. Norms stand beside verdicts and decide no claim."""

from conformance.model.certificate_standing import CertificateStandings
from conformance.model.dns_records import DnsRecords
from conformance.model.evidence import Unobserved
from conformance.model.verdict import Norm

_ISSUE = ("issue", "issuewild")


def standing_norms(standings: CertificateStandings | Unobserved) -> tuple[Norm, ...]:
    """What the responders said of the leaves, where the certificates name any."""
    if isinstance(standings, Unobserved):
        return ()
    return tuple(
        Norm(
            source="RFC 6960",
            verdict="met" if standing.status == "good" else "note",
            note=f"{standing.responder} on {standing.subject}: {standing.status or standing.trouble}",
        )
        for standing in standings.standings
    )


def authority_norms(records: DnsRecords | Unobserved) -> tuple[Norm, ...]:
    """Whether DNS says which authorities may vouch for the hosts."""
    if isinstance(records, Unobserved):
        return ()
    return tuple(
        Norm(
            source="RFC 8659",
            verdict="met" if host.authorised else "note",
            note=f"{host.host}: {_authorised(host.caa_at, host.authorised)}",
        )
        for host in records.hosts
        if not host.trouble
    )


def _authorised(at: str, authorised: tuple[tuple[str, str], ...]) -> str:
    if not authorised:
        return "no CAA record: any authority may issue a certificate"
    issuers = sorted(
        {value.partition(";")[0].strip() or "nobody" for tag, value in authorised if tag in _ISSUE}
    )
    return f"certificates by {', '.join(issuers) or 'anybody'} (CAA at {at})"
