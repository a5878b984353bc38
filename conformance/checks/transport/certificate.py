"""T1: the certificate is one that an SDK would trust. Everything else about certificates is a norm."""

from conformance.catalogue import check
from conformance.checks.transport.norms import certificate_norms
from conformance.checks.transport.reproduction import declared_clear, s_client
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
def certificate_is_trusted(versions: TlsVersions, facts: TlsFacts | Unobserved) -> Verdict:
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
    return Pass(
        because=f"verified at {len(tried)} of {len(tried)} addresses; the first to end is valid until {ends}",
        cites=(versions,) if isinstance(facts, Unobserved) or not facts.seen() else (versions, facts),
        norm=certificate_norms(facts),
    )
