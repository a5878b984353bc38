"""The way to the provider: what the witness shows, and what follows from what the gateway did."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509

from conformance.checks.transport.provider import (
    provider_certificate_is_verified,
    provider_gets_no_clear_text,
    provider_gets_no_old_tls,
)
from conformance.model.provider_leg import Face, LegCase, LegOpening, ProviderLeg
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.witness.fronts import Front, fronts
from conformance.witness.pki import Authority, make_authority

ALERT = LegOpening(trouble="TLSV1_ALERT_UNKNOWN_CA")
FINISHED = LegOpening(version="TLSv1.3", suite="TLS_AES_256_GCM_SHA384")


def turned_away(face: Face, **more: Any) -> LegCase:
    """A face that the gateway looked at and sent nothing to, between two good calls."""
    whole: dict[str, Any] = {"good_before": True, "good_after": True, "openings": (ALERT,), "told": "502"}
    if face is Face.REDIRECT:
        whole |= {"openings": (FINISHED,), "requests": 1}
    return LegCase(face=face, **(whole | more))


def leg(**changed: dict[str, Any]) -> ProviderLeg:
    """A gateway that refuses every face, but for these changes by a face's name."""
    return ProviderLeg(
        cases=tuple(turned_away(face, **changed.get(face.name, {})) for face in Face), agreed=("TLSv1.3",)
    )


def verdicts(seen: ProviderLeg) -> str:
    judged = (
        provider_certificate_is_verified(seen),
        provider_gets_no_old_tls(seen),
        provider_gets_no_clear_text(seen),
    )
    return "".join(type(verdict).__name__[0] for verdict in judged)


@pytest.mark.parametrize(
    ("face", "change", "expected"),
    [
        ("EXPIRED", {}, "PPP"),
        ("EXPIRED", {"requests": 1, "openings": (FINISHED,)}, "FPP"),
        ("EXPIRED", {"requests": 1, "openings": (FINISHED,), "good_after": False}, "FPP"),
        ("EXPIRED", {"in_clear": 1}, "FPP"),  # no TLS at all, where TLS was no good
        ("OTHER_HOST", {"requests": 1}, "FPP"),
        ("SELF_SIGNED", {"requests": 1}, "FPP"),
        ("SELF_SIGNED", {"openings": (FINISHED,)}, "PPP"),  # it looked after the handshake, and sent nothing
        ("SELF_SIGNED", {"openings": ()}, "IPP"),
        ("SELF_SIGNED", {"good_before": False}, "IPP"),
        ("SELF_SIGNED", {"good_after": False}, "IPP"),
        ("OTHER_HOST", {"unshown": "No such file or directory", "openings": (), "good_before": False}, "IPP"),
        ("TLS10", {"requests": 2}, "PFP"),
        ("TLS11", {"openings": ()}, "PIP"),
        ("NO_CIPHER", {"requests": 1}, "PFP"),
        ("TLS12", {"requests": 1}, "PPP"),
        ("REDIRECT", {"in_clear": 1}, "PPF"),
        ("REDIRECT", {"requests": 0, "openings": ()}, "PPI"),
    ],
)
def test_what_the_gateway_did_decides(face: str, change: dict[str, Any], expected: str) -> None:
    assert verdicts(leg(**{face: change})) == expected


def test_nothing_shown_passes_nothing() -> None:
    assert verdicts(ProviderLeg(cases=())) == "III"


def test_a_finding_names_the_face_and_a_gap_its_reason() -> None:
    fail = provider_certificate_is_verified(leg(EXPIRED={"requests": 1, "openings": (FINISHED,)}))
    gap = provider_certificate_is_verified(leg(EXPIRED={"unshown": "No such file or directory"}))

    assert isinstance(fail, Fail)
    assert "an expired certificate" in fail.because
    assert "TLSv1.3" in fail.observed
    assert isinstance(gap, Inconclusive)
    assert "No such file" in gap.because
    assert "gateproof witness --init" in gap.decide


def test_tls12_towards_the_provider_is_a_note() -> None:
    verdict = provider_gets_no_old_tls(leg(TLS12={"requests": 1}))

    assert isinstance(verdict, Pass)
    assert "still spoken" in verdict.norm[0].note


def test_evidence_survives_writing() -> None:
    seen = leg(TLS10={"requests": 1})

    assert msgspec.json.decode(msgspec.json.encode(seen), type=ProviderLeg) == seen


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The witness's, with what must be refused beside it."""
    return make_authority(tmp_path / "authority")


def _shown(front: Front) -> tuple[str, bytes]:
    """Version and certificate that a front shows to a client that takes everything."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

    async def look() -> tuple[str, bytes]:
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=front.context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            state: ssl.SSLObject = writer.get_extra_info("ssl_object")
            told = (state.version() or "", state.getpeercert(binary_form=True) or b"")
            writer.transport.abort()
            return told

    return asyncio.run(look())


def test_every_face_is_what_it_is_called(authority: Authority) -> None:
    made = {front.face: front for front in fronts(authority.certificate, authority.private_key)}
    shown = {face: _shown(front) for face, front in made.items()}
    leaves = {face: x509.load_der_x509_certificate(der) for face, (_, der) in shown.items() if der}
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())

    assert made.keys() == set(Face) - {Face.REDIRECT}
    assert {face: version for face, (version, _) in shown.items() if version != "TLSv1.3"} == {
        Face.TLS10: "TLSv1",
        Face.TLS11: "TLSv1.1",
        Face.TLS12: "TLSv1.2",
        Face.NO_CIPHER: "TLSv1.2",
    }
    assert leaves[Face.EXPIRED].not_valid_after_utc < root.not_valid_before_utc
    leaves[Face.EXPIRED].verify_directly_issued_by(root)
    leaves[Face.OTHER_HOST].verify_directly_issued_by(root)
    assert leaves[Face.SELF_SIGNED].issuer == leaves[Face.SELF_SIGNED].subject != root.subject
    alternative = x509.SubjectAlternativeName
    names = [
        leaves[face].extensions.get_extension_for_class(alternative).value
        for face in (Face.EXPIRED, Face.SELF_SIGNED, Face.OTHER_HOST)
    ]
    assert names[0] == names[1] != names[2]


def test_what_only_its_authority_could_make_is_missed_where_it_is_missing(authority: Authority) -> None:
    authority.certificate.with_name("expired.pem").unlink()

    made = {front.face: front for front in fronts(authority.certificate, authority.private_key)}

    assert made[Face.EXPIRED].context is None
    assert "No such file" in made[Face.EXPIRED].trouble
    assert made[Face.OTHER_HOST].context is not None
