"""The faces that the witness shows to prove what a gateway checks before it sends anything to its provider."""

import ssl
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.model.provider_leg import Face
from conformance.witness.pki import EXPIRED, OTHER_HOST
from conformance.witness.tls import server_context

_BAD = (Face.EXPIRED, Face.OTHER_HOST, Face.SELF_SIGNED, Face.TLS10, Face.TLS11, Face.NO_CIPHER, Face.TLS12)


@dataclass(frozen=True, slots=True)
class Front:
    """A face and the context that shows it, or why it cannot be shown."""

    face: Face
    context: ssl.SSLContext | None
    trouble: str = ""


def fronts(certificate: Path, private_key: Path) -> tuple[Front, ...]:
    """Every face but the redirect, for a witness that usually shows this certificate.

    Certificates that the gateway would trust, were they not expired or somebody else's, are taken from beside it:
    only its authority can make them, and `gateproof witness --init FOLDER` does.
    """
    return tuple(_front(face, certificate, private_key) for face in _BAD)


def _front(face: Face, certificate: Path, private_key: Path) -> Front:
    try:
        return Front(face, _MAKE[face](certificate, private_key))
    except (OSError, ValueError) as trouble:  # a file that is not there, no pair, or a version OpenSSL lacks
        return Front(face, None, str(getattr(trouble, "strerror", None) or trouble)[:200])


def _beside(name: str) -> Callable[[Path, Path], ssl.SSLContext]:
    return lambda certificate, private_key: server_context(certificate.with_name(name), private_key)


def _self_signed(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """The same names, vouched for by nobody."""
    usual = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(usual.subject)
        .issuer_name(usual.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    for extension in usual.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, critical=False)
    made = builder.sign(key, hashes.SHA256())
    with tempfile.TemporaryDirectory(prefix="gateproof-") as folder:  # the ssl module reads files only
        chain, secret = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(made.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return server_context(chain, secret)


def _only(version: ssl.TLSVersion, ciphers: str) -> Callable[[Path, Path], ssl.SSLContext]:
    """The usual certificate over one version."""

    def make(certificate: Path, private_key: Path) -> ssl.SSLContext:
        context = server_context(certificate, private_key)
        context.set_ciphers(ciphers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the question
            context.minimum_version = context.maximum_version = version
        return context

    return make


_MAKE = {
    Face.EXPIRED: _beside(EXPIRED),
    Face.OTHER_HOST: _beside(OTHER_HOST),
    Face.SELF_SIGNED: _self_signed,
    Face.TLS10: _only(ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
    Face.TLS11: _only(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    Face.TLS12: _only(ssl.TLSVersion.TLSv1_2, "DEFAULT"),
    Face.NO_CIPHER: _only(ssl.TLSVersion.TLSv1_2, "aNULL:eNULL:@SECLEVEL=0"),
}
