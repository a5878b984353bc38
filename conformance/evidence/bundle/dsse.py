"""The envelope: one payload, one signature, in DSSE v1 as in-toto statements are carried. Pure.

The signature is over the PAE, `DSSEv1 LENGTH TYPE LENGTH PAYLOAD` (DSSE protocol, "Signature Definition"), which a
shell can build. The envelope is accepted in the one spelling that `written` gives it: what JSON would allow beside
it, a second member of the same name above all, one reader could take for this and another for that.
"""

import base64
import binascii

import msgspec

from conformance.evidence.bundle.manifest import Tampered

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature, and the SHA-256 of the public key that verifies it (of its SubjectPublicKeyInfo in DER)."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A payload in base64, its media type, and what vouches for it."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


def pae(payload: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of a payload of our one type."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def written(payload: bytes, signature: bytes, keyid: str) -> bytes:
    """The envelope of a payload and its signature (ECDSA, DER)."""
    envelope = Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(Signature(keyid=keyid, sig=base64.b64encode(signature).decode()),),
    )
    return msgspec.json.encode(envelope) + b"\n"


def opened(data: bytes) -> tuple[bytes, bytes, str]:
    """Payload, signature and key id of an envelope. Raises Tampered for any spelling but our own."""
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
        if len(envelope.signatures) != 1:
            raise Tampered(f"the statement has {len(envelope.signatures)} signatures; one is what was sealed")
        payload = base64.b64decode(envelope.payload, validate=True)
        signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
        raise Tampered("the statement is not an envelope as DSSE v1 has it") from None
    keyid = envelope.signatures[0].keyid
    if data != written(payload, signature, keyid):
        raise Tampered("the statement's envelope is spelt in a way that two readers could read differently")
    return payload, signature, keyid
