"""HTTPS and CAA records: where else a host answers, and which authorities may vouch for it.

The library is optional; without it nothing is asked. Names that a target file pins to addresses, and those that are nobody's
(RFC 6761), are not asked about.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from conformance.catalogue import Cost, Phase, observes
from conformance.model.dns_records import DnsRecords, HostRecords, ServiceBinding
from conformance.model.scale import Disruption, Level
from conformance.probes.tls.census import is_literal
from conformance.session import Session
from conformance.target import Target

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

_SECONDS = 3.0  # a resolver that takes longer is none
_NOBODYS = ("localhost", "test", "invalid", "example", "local", "internal", "home.arpa")
_MOST = 20
_KEPT = 300  # characters of a value


def _cost(target: Target, sample: int) -> Cost:
    return Cost(seconds=_SECONDS)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.PASSIVE, cost=_cost)
async def dns_records(session: Session) -> DnsRecords:
    """HTTPS and CAA records of the target's hosts."""
    hosts = dict.fromkeys(host for host, _ in session.target.host_ports())
    asked = [host for host in hosts if not _is_left_out(host, session.target)]
    left_out = tuple(host for host in hosts if host not in asked)
    if not asked:
        return DnsRecords(left_out=left_out)
    try:
        resolver = _systems()
    except (ImportError, OSError, ValueError) as trouble:
        why = (
            "asking needs `pip install gateproof[dns]`" if isinstance(trouble, ImportError) else "no resolver"
        )
        troubled = tuple(HostRecords(host=host, trouble=why) for host in asked)
        return DnsRecords(hosts=troubled, left_out=left_out)
    return DnsRecords(hosts=await records_of(asked, resolver), left_out=left_out)


async def records_of(hosts: Iterable[str], resolver: "Resolver") -> tuple[HostRecords, ...]:
    """The records of some hosts, all asked about at once."""
    return tuple(await asyncio.gather(*(_host(host, resolver) for host in hosts)))


def _systems() -> "Resolver":
    """The system's resolver. Raises ImportError, and OSError or ValueError where none is configured."""
    from dns.asyncresolver import Resolver
    from dns.exception import DNSException

    try:
        resolver = Resolver()
    except DNSException as trouble:
        raise ValueError(str(trouble)) from None
    resolver.lifetime = _SECONDS
    return resolver


def _is_left_out(host: str, target: Target) -> bool:
    pinned = host in target.gateway.resolve
    nobodys = any(host == name or host.endswith("." + name) for name in _NOBODYS)
    return pinned or nobodys or is_literal(host) or "." not in host


async def _host(host: str, resolver: "Resolver") -> HostRecords:
    from dns.exception import DNSException

    try:
        bindings, (at, authorised) = await asyncio.gather(_bindings(host, resolver), _caa(host, resolver))
    except (DNSException, OSError) as trouble:
        return HostRecords(host=host, trouble=(str(trouble) or type(trouble).__name__)[:_KEPT])
    return HostRecords(host=host, bindings=bindings, caa_at=at, authorised=authorised)


async def _bindings(host: str, resolver: "Resolver") -> tuple[ServiceBinding, ...]:
    found = await _records(host, "HTTPS", resolver)
    bindings = [_binding(record) for record in found if record.priority]
    return tuple(sorted(bindings, key=lambda one: (one.priority, one.target)))[:_MOST]


def _binding(record: Any) -> ServiceBinding:
    """RFC 9460, 14.3.2: key 1 is `alpn`, key 3 `port`."""
    protocols, port = record.params.get(1), record.params.get(3)
    return ServiceBinding(
        priority=record.priority,
        target=str(record.target).rstrip(".")[:_KEPT],
        port=port.port if port else 0,
        protocols=tuple(name.decode("latin-1") for name in protocols.ids) if protocols else (),
    )


async def _caa(host: str, resolver: "Resolver") -> tuple[str, tuple[tuple[str, str], ...]]:
    """The set that holds for a host is that of the closest name which has one (RFC 8659, 3)."""
    labels = host.rstrip(".").split(".")
    for start in range(len(labels)):
        name = ".".join(labels[start:])
        found = await _records(name, "CAA", resolver)
        if found:
            told = sorted((r.tag.decode("latin-1"), r.value.decode("latin-1")[:_KEPT]) for r in found)
            return name, tuple(told[:_MOST])
    return "", ()


async def _records(name: str, kind: str, resolver: "Resolver") -> list[Any]:
    """The records of a name; none where the name has none of this kind, or is not there."""
    from dns.resolver import NXDOMAIN, NoAnswer

    try:
        return list(await resolver.resolve(name, kind, search=False))
    except (NXDOMAIN, NoAnswer):
        return []
