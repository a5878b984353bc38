"""T4: the way to the provider is encrypted to somebody who was verified, or nothing is sent."""

from conformance.catalogue import check
from conformance.model.provider_leg import Face, LegCase, ProviderLeg
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict


@check(
    "transport.provider-certificate-is-verified",
    claim="T4",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="verify chain, dates and name of the provider's certificate before anything is sent, and let no setting turn that off",
)
def provider_certificate_is_verified(leg: ProviderLeg) -> Verdict:
    """Nothing is sent to a provider whose certificate is not good.

    Whoever can lead the gateway's connections elsewhere, by DNS or a route, reads every prompt of every customer if it does
    not look at who answers.
    """
    return _refused(leg, Face.EXPIRED, Face.OTHER_HOST, Face.SELF_SIGNED)


@check(
    "transport.provider-gets-no-old-tls",
    claim="T4",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="set the least TLS version towards providers to 1.2 or 1.3, with the library's usual suites",
)
def provider_gets_no_old_tls(leg: ProviderLeg) -> Verdict:
    """Nothing is sent to a provider over TLS 1.1 or older, or without a cipher or a certificate.

    RFC 8996 forbids these versions; and what is not encrypted or not authenticated is not in transit under TLS at all.
    """
    verdict = _refused(leg, Face.TLS10, Face.TLS11, Face.NO_CIPHER)
    if isinstance(verdict, Pass):
        return Pass(because=verdict.because, cites=verdict.cites, norm=_norm(leg))
    return verdict


@check(
    "transport.provider-gets-no-clear-text",
    claim="T4",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="follow no redirects towards providers, or only those to https on the same host",
)
def provider_gets_no_clear_text(leg: ProviderLeg) -> Verdict:
    """A provider's redirect to clear text is not followed.

    One such answer, from the provider or from whoever stands before it, would carry prompts and the provider key over the
    network for all to read.
    """
    return _refused(leg, Face.REDIRECT)


def _refused(leg: ProviderLeg, *faces: Face) -> Verdict:
    cases = leg.of(*faces)
    for case in cases:
        if case.sent():
            return _sent(leg, case)
    unclear = [case for case in cases if not case.held()]
    if unclear or len(cases) < len(faces):
        return Inconclusive(
            because="; ".join(f"{case.face.value}: {_why(case)}" for case in unclear)
            or "not every face was shown",
            decide="let the gateway serve steadily, and make the witness's certificates by `gateproof witness --init FOLDER`: "
            "expired.pem and other-host.pem are looked for beside `witness.certificate`",
            cites=(leg,),
        )
    shown = ", ".join(f"{case.face.value} ({_said(case)})" for case in cases)
    return Pass(
        because=f"not one request was sent to {shown}; good calls on fresh connections stand before and after each",
        cites=(leg,),
    )


def _sent(leg: ProviderLeg, case: LegCase) -> Fail:
    if case.face is Face.REDIRECT:
        return Fail(
            because=f"the gateway followed {case.face.value}: {case.in_clear} requests came to the provider without encryption",
            expected="a redirect to clear text is refused",
            observed=f"{case.in_clear} requests in clear text; the caller was told {case.told}",
            cites=(leg,),
            reproduction="let the gateway's provider answer 307 with `Location: http://...`, and make a call",
        )
    return Fail(
        because=f"the gateway sent its request to a provider that showed {case.face.value}",
        expected="the connection is refused before anything is sent",
        observed=f"{_said(case)}; the caller was told {case.told}",
        cites=(leg,),
        reproduction="point the gateway's provider at `gateproof witness` with such a certificate or version, and make a call",
    )


def _why(case: LegCase) -> str:
    if case.unshown:
        return f"could not be shown ({case.unshown})"
    if not case.good_before:
        return "no call to the usual witness went well before"
    if not case.openings and not case.requests:
        return "the gateway did not connect"
    return "no call to the usual witness went well afterwards"


def _said(case: LegCase) -> str:
    """What the gateway did on the connections of a case."""
    words = {
        f"{opening.version} with {opening.suite}" if opening.version else opening.trouble or "broke off"
        for opening in case.openings
    }
    return ", ".join(sorted(words)) or "no connection"


def _norm(leg: ProviderLeg) -> tuple[Norm, ...]:
    """TLS 1.2 towards a provider is a note, unless 1.3 is claimed there."""
    accepted = any(case.sent() for case in leg.of(Face.TLS12))
    note = "TLS 1.2 is still spoken to providers" if accepted else "TLS 1.2 was not accepted of the provider"
    modern = "TLSv1.3" in leg.agreed
    return (
        Norm(source="RFC 9325, 3.1.1", verdict="met", note=note),
        Norm(
            source="RFC 9852",
            verdict="met" if modern else "not met",
            note="TLS 1.3 is agreed on where the provider has it",
        ),
    )
