"""Where clear text is tried: every port of every host, for each API that could answer there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from conformance.dialects.speak import Key, KeyApi
from conformance.target import Target

Role = Literal["tls-port", "clear-port", "base-url"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A port to try. `url` is the base URL it belongs to, as clear text; `tls_port` answers controls at the
    same address; a careless client would GET `path` below it, to read what `reads` says.
    """

    host: str
    address: str
    port: int
    role: Role
    url: str
    tls_port: int | None
    reads: Literal["models", "keys"]
    path: str


@dataclass(frozen=True, slots=True)
class Service:
    """An API on one host, and the ports on which to try it. A port of the host on which two APIs could answer
    is tried for each.
    """

    host: str
    base_path: str
    ports: Mapping[int, Role]
    models: str
    key_api: KeyApi | None = None

    def spots(self, found: Iterable[str], key: Key | None) -> Iterator[Spot]:
        """Every port at these addresses. Of the key API is asked what would be asked to read `key`."""
        look = self.key_api.look(key) if self.key_api is not None else None
        name = f"[{self.host}]" if ":" in self.host else self.host
        secure = [port for port, role in self.ports.items() if role == "tls-port"]
        for address in found:
            for port, role in self.ports.items():
                yield Spot(
                    host=self.host,
                    address=address,
                    port=port,
                    role=role,
                    url=f"http://{name}:{port}{self.base_path}",
                    tls_port=port if port in secure else next(iter(secure), None),
                    reads="models" if look is None else "keys",
                    path=self.models if look is None else look.path,
                )


def services(target: Target, key_api: KeyApi | None) -> tuple[Service, ...]:
    """The content API on each of its hosts, and the key API where it is apart."""
    by_host: dict[str, list[SplitResult]] = {}
    for url in target.content_urls():
        by_host.setdefault(urlsplit(url).hostname or "", []).append(urlsplit(url))
    models = target.endpoint("models") or "/"
    content = [Service(host, bases[0].path, _ports(target, bases), models) for host, bases in by_host.items()]
    if not target.key_api_apart():
        return tuple(content)
    base = urlsplit(target.key_api_url())
    return (*content, Service(base.hostname or "", base.path, _ports(target, [base]), models, key_api))


def _ports(target: Target, bases: Sequence[SplitResult]) -> dict[int, Role]:
    """The ports to try on a host with these base URLs, and why each is tried."""
    gateway = target.gateway
    ports: dict[int, Role] = {base.port or 80: "base-url" for base in bases if base.scheme != "https"}
    for port in (*(base.port or 443 for base in bases if base.scheme == "https"), *gateway.tls_ports):
        ports.setdefault(port, "tls-port")
    for port in gateway.cleartext_ports:
        ports.setdefault(port, "clear-port")
    return ports
