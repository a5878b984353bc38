"""Addresses: those of this machine, and those that a name stands for."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")  # /proc/net/fib_trie
_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - what "listen everywhere" looks like


@cache
def own_addresses() -> frozenset[str]:
    """The addresses of this machine in our network namespace, without the networks of loopback."""
    found: set[str] = set()
    for name, taken in (("fib_trie", _LOCAL.findall), ("if_inet6", _of_inet6)):
        try:
            found |= set(taken((Path("/proc/net") / name).read_text(encoding="ascii")))
        except OSError:
            continue  # built without this family
    return frozenset(found)


def is_own(address: str) -> bool:
    """Whether an address is this machine's."""
    return ipaddress.ip_address(address).is_loopback or address in own_addresses()


def networks(host: str) -> Iterator[str]:
    """What a host stands for: its addresses, itself where it is an address or a network, a path where it is one."""
    if host.startswith("/"):
        yield host
    elif host in _EVERYWHERE:
        yield from ("127.0.0.0/8", "::1", *own_addresses())
    else:
        try:
            network = ipaddress.ip_network(host, strict=False)
        except ValueError:
            yield from _resolved(host)
        else:
            yield str(network if network.num_addresses > 1 else network.network_address)


def _resolved(name: str) -> Iterator[str]:
    try:
        yield from sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None)})
    except OSError:
        return  # a name that has no address now is nobody's


def _of_inet6(table: str) -> Iterator[str]:
    for line in table.splitlines():
        yield str(ipaddress.ip_address(bytes.fromhex(line.split()[0])))
