"""Deployments of haproxy: one process, a front per deployment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.transport.corpus.pki import Pki
from tests.transport.corpus.processes import free_ports, serving
from tests.transport.corpus.truth import Deployment

_PROGRAM = "/usr/sbin/haproxy"
_FIELD = 'Strict-Transport-Security "max-age=63072000; includeSubDomains; preload"'
_EVERY = f"http-after-response set-header {_FIELD}"
_RESPONSES = f"http-response set-header {_FIELD}"
_MODERN = "ssl-min-ver TLSv1.3"


class Row(NamedTuple):
    """What the TLS front is bound with and does, what the one in clear text does (empty: nobody listens), and the truth."""

    name: str
    bind: str
    rules: str = _EVERY
    clear: str = ""
    truth: str = ""


ROWS = (
    Row("modern", _MODERN, clear="http-request redirect scheme https code 308", truth="redirects=P hsts=F"),
    Row("a temporary redirect", _MODERN, clear="http-request redirect scheme https", truth="redirects=P hsts=F"),
    Row("a redirect with HSTS", _MODERN, clear=f"{_EVERY}\n http-request redirect scheme https", truth="redirects=P hsts=F"),
    Row("clear text is denied", _MODERN, clear="http-request deny deny_status 403", truth="hsts=F"),
    Row("clear text is rejected", _MODERN, clear="tcp-request connection reject", truth="hsts=F"),
    Row("clear text is dropped in silence", _MODERN, clear="http-request silent-drop", truth="clear=F key=I redirects=I hsts=F"),
    Row("HSTS on what the API answers", _MODERN, rules=_RESPONSES, truth="hsts=F"),
    Row("no HSTS", _MODERN, rules="", truth="hsts=F age=I"),
    Row("unknown names refused", f"{_MODERN} strict-sni", truth="hsts=F"),
    Row("HTTP/2 offered first", f"{_MODERN} alpn h2,http/1.1", truth="hsts=F"),
    Row("one curve", f"{_MODERN} curves P-384", truth="hsts=F"),
    Row("0-RTT allowed", f"{_MODERN} allow-0rtt", truth="hsts=F"),
    Row("no tickets", f"{_MODERN} no-tls-tickets", truth="hsts=F"),
    Row("TLS 1.2 too", "ssl-min-ver TLSv1.2", truth="1.2=F hsts=F"),
    Row("TLS 1.2 at most", "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2", truth="1.2=F 1.3=F ssl2=I ssl3=I 1.0=I 1.1=I hsts=F"),
    Row("TLS 1.0 to 1.3", "ssl-min-ver TLSv1.0 ciphers ALL:@SECLEVEL=0", truth="1.0=F 1.1=F 1.2=F hsts=F"),
    Row("TLS 1.1 too", "ssl-min-ver TLSv1.1 ciphers ALL:@SECLEVEL=0", truth="1.1=F 1.2=F hsts=F"),
    Row("the API in clear text", _MODERN, clear="default_backend api", truth="clear=F key=F hsts=F"),
)  # fmt: skip


@contextmanager
def haproxy(folder: Path, pki: Pki, bare: int) -> Iterator[tuple[Deployment, ...]]:
    """Every row, served by one haproxy in front of an API that sets no HSTS."""
    ports = free_ports(2 * len(ROWS))
    certificate = pki.leaf("haproxy").both
    fronts, found = [], []
    for number, (row, port, clear) in enumerate(zip(ROWS, ports[::2], ports[1::2], strict=True)):
        bind = f"bind 127.0.0.1:{port} ssl crt {certificate} {row.bind}"
        fronts.append(f"frontend tls{number}\n {bind}\n {row.rules}\n default_backend api\n")
        if row.clear:
            fronts.append(f"frontend clear{number}\n bind 127.0.0.1:{clear}\n {row.clear}\n")
        found.append(Deployment(name=row.name, port=port, clear=(clear,), truth=row.truth))
    path = folder / "haproxy.cfg"
    path.write_text(
        "global\n nbthread 1\n maxconn 2000\n tune.ssl.default-dh-param 2048\n"
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n"
        f"backend api\n server one 127.0.0.1:{bare}\n" + "".join(fronts)
    )
    with serving([_PROGRAM, "-db", "-f", str(path)], folder / "haproxy.out", ports[::2]):
        yield tuple(found)
