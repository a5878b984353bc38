"""T1: the certificate is one that an SDK would trust. Everything else about certificates is a norm."""

from shlex import quote

from conformance.catalogue import check
from conformance.checks.transport.authorities import authority_norms, standing_norms
from conformance.checks.transport.norms import certificate_norms
from conformance.checks.transport.reproduction import declared_clear, s_client
from conformance.model.certificate_standing import CertificateStandings
from conformance.model.dns_records import DnsRecords
from conformance.model.evidence import Unobserved
from conformance.model.scale import Level, Severity
from conformance.model.tls_facts import TlsFacts
from conformance.model.transport import TlsVersions
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict


@check(
    "transport.certificate-is-trusted",
    claim="T1",
    severity=Severity.HIGH,
    level=Level.OUTSIDE,
    fix="serve a certificate for the API's name with its whole chain (private authority: `gateway.ca_file`)",
)
def certificate_is_trusted(
    versions: TlsVersions,
    facts: TlsFacts | Unobserved,
    standings: CertificateStandings | Unobserved,
    records: DnsRecords | Unobserved,
) -> Verdict:
    """The certificate is valid for the API's name at every address.

    Encryption to somebody unknown protects nothing: whoever sits between can present a certificate of
    their own.
    """
    for shake in versions.handshakes:
        if shake.untrusted and not declared_clear(shake.place, versions):
            return Fail(
                because=f"the certificate is not trusted: {shake.place}: {shake.trouble}",
                expected=f"a chain to a trusted authority, valid now, for {shake.place.host}",
                observed=shake.trouble,
                cites=(versions,),
                reproduction=s_client(
                    shake.place, None, f"-verify_return_error -verify_hostname {shake.place.host}"
                ),
                norm=certificate_norms(facts),
            )
    if not isinstance(standings, Unobserved) and (withdrawn := standings.withdrawn()):
        return Fail(
            because=f"the certificate was revoked on {withdrawn[0].revoked}: {withdrawn[0].subject}",
            expected="a certificate that its authority still stands by",
            observed=f"{withdrawn[0].responder} says: revoked",
            cites=(versions, standings),
            reproduction=(
                "openssl s_client -connect HOST:443 -showcerts </dev/null, then openssl ocsp "
                f"-issuer issuer.pem -cert leaf.pem -url {quote(withdrawn[0].responder)}"
            ),
            norm=certificate_norms(facts),
        )
    failed = [shake for shake in versions.handshakes if not shake.verified]
    tried = {(shake.place.address, shake.place.port) for shake in versions.handshakes}
    untried = [t for t in versions.trials if (t.place.address, t.place.port) not in tried]
    if failed or untried or not versions.handshakes or versions.unresolved:
        reason = failed[0].trouble if failed else "not every address could be asked"
        return Inconclusive(
            because=f"no whole handshake could be made: {reason}",
            decide="make every address reachable from the auditor",
            cites=(versions,),
        )
    ends = min(shake.not_after for shake in versions.handshakes)
    seen = tuple(one for one in (facts, standings, records) if not isinstance(one, Unobserved) and one.seen())
    return Pass(
        because=f"verified at {len(tried)} of {len(tried)} addresses; the first to end is valid until {ends}",
        cites=(versions, *seen),
        norm=(*certificate_norms(facts), *standing_norms(standings), *authority_norms(records)),
    )
