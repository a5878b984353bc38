"""What a caller brings along beside its request: headers of every kind, and the address that it comes from."""

import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from conformance.model.egress import HeaderFate
from conformance.scan.secrets import forms_in
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

# All of 127/8 is this machine's (RFC 1122, 3.2.1.3): an address of it that nobody else comes from.
_UNUSUAL = "127.84.61.9"
# TEST-NET-3 (RFC 5737): addresses that nobody has, as a client behind proxies would bring them.
ADDRESSES = "203.0.113."
IDENTIFYING = frozenset({
    "cookie", "forwarded", "x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip",
    "x-original-forwarded-for", "fastly-client-ip",
})  # fmt: skip
"""Headers that say who the caller is and where; whether others are passed on is information."""


def identifying(cookie: str) -> dict[str, str]:
    """A cookie and every header by which proxies name a client's address, each with an address of its own."""
    names = sorted(IDENTIFYING - {"cookie", "forwarded"})
    found = {name: f"{ADDRESSES}{number}" for number, name in enumerate(names, start=70)}
    return {**found, "cookie": f"session={cookie}", "forwarded": f"for={ADDRESSES}69"}


def curious() -> dict[str, str]:
    """Headers that a browser, a tracer or an application adds, each with a value of its own."""
    token = secrets.token_hex
    return {
        "user-agent": f"application/{token(8)}",
        "referer": f"https://{token(8)}.example/page",
        "origin": f"https://{token(8)}.example",
        "via": f"1.1 {token(8)}",
        "accept-language": f"x-{token(4)}",
        "traceparent": f"00-{token(16)}-{token(8)}-01",
        "tracestate": f"tool={token(8)}",
        "baggage": f"customer={token(8)}",
        "x-application-note": token(12),
    }


def fates(sent: Mapping[str, str], seen: Iterable[WitnessCall]) -> tuple[HeaderFate, ...]:
    """Where in the provider's calls the value of each header stood as it is."""
    calls = tuple(seen)
    return tuple(
        HeaderFate(name=name, places=_places(calls, partial(_holds, _telling(name, value).lower())))
        for name, value in sorted(sent.items())
    )


def places_of(value: str, seen: Iterable[WitnessCall]) -> tuple[str, ...]:
    """Where a value stands in what the provider received, in any encoding."""
    return _places(seen, lambda text: bool(forms_in(value, text)))


def _places(seen: Iterable[WitnessCall], holds: Callable[[str], bool]) -> tuple[str, ...]:
    places: set[str] = set()
    for call in seen:
        places |= {f"header {name.lower()}" for name, found in call.headers if holds(found)}
        if holds(call.body.decode("utf-8", errors="replace")):
            places.add("body")
        if holds(call.path):
            places.add("path")
    return tuple(sorted(places))


def _holds(value: str, text: str) -> bool:
    return value in text.lower()


def _telling(name: str, value: str) -> str:
    """The part of a value that is like no other: what a gateway passes on of it, even under another name."""
    if name in {"cookie", "forwarded", "tracestate", "baggage"}:
        return value.partition("=")[2]
    return value.split("-")[1] if name == "traceparent" else value


@dataclass(frozen=True, slots=True)
class Origin:
    """The address that we come from. `bind`: to be asked for, since any other would be shared with the gateway itself."""

    address: str
    bind: bool


def origin_of(target: Target) -> Origin | None:
    """Our address as the gateway sees it, as far as this machine knows; None where it cannot be known.

    Behind an address translation the gateway sees another one.
    """
    parts = urlsplit(target.origin())
    host = parts.hostname or ""
    place = next(iter(target.gateway.resolve.get(host, ())), host)
    try:
        family, kind, _, _, there = socket.getaddrinfo(place, parts.port or 443, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(there)  # by UDP: nothing is sent
            own = str(probe.getsockname()[0])
            if not ip_address(own).is_loopback:
                return Origin(own, bind=False)
        with socket.socket() as probe:
            probe.bind((_UNUSUAL, 0))
    except OSError:
        return None
    return Origin(_UNUSUAL, bind=True) if family == socket.AF_INET else None


def shared(origin: Origin, seen: Iterable[WitnessCall]) -> bool:
    """Whether the provider's calls come from that very address: then it is the gateway's as well."""
    return any(call.peer.rpartition(":")[0].strip("[]") == origin.address for call in seen)
