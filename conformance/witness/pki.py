"""A private certificate authority for one witness: made, used once, and forgotten but for its certificate."""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=7)
_CLOCK_SKEW = timedelta(hours=1)
_OURS: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
EXPIRED, OTHER_HOST = "expired.pem", "other-host.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where the files are, all PEM."""

    root: Path  # what clients of the witness must trust
    certificate: Path
    private_key: Path  # mode 0600


def make_authority(folder: Path, *, now: datetime | None = None) -> Authority:
    """Write `ca.pem`, `server.pem` and `server.key` for 127.0.0.1, ::1 and localhost, good for 7 days.

    Beside them, for the same key, what a gateway must refuse: `expired.pem` and `other-host.pem`. The authority's
    own key is never written, so nothing else can ever be signed by it. Raises FileExistsError
    rather than overwrite a file, and OSError where the folder cannot be written.
    """
    begin = (now or datetime.now(UTC)) - _CLOCK_SKEW
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _root(root_key, begin)
    leaf = _leaf(key.public_key(), root, root_key, begin)
    expired = _leaf(key.public_key(), root, root_key, begin - 2 * _LIFE)
    other_host = _leaf(key.public_key(), root, root_key, begin, (x509.DNSName("other-host.invalid"),))
    folder.mkdir(parents=True, exist_ok=True)
    made = Authority(
        root=folder / "ca.pem", certificate=folder / "server.pem", private_key=folder / "server.key"
    )
    _write(made.private_key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write(made.root, root.public_bytes(Encoding.PEM), 0o644)
    _write(made.certificate, leaf.public_bytes(Encoding.PEM), 0o644)
    _write(folder / EXPIRED, expired.public_bytes(Encoding.PEM), 0o644)
    _write(folder / OTHER_HOST, other_host.public_bytes(Encoding.PEM), 0o644)
    return made


def _root(key: ec.EllipticCurvePrivateKey, begin: datetime) -> x509.Certificate:
    name = _named("Gateproof witness authority")
    return (
        _builder(name, name, key.public_key(), begin)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    begin: datetime,
    names: tuple[x509.GeneralName, ...] = _OURS,
) -> x509.Certificate:
    return (
        _builder(_named("Gateproof witness"), root.subject, key, begin)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # RFC 5280, 4.2.1.1: strict verifiers refuse a leaf that does not say who signed it.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _CLOCK_SKEW + _LIFE)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    # The mode is given at creation: a key is never readable by others, not even for a moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
