"""CertificateStandings: the authority's responder is asked about every leaf that is trusted, by OCSP (RFC 6960).

Only a chain that verified is followed: the responder's address is then the authority's word, not the server's.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from conformance.catalogue import Cost, Phase, observes
from conformance.model.certificate_standing import CertificateStandings, Standing
from conformance.model.scale import Disruption, Level
from conformance.model.tls_facts import Certificate, TlsFacts
from conformance.model.transport import TlsVersions
from conformance.session import Session
from conformance.target import Target

_SECONDS = 3.0
_MOST_BYTES = 1 << 16
_SKEW = timedelta(minutes=5)
_WORDS = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}
_Chain = tuple[Certificate, ...]


class _NoAnswerError(Exception):
    """Nothing that holds came; the text says why."""


def _cost(target: Target, sample: int) -> Cost:
    return Cost(seconds=_SECONDS)


@observes(
    phase=Phase.OUTSIDE,
    level=Level.OUTSIDE,
    disruption=Disruption.PASSIVE,
    cost=_cost,
    after=(TlsFacts, TlsVersions),
)
async def certificate_standings(session: Session) -> CertificateStandings:
    """What the authorities say of the leaves today."""
    facts, versions = session.gathered.get(TlsFacts), session.gathered.get(TlsVersions)
    if not isinstance(facts, TlsFacts) or not isinstance(versions, TlsVersions):
        return CertificateStandings()
    trusted = {(s.place.address, s.place.port) for s in versions.handshakes if s.verified}
    chains = [
        stand.handshake.chain
        for stand in facts.stands
        if stand.handshake and (stand.place.address, stand.place.port) in trusted
    ]
    return await standings_of(chains, datetime.fromtimestamp(session.now(), UTC))


async def standings_of(chains: Iterable[_Chain], now: datetime) -> CertificateStandings:
    """The standing of the leaf of each chain, each leaf once; the leaf's issuer must be the second of its chain."""
    leaves = {chain[0].pem: chain for chain in chains if chain}
    asked = [chain for chain in leaves.values() if chain[0].ocsp and len(chain) > 1]
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
        standings = await asyncio.gather(*(_standing(client, chain, now) for chain in asked))
    return CertificateStandings(standings=tuple(standings), silent=len(leaves) - len(asked))


async def _standing(client: httpx.AsyncClient, chain: _Chain, now: datetime) -> Standing:
    leaf, issuer = (x509.load_pem_x509_certificate(one.pem.encode()) for one in chain[:2])
    told = Standing(subject=chain[0].subject, serial=chain[0].serial, responder=chain[0].ocsp[0])
    try:
        found = await _asked(client, chain[0].ocsp[0], leaf, issuer)
        _require_current(found, leaf, issuer, now)
    except (_NoAnswerError, httpx.HTTPError, httpx.InvalidURL, ValueError) as trouble:
        return msgspec.structs.replace(told, trouble=(str(trouble) or type(trouble).__name__)[:300])
    moment = found.revocation_time_utc
    return msgspec.structs.replace(
        told,
        status=_WORDS[found.certificate_status],
        produced=found.produced_at_utc.isoformat(),
        revoked=moment.isoformat() if moment else "",
    )


async def _asked(
    client: httpx.AsyncClient, url: str, leaf: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPResponse:
    """The responder's answer. Raises _NoAnswerError, httpx's errors, and ValueError for what is no answer."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise _NoAnswerError("the responder is not on the web")
    # RFC 5019, 2.1.1: responders answer from what they have made beforehand, under names made with SHA-1.
    question = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, SHA1()).build()  # noqa: S303 - a name, no seal
    async with client.stream(
        "POST",
        url,
        content=question.public_bytes(Encoding.DER),
        headers={"content-type": "application/ocsp-request"},
    ) as answer:
        if answer.status_code != httpx.codes.OK:
            raise _NoAnswerError(f"the responder answered {answer.status_code}")
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _MOST_BYTES:
                raise _NoAnswerError("the responder answered more than an OCSP response is long")
    found = ocsp.load_der_ocsp_response(body)
    if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise _NoAnswerError(f"the responder says {found.response_status.name.lower()}")
    return found


def _require_current(
    found: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> None:
    """RFC 6960, 3.2: about this certificate, signed by its authority or whom it named, and of now."""
    if found.serial_number != leaf.serial_number:
        raise _NoAnswerError("the answer is about another certificate")
    begins, ends = found.this_update_utc, found.next_update_utc
    if begins - _SKEW > now or (ends is not None and ends + _SKEW < now):
        raise _NoAnswerError("the answer is not of this time")
    for signer in _signers(found, issuer):
        if _signed_by(found, signer):
            return
    raise _NoAnswerError("the answer is signed by nobody who may")


def _signers(found: ocsp.OCSPResponse, issuer: x509.Certificate) -> list[x509.Certificate]:
    """The authority, and those in the answer that it has made responders (RFC 6960, 4.2.2.2)."""
    return [issuer, *(one for one in found.certificates if _is_responder(one, issuer))]


def _is_responder(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
        usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed_by(found: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, digest = signer.public_key(), found.signature_hash_algorithm
    sealed, seal = found.tbs_response_bytes, found.signature
    try:
        if isinstance(key, rsa.RSAPublicKey) and digest:
            key.verify(seal, sealed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest:
            key.verify(seal, sealed, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(seal, sealed)
        else:
            return False
    except InvalidSignature:
        return False
    return True
