"""The census: every declared host at every address it has, every port, every name and protocol a client may
ask for.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.model.transport import Kind, Place
from conformance.target import Target

UNKNOWN_NAME = "no-such-name.gateproof.invalid"  # RFC 2606, 2: nobody can own it
_ALPN: tuple[tuple[str, ...], ...] = ((), ("h2", "http/1.1"))


@dataclass(frozen=True, slots=True)
class Stand:
    """One address and port of one declared host."""

    host: str
    address: str
    port: int

    def places(self, further: tuple[str, ...]) -> tuple[Place, ...]:
        """Every way to ask here: the right name first, then no name, an unknown one, and the gateway's
        further ones.

        Under an unknown name nobody asks for a protocol too: what is served there is a default, and that of no name is asked.
        A host that is an address has no name to send (RFC 6066, 3): there, no SNI is right.
        """
        named = not is_literal(self.host)
        names: list[tuple[str, Kind]] = [(self.host if named else "", "right")]
        names += [("", "none")] if named else []
        names += [(UNKNOWN_NAME, "unknown")]
        names += [(name, "further") for name in further if name != self.host]
        return tuple(
            Place(host=self.host, address=self.address, port=self.port, sni=sni, kind=kind, alpn=alpn)
            for sni, kind in names
            for alpn in (_ALPN if kind != "unknown" else _ALPN[:1])
        )


def is_literal(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def addresses(target: Target, host: str) -> tuple[str, ...]:
    """Every address of a host: as pinned by the target file, else every A and AAAA record. Empty where it
    has none.
    """
    pinned = target.gateway.resolve.get(host)
    if pinned or is_literal(host):
        return pinned or (host,)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: not a name at all, such as one with an empty label
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def known_addresses(target: Target, hosts: Iterable[str]) -> int:
    """How many addresses hosts have together, a host named twice counted twice: as pinned, else one, before it is
    resolved.
    """
    return sum(len(target.gateway.resolve.get(host, ())) or 1 for host in hosts)


async def stands(target: Target) -> tuple[tuple[Stand, ...], tuple[str, ...]]:
    """Where TLS should be spoken, and the hosts that have no address. Ports of http:// base URLs are among
    them.
    """
    wanted = dict.fromkeys((*target.host_ports(), *clear_host_ports(target)))
    hosts = tuple(dict.fromkeys(host for host, _ in wanted))
    found = dict(zip(hosts, await asyncio.gather(*(addresses(target, host) for host in hosts)), strict=True))
    places = tuple(Stand(host, address, port) for host, port in wanted for address in found[host])
    return places, tuple(host for host in hosts if not found[host])


def clear_host_ports(target: Target) -> tuple[tuple[str, int], ...]:
    """Host and port of every base URL that is declared without TLS."""
    parts = (urlsplit(url) for url in target.urls())
    return tuple((part.hostname or "", part.port or 80) for part in parts if part.scheme != "https")
