"""Certificates as facts. What cannot be read is left out, and never raises."""

from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from conformance.model.tls_facts import Certificate

_MOST_NAMES = 100
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def described(der: bytes) -> Certificate | None:
    """What a certificate says of itself; None where it is none."""
    try:
        read = x509.load_der_x509_certificate(der)
        key, bits = _key(read)
        return Certificate(
            pem=read.public_bytes(Encoding.PEM).decode(),
            subject=read.subject.rfc4514_string()[:500],
            issuer=read.issuer.rfc4514_string()[:500],
            not_before=_told(read.not_valid_before_utc),
            not_after=_told(read.not_valid_after_utc),
            key=key,
            bits=bits,
            signature=_signature(read),
            names=_names(read),
            serial=f"{read.serial_number:x}",
            authority=_is_authority(read),
            ocsp=_ocsp(read),
            crl=_crl(read),
            timestamps=_timestamps(read),
        )
    except ValueError:  # whatever the server put there is not DER, or breaks RFC 5280
        return None


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _key(read: x509.Certificate) -> tuple[str, int]:
    """Kind and size; a key of a kind that nobody reads has size 0."""
    try:
        key = read.public_key()
    except (ValueError, TypeError, KeyError):
        return "unknown", 0
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return ("Ed25519", 256) if isinstance(key, ed25519.Ed25519PublicKey) else ("Ed448", 456)
    return ("DSA", key.key_size) if isinstance(key, dsa.DSAPublicKey) else ("unknown", 0)


def _signature(read: x509.Certificate) -> str:
    oid = read.signature_algorithm_oid
    try:
        digest = read.signature_hash_algorithm
    except ValueError:  # an algorithm that is not known
        return oid.dotted_string
    return f"{oid._name} ({digest.name})" if digest else oid._name  # noqa: SLF001 - the only name it has


def _names(read: x509.Certificate) -> tuple[str, ...]:
    found = _extension(read, x509.SubjectAlternativeName)
    return tuple(str(name.value) for name in found)[:_MOST_NAMES] if found else ()


def _is_authority(read: x509.Certificate) -> bool:
    found = _extension(read, x509.BasicConstraints)
    return bool(found and found.ca)


def _ocsp(read: x509.Certificate) -> tuple[str, ...]:
    found = _extension(read, x509.AuthorityInformationAccess)
    of_ocsp = [d for d in found or () if d.access_method == AuthorityInformationAccessOID.OCSP]
    return tuple(str(description.access_location.value)[:500] for description in of_ocsp)


def _crl(read: x509.Certificate) -> tuple[str, ...]:
    found = _extension(read, x509.CRLDistributionPoints)
    return tuple(str(name.value)[:500] for point in found or () for name in point.full_name or ())


def _timestamps(read: x509.Certificate) -> int:
    found = _extension(read, x509.PrecertificateSignedCertificateTimestamps)
    return len(list(found)) if found else 0


def _extension(read: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return read.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
