"""What is declared, to compare with: which surface holds a path, who may be talked to, whose output is accounted for."""

import ipaddress
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conformance.collectors.files import located
from conformance.collectors.places import procfs
from conformance.collectors.places.addresses import networks
from conformance.collectors.places.members import witness_port
from conformance.collectors.reading import Accounted, accounted
from conformance.target import Surface, Target

_RESOLVERS = Path("/etc/resolv.conf")
_DNS = 53
WITNESS = "the witness"
# Services by which programs look names and users up, without knowing it (nsswitch.conf(5)).
_NAME_SERVICES = ("/run/nscd/", "/var/run/nscd/", "/run/systemd/resolve/", "/run/systemd/userdb/")


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declared surfaces with what each accounts for, and the declared peers, resolved."""

    base: Path
    surfaces: tuple[tuple[Surface, Accounted], ...]
    peers: tuple[tuple[str, str, int], ...]  # what declares it; address, network or path; port (0: any)
    identities: dict[
        tuple[int, int], str
    ]  # of files in surfaces: another mount namespace calls them otherwise

    def holder(self, path: Path, status: os.stat_result | None = None) -> str:
        """The locator of the surface that holds a file; empty where none does."""
        named = next((surface.locator for surface, own in self.surfaces if own.holds(path)), "")
        if named or status is None:
            return named
        return self.identities.get((status.st_dev, status.st_ino), "")

    def folders(self) -> Iterator[Path]:
        """The folders in which declared files lie: the gateway writes there, whether or not it has them open just now."""
        for surface, _ in self.surfaces:
            if surface.kind in {"files", "sqlite"}:
                path = Path(os.path.normpath(self.base / surface.locator))
                yield path if path.is_dir() else path.parent

    def peer(self, address: str, port: int) -> str:
        """What declares a peer; empty where nothing does."""
        return next((by for by, where, at in self.peers if at in {port, 0} and _is_in(address, where)), "")

    def output(self) -> str:
        """The locator of a surface that holds what processes print; empty where none does."""
        return next((surface.locator for surface, own in self.surfaces if own.output), "")


def declaration(target: Target, base: Path) -> Declaration:
    """What a target file declares, as it stands on this machine now."""
    surfaces = tuple((surface, accounted(surface, base)) for surface in target.surfaces)
    peers = [*_witness(target), *_resolvers()]
    for surface, own in surfaces:
        peers += _resolved(f"surface {surface.locator}", own.peers)
    declared = target.processes.peers if target.processes is not None else ()
    peers += _resolved("processes.peers", map(_parts, declared))
    return Declaration(base, surfaces, tuple(peers), dict(_identities(surfaces, base)))


def files_of(pids: Iterable[int]) -> frozenset[tuple[int, int]]:
    """The regular files that some processes have open for writing, as far as that can be seen."""
    found = set()
    for pid in pids:
        try:
            for number, target in procfs.descriptors(pid).items():
                opened = procfs.open_file(pid, number, target)
                status = os.stat(opened.handle)  # noqa: PTH116 - a name of /proc
                if opened.writable and stat.S_ISREG(status.st_mode):
                    found.add((status.st_dev, status.st_ino))
        except OSError:
            continue
    return frozenset(found)


def _identities(
    surfaces: Iterable[tuple[Surface, Accounted]], base: Path
) -> Iterator[tuple[tuple[int, int], str]]:
    for surface, own in surfaces:
        locators = (surface.locator,) if surface.kind in {"files", "sqlite"} else surface.files
        for root in (root for locator in locators for root in located(locator, base)):
            for path in (root, *(root.rglob("*") if root.is_dir() else root.parent.iterdir())):
                try:
                    status = path.lstat()
                except OSError:
                    continue
                if own.holds(path):
                    yield (status.st_dev, status.st_ino), surface.locator


def _witness(target: Target) -> Iterator[tuple[str, str, int]]:
    """The witness by the port on which it listens, on any address of this machine; and by its URL, where it has one."""
    if target.witness is None:
        return
    host, _, _ = target.witness.listen.rpartition(":")
    yield from ((WITNESS, address, witness_port(target)) for address in networks(host.strip("[]")))
    parts = urlsplit(target.witness.url)
    if parts.hostname:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        yield from _resolved(WITNESS, [(parts.hostname, port)])


def _resolvers() -> Iterator[tuple[str, str, int]]:
    try:
        lines = _RESOLVERS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        match line.split():
            case ["nameserver", address, *_]:
                yield "a resolver of this machine", address.partition("%")[0], _DNS
    yield from (("a name service of this machine", folder, 0) for folder in _NAME_SERVICES)


def _resolved(by: str, peers: Iterable[tuple[str, int]]) -> Iterator[tuple[str, str, int]]:
    """Each peer by every address that its name has."""
    for host, port in peers:
        yield from ((by, address, port) for address in networks(host))


def _parts(peer: str) -> tuple[str, int]:
    if peer.startswith("/"):
        return peer, 0
    host, _, port = peer.rpartition(":")
    return host.strip("[]"), 0 if port == "*" else int(port)


def _is_in(address: str, where: str) -> bool:
    if where.startswith("/"):
        return address == where or (where.endswith("/") and address.startswith(where))
    if address.startswith(("/", "@")) or not address:
        return False
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(where, strict=False)
    except ValueError:
        return address == where
