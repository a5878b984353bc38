"""Whether a surface and the gateway's processes can be meant as they are declared: what types cannot express. Pure."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from conformance.target import Target
from conformance.target_parts import Secret
from conformance.target_places import Processes, Surface

SURFACE_KINDS = (
    "command", "files", "fsspec", "http", "journald", "postgres", "prometheus", "redis", "sqlite",
)  # fmt: skip

_SCHEMES = {
    "http": ("https", "http"),
    "prometheus": ("https", "http"),
    "postgres": ("postgresql", "postgres"),
    "redis": ("rediss", "redis", "unix"),
}
# Keys that have a meaning for some kinds only.
_KEYS_OF = {
    "files": ("postgres", "redis"),
    "command": ("command",),
    "environment": ("command",),
    "match": ("journald",),
    "follow": ("command", "http"),
    "credential": ("http", "postgres", "prometheus", "redis"),
    "ca_file": ("http", "postgres", "prometheus", "redis"),
    "options": ("fsspec",),
    "secrets": ("fsspec",),
}
_MOST_PORT = 65535
_ZONE = re.compile(r"(?=.{1,200}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?)+", re.IGNORECASE)


def credentials(target: Target) -> dict[tuple[str, str], Secret | None]:
    """Every credential that a target file may name outside its surfaces, by table and key; None where it does not."""
    witness, elsewhere, account = target.witness, target.other_environment, target.other_account
    return {
        ("credentials", "admin"): target.credentials.admin,
        ("credentials", "key"): target.credentials.key,
        ("credentials", "peppers"): next(
            (p for p in target.credentials.peppers if bool(p.env) == bool(p.file)), None
        ),
        ("witness", "api_key"): witness.api_key if witness else None,
        ("other_environment", "key"): elsewhere.key if elsewhere else None,
        ("other_account", "admin"): account.admin if account else None,
        ("other_account", "key"): account.key if account else None,
    }


def surface_complaint(surface: Surface) -> tuple[str, str] | None:
    """The first thing of a surface that cannot be meant: (key, what is wrong), or None."""
    return next(_complaints(surface), None)


def processes_complaint(processes: Processes) -> tuple[str, str] | None:
    """The first thing of the processes that cannot be meant: (key, what is wrong), or None."""
    if not any((processes.pids, processes.pid_files, processes.names, processes.ports, processes.peers)):
        return "pids", "name the processes by pids, pid_files, names or ports, or leave the table out"
    for key, least in (("pids", 1), ("ports", 1)):
        for number in getattr(processes, key):
            if number < least or (key == "ports" and number > _MOST_PORT):
                return key, f"{number} is not one"
    return next((("peers", why) for peer in processes.peers if (why := _peer(peer))), None)


def zone_complaint(zone: str, listen: str) -> tuple[str, str] | None:
    """What is wrong with a zone and where its names are answered: (key, what is wrong), or None."""
    if bool(zone) != bool(listen):
        return "zone", "give both `zone` and `dns_listen`, or neither"
    if zone and not _ZONE.fullmatch(zone):
        return "zone", f"'{zone}' is not a zone such as tripwire.example"
    host, _, port = listen.rpartition(":")
    if listen and not (host and port.isdigit() and int(port) <= _MOST_PORT):
        return "dns_listen", f"'{listen}' is not address:port"
    return None


def _complaints(surface: Surface) -> Iterator[tuple[str, str]]:
    if surface.kind not in SURFACE_KINDS:
        yield "kind", f"'{surface.kind}' is not a kind of surface; known: {', '.join(SURFACE_KINDS)}"
        return
    for key, kinds in _KEYS_OF.items():
        if getattr(surface, key) and surface.kind not in kinds:
            yield key, f"it has a meaning for {' and '.join(kinds)} only"
    if surface.kind == "command" and not surface.command:
        yield "command", "a surface of this kind is what a command prints: give its argument list"
    named = (
        ("credential", surface.credential),
        *(("secrets", secret) for secret in surface.secrets.values()),
    )
    for key, reference in named:
        if reference is not None and not _is_reference(reference):
            yield key, "give either `env` or `file`"
    yield from _locator(surface)


def _is_reference(reference: Secret) -> bool:
    return bool(reference.env) != bool(reference.file)


def _locator(surface: Surface) -> Iterator[tuple[str, str]]:
    if not surface.locator:
        yield "locator", "it is empty"
    if surface.kind == "fsspec" and "://" not in surface.locator:
        yield "locator", "it is not a URL such as s3://bucket/logs"
    schemes = _SCHEMES.get(surface.kind)
    if schemes is None:
        return
    try:
        parts = urlsplit(surface.locator)
        password, scheme = parts.password, parts.scheme if parts.port != 0 else ""
    except ValueError:  # half an IPv6 address, or a port that is none
        password, scheme = None, ""
    if scheme not in schemes:
        yield "locator", f"it is not a URL such as {schemes[0]}://host/…"
    elif password is not None or "password=" in parts.query:
        yield "locator", "a password stands in it; give it as `credential`"
    elif surface.credential is not None and scheme == "http" and not _is_here(parts):
        yield "locator", "the credential would travel in clear text: https, or an address of loopback"


def _is_here(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _peer(text: str) -> str:
    """What is wrong with a peer as it is declared; empty where nothing is."""
    if text.startswith("/"):
        return ""
    host, _, port = text.rpartition(":")
    if not host or (port != "*" and not (port.isdigit() and 0 < int(port) <= _MOST_PORT)):
        return f"'{text}' is neither host:port, nor network:*, nor the path of a Unix socket"
    if "/" in host:
        try:
            ipaddress.ip_network(host.strip("[]"), strict=False)
        except ValueError:
            return f"'{host}' is not a network such as 10.0.0.0/8"
    return ""
