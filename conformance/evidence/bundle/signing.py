"""Who signs: a key of our own, one that was given, or a command that speaks with a token or a key service."""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_SECONDS = 120.0  # a person may have to touch a token


class CannotSign(Exception):
    """There is no key to sign with, or it cannot be used; the message says what to do."""


class Signer(Protocol):
    """Signs with ECDSA on P-256 and SHA-256, so that `openssl dgst` verifies it."""

    @property
    def public(self) -> bytes:
        """The public key, PEM."""

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, DER. Raises CannotSign."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key in this process."""

    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        """The public key, PEM."""
        return _pem(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, DER."""
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class CommandSigner:
    """Signs through a command: the message on its standard input, the signature in DER on its standard output.

    The private key then stays where it is: in a token (PKCS#11) or a key service (KMS).
    """

    command: tuple[str, ...]
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, DER. Raises CannotSign where the command fails, or signs with another key."""
        try:
            done = subprocess.run(
                self.command, input=message, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as trouble:
            raise CannotSign(
                f"the sign command could not be run to its end: {type(trouble).__name__}"
            ) from None
        if done.returncode:
            raise CannotSign(f"the sign command ended with status {done.returncode}")
        if not is_signed(self.public, message, done.stdout):
            raise CannotSign(
                "what the sign command printed is no signature by the key given with it: ECDSA, P-256, SHA-256, DER"
            )
        return done.stdout


def own_key(path: Path) -> KeySigner:
    """The key of this machine's user, made on first use, readable by nobody else. Raises CannotSign."""
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(private_pem(key))
        except OSError as trouble:
            raise CannotSign(f"a signing key cannot be kept at {path}: {trouble.strerror}") from None
    return key_file(path)


def key_file(path: Path) -> KeySigner:
    """A private key in a PEM file. Raises CannotSign."""
    try:
        data = path.read_bytes()
    except OSError as trouble:
        raise CannotSign(f"the signing key {path} cannot be read: {trouble.strerror}") from None
    return from_pem(data, str(path))


def from_pem(data: bytes, where: str) -> KeySigner:
    """A private key in PEM without a passphrase. Raises CannotSign, and says what `where` holds instead."""
    try:
        key = serialization.load_pem_private_key(data, None)
    except TypeError:
        raise CannotSign(f"{where}: the key has a passphrase; use a sign command for it") from None
    except ValueError:
        raise CannotSign(f"{where} holds no private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CannotSign(
            f"{where}: the key must be ECDSA on P-256 (openssl ecparam -name prime256v1 -genkey)"
        )
    return KeySigner(key)


def public_key(data: bytes, where: str) -> bytes:
    """A public key as we write it: SubjectPublicKeyInfo in PEM. Raises CannotSign where it is none, or not on P-256."""
    try:
        key = serialization.load_pem_public_key(data)
    except ValueError:
        raise CannotSign(f"{where} holds no public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CannotSign(f"{where}: the key must be ECDSA on P-256")
    return _pem(key)


def keyid(public: bytes) -> str:
    """The name of a key: SHA-256 of its SubjectPublicKeyInfo in DER, as `openssl pkey -pubin -outform DER` writes it."""
    key = serialization.load_pem_public_key(public)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is this key's over this message."""
    key = serialization.load_pem_public_key(public)
    assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - `public_key` lets no other pass
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PKCS#8 in PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
