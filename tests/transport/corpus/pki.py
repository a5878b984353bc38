"""Certificates of many kinds from one authority whose key stays in memory."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files: chain and key."""

    chain: Path
    key: Path

    @property
    def both(self) -> Path:
        """Chain and key in one file, as haproxy wants them."""
        path = self.chain.with_suffix(".both")
        path.write_bytes(self.chain.read_bytes() + self.key.read_bytes())
        return path


class Pki:
    """A root, and leaves on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._root = _signed("root of the corpus", self._key, None, self._key, ca=True)
        self.root = folder / "root.pem"
        self.root.write_bytes(self._root.public_bytes(Encoding.PEM))

    def leaf(
        self,
        label: str,
        *,
        key: Key | None = None,
        names: Sequence[str] = _NAMES,
        days: tuple[int, int] = (-1, 30),
        own: bool = False,
        intermediate: str = "",
    ) -> Pair:
        """A leaf, valid from and until so many days from now. `own`: signed by itself; `intermediate`: by one between,
        whose certificate is `sent` along or `kept` back.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer, signer, chain = self._root, self._key, b""
        if intermediate:
            signer = ec.generate_private_key(ec.SECP256R1())
            issuer = _signed(f"between for {label}", signer, self._root, self._key, ca=True)
            chain = issuer.public_bytes(Encoding.PEM) if intermediate == "sent" else b""
        made = _signed(label, key, None if own else issuer, key if own else signer, names=names, days=days)
        pair = Pair(self._folder / f"{label}.pem", self._folder / f"{label}.key")
        pair.chain.write_bytes(made.public_bytes(Encoding.PEM) + chain)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def _signed(
    subject: str,
    key: Key,
    issuer: x509.Certificate | None,
    signer: Key,
    *,
    ca: bool = False,
    names: Sequence[str] = (),
    days: tuple[int, int] = (-1, 30),
) -> x509.Certificate:
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(one) for one in names]), critical=False
        )
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(usages, critical=False)
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
