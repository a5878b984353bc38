"""Whole handshakes by the platform's library: what an SDK would see at a place, and proof that an old
version completes.
"""

import asyncio
import contextlib
import hashlib
import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from cryptography import x509

from conformance.model.transport import Confirmation, Handshake, Place, Version

_MINIMUM = {
    Version.TLS10: ssl.TLSVersion.TLSv1,
    Version.TLS11: ssl.TLSVersion.TLSv1_1,
    Version.TLS12: ssl.TLSVersion.TLSv1_2,
}


async def shake_hands(place: Place, trust: ssl.SSLContext, wait: float) -> Handshake:
    """A handshake that verifies chain and name of the place's host, as an SDK does before it sends anything."""
    began = monotonic()
    try:
        agreed = await _handshake(place, trust, place.host, wait)
    except ssl.SSLCertVerificationError as trouble:
        return _not_verified(place, trouble.verify_message or str(trouble), began, untrusted=True)
    except (OSError, TimeoutError) as trouble:
        return _not_verified(place, _short(trouble), began)
    return Handshake(
        place=place,
        verified=True,
        version=agreed.version,
        suite=agreed.suite,
        alpn=agreed.alpn,
        certificate=hashlib.sha256(agreed.leaf).hexdigest(),
        not_after=_not_after(agreed.leaf),
        ms=_ms(began),
    )


async def confirm(place: Place, version: Version, wait: float) -> Confirmation:
    """Try to finish a handshake of exactly this old version, with every suite the library still has.

    A library without the version or the suite proves nothing either way; `trouble` says so.
    """
    if version not in _MINIMUM:
        return Confirmation(
            place=place, offered=version, finished=False, trouble="the library does not speak it"
        )
    try:
        agreed = await _handshake(place, _permissive(version, place.alpn), place.sni, wait)
    except (OSError, TimeoutError) as trouble:
        return Confirmation(place=place, offered=version, finished=False, trouble=_short(trouble))
    return Confirmation(
        place=place, offered=version, finished=True, version=agreed.version, suite=agreed.suite
    )


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What a finished handshake agreed on; `leaf` is the server's certificate in DER."""

    version: str
    suite: str
    alpn: str
    leaf: bytes


async def _handshake(place: Place, context: ssl.SSLContext, name: str, wait: float) -> _Agreed:
    """What a handshake agreed on; the connection is closed again. An empty name sends no SNI."""
    async with asyncio.timeout(wait):
        _, writer = await asyncio.open_connection(
            place.address, place.port, ssl=context, server_hostname=name
        )
    state: ssl.SSLObject = writer.get_extra_info("ssl_object")
    cipher = state.cipher()
    # Read before the goodbye: a peer that speaks on after it leaves a state that answers no question.
    agreed = _Agreed(
        version=state.version() or "",
        suite=cipher[0] if cipher else "",
        alpn=state.selected_alpn_protocol() or "",
        leaf=state.getpeercert(binary_form=True) or b"",
    )
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):  # how the peer says goodbye changes nothing
        async with asyncio.timeout(1):
            await writer.wait_closed()
    return agreed


def _permissive(version: Version, alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over it; only the version is of interest
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are the question
        context.minimum_version = context.maximum_version = _MINIMUM[version]
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _not_after(leaf: bytes) -> str:
    try:
        end: datetime = x509.load_der_x509_certificate(leaf).not_valid_after_utc
    except ValueError:
        return ""
    return end.astimezone(UTC).isoformat()


def _not_verified(place: Place, trouble: str, began: float, *, untrusted: bool = False) -> Handshake:
    return Handshake(place=place, verified=False, trouble=trouble, untrusted=untrusted, ms=_ms(began))


def _short(trouble: BaseException) -> str:
    reason = getattr(trouble, "reason", None)
    return str(reason or str(trouble) or type(trouble).__name__)[:200]


def _ms(began: float) -> int:
    return int((monotonic() - began) * 1000)
