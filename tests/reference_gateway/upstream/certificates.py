"""Certificates as providers have them, good and bad, from an authority that lives for one test run."""

import ssl
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCAL = ("localhost", "127.0.0.1", "::1")


class Period(NamedTuple):
    """When a certificate is valid."""

    begin: datetime
    end: datetime


_NOW = datetime.now(UTC)
NOW = Period(_NOW - timedelta(hours=1), _NOW + timedelta(days=1))
PAST = Period(_NOW - timedelta(days=3), _NOW - timedelta(days=2))


class Authority:
    """Signs certificates; `root` is the PEM file that its clients trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("an authority")
        self._issued = 0
        self.root = folder / "root.pem"
        certificate = (
            _builder(self._name, self._name, self._key, NOW)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.root.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(
        self, names: Sequence[str] = LOCAL, period: Period = NOW, *, self_signed: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a new certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named("a provider")
        certificate = (
            _builder(subject, subject if self_signed else self._name, key, period)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .sign(key if self_signed else self._key, hashes.SHA256())
        )
        self._issued += 1
        path = self._folder / f"provider-{self._issued}.pem"
        path.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def speaking(self, newest: ssl.TLSVersion) -> ssl.SSLContext:
        """A good certificate, but no newer TLS than this."""
        context = self.issue()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
        return context

    @staticmethod
    def careless() -> ssl.SSLContext:
        """A client's context that takes anything: the control for what the gateway refuses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, period: Period
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(period.begin)
        .not_valid_after(period.end)
    )
