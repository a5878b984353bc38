"""Deployments of nginx: one process, one listener and more per deployment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.transport.corpus.pki import Pair, Pki
from tests.transport.corpus.processes import free_ports, serving
from tests.transport.corpus.truth import Deployment

_PROGRAM = "/usr/sbin/nginx"
_ALWAYS = 'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
_SOMETIMES = 'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains";'
_PASS = "location / { proxy_pass http://127.0.0.1:BARE; }"  # an API that sets no HSTS itself
_PASS_DECORATED = "location / { proxy_pass http://127.0.0.1:DECORATED; }"
_MODERN = "ssl_protocols TLSv1.3;"
_HERE = "//$host"  # as nginx writes the host that was asked for
_HOME = f"return 308 https:{_HERE}$request_uri;"


class Row(NamedTuple):
    """Lines of a server block, those of one in clear text (empty: nobody listens), further blocks, and the truth.

    PORT and the ports of the two APIs are put in; CERT is the chain and key of `certificate`, OTHER those for another name.
    """

    name: str
    secure: str
    clear: str = ""
    more: str = ""
    truth: str = ""
    certificate: str = "usual"
    customer: bool = False


_GOOD = f"{_MODERN} {_ALWAYS} {_PASS}"
_WEAK = "ssl_ciphers ALL:@SECLEVEL=0;"
_TLS = "listen 127.0.0.1:PORT ssl; CERT"
ROWS = (
    Row("modern", _GOOD, _HOME, truth="redirects=P"),
    Row("modern with http2", _GOOD, _HOME, truth="redirects=P"),
    Row("modern, seen by a customer", _GOOD, _HOME, truth="redirects=P", customer=True),
    Row("403 in clear text, seen by a customer", _GOOD, "return 403;", truth="key=I", customer=True),
    Row("nothing in clear text", _GOOD),
    Row("closes clear text", f"{_MODERN} {_ALWAYS} {_PASS} error_page 497 =444 /;", "return 444;"),
    Row("an RSA certificate", _GOOD, certificate="rsa"),
    Row("a P-384 certificate", _GOOD, certificate="p384"),
    Row("with an intermediate", _GOOD, certificate="chained"),
    Row("one group, not the usual one", f"{_MODERN} ssl_ecdh_curve secp521r1; {_ALWAYS} {_PASS}"),
    Row(
        "a slash redirects to http",
        f"{_GOOD} location = /v1/models/ {{ return 301 http:{_HERE}:$server_port/v1/models; }}",
        truth="links=F",
    ),
    Row("HTTP/3 is announced", f"{_GOOD} add_header Alt-Svc 'h3=\":443\"; ma=86400' always;", truth="hsts=I"),
    Row("early data on", f"{_MODERN} ssl_early_data on; {_ALWAYS} {_PASS}"),
    Row("no tickets", f"{_MODERN} ssl_session_tickets off; {_ALWAYS} {_PASS}"),
    Row("HSTS from the application alone, errors by nginx", f"{_MODERN} {_PASS_DECORATED}", truth="hsts=F"),
    Row("HSTS twice", f"{_MODERN} {_ALWAYS} {_PASS_DECORATED}", truth="hsts=F"),
    Row("HSTS without always", f"{_MODERN} {_SOMETIMES} {_PASS}", truth="hsts=F"),
    Row(
        "HSTS lost where a location adds a header",
        f"{_MODERN} {_ALWAYS} {_PASS} location /v1/ {{ add_header X-A b; proxy_pass http://127.0.0.1:BARE; }}",
        truth="hsts=F",
    ),
    Row(
        "HSTS for a day",
        f"{_MODERN} {_PASS} add_header Strict-Transport-Security max-age=86400 always;",
        truth="age=F",
    ),
    Row(
        "HSTS in odd letters",
        f"{_MODERN} {_PASS} add_header Strict-Transport-Security "
        "'INCLUDESUBDOMAINS ;Max-Age=\"31536000\"; future=1' always;",
    ),
    Row("TLS 1.2 too", f"ssl_protocols TLSv1.2 TLSv1.3; {_ALWAYS} {_PASS}", truth="1.2=F"),
    Row("TLS 1.2 only", f"ssl_protocols TLSv1.2; {_ALWAYS} {_PASS}", truth="1.3=F 1.2=F ssl2=I ssl3=I 1.0=I 1.1=I"),
    Row(
        "TLS 1.0 to 1.3",
        f"ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; {_WEAK} {_ALWAYS} {_PASS}",
        truth="1.0=F 1.1=F 1.2=F",
    ),
    Row("TLS 1.1 and 1.3", f"ssl_protocols TLSv1.1 TLSv1.3; {_WEAK} {_ALWAYS} {_PASS}", truth="1.1=F"),
    Row(
        "the default host decides, and allows TLS 1.2",
        f"server_name localhost; {_MODERN} {_ALWAYS} {_PASS}",
        more=f"server {{ listen 127.0.0.1:PORT ssl default_server; CERT ssl_protocols TLSv1.2 TLSv1.3; {_ALWAYS} return 404; }}",
        truth="1.2=F",
    ),
    Row(
        "the default host decides, and allows TLS 1.3 alone",
        f"server_name localhost; ssl_protocols TLSv1.2 TLSv1.3; {_ALWAYS} {_PASS}",
        more=f"server {{ listen 127.0.0.1:PORT ssl default_server; CERT {_MODERN} {_ALWAYS} return 404; }}",
    ),
    Row(
        "unknown names are turned away",
        f"server_name localhost; {_MODERN} {_ALWAYS} {_PASS}",
        more=f"server {{ listen 127.0.0.1:PORT ssl default_server; {_MODERN} ssl_reject_handshake on; }}",
    ),
    Row("the API in clear text", _GOOD, _PASS, truth="clear=F key=F"),
    Row(
        "only POST in clear text",
        _GOOD,
        f"location / {{ if ($request_method = GET) {{ {_HOME} }} proxy_pass http://127.0.0.1:BARE; }}",
        truth="clear=F redirects=P",
    ),
    Row("a page in clear text", _GOOD, "return 200 welcome;", truth="clear=F key=F"),
    Row("not found in clear text", _GOOD, "return 404;"),
    Row("403 in clear text", _GOOD, "return 403;"),
    Row("a redirect elsewhere", _GOOD, "return 301 https://www.example.com/;", truth="redirects=F"),
    Row("a redirect to http", _GOOD, f"return 301 http:{_HERE}/;", truth="redirects=F"),
    Row("a redirect with a cookie", _GOOD, f"add_header Set-Cookie a=b always; {_HOME}", truth="clear=F redirects=P"),
    Row("a redirect that repeats the key", _GOOD, f"return 302 https:{_HERE}/?k=$http_authorization;", truth="key=F redirects=P"),
    Row("an expired certificate", _GOOD, truth="cert=F hsts=I age=I key=I links=I", certificate="expired"),
    Row("a certificate of tomorrow", _GOOD, truth="cert=F hsts=I age=I key=I links=I", certificate="tomorrow"),
    Row("a certificate of its own", _GOOD, truth="cert=F hsts=I age=I key=I links=I", certificate="own"),
    Row("a certificate for another name", _GOOD, truth="cert=F hsts=I age=I key=I links=I", certificate="other"),
    Row("a chain with a link missing", _GOOD, truth="cert=F hsts=I age=I key=I links=I", certificate="broken"),
)  # fmt: skip


def _certificates(pki: Pki) -> dict[str, Pair]:
    return {
        "usual": pki.leaf("usual"),
        "rsa": pki.leaf("rsa", key=rsa.generate_private_key(65537, 2048)),
        "p384": pki.leaf("p384", key=ec.generate_private_key(ec.SECP384R1())),
        "chained": pki.leaf("chained", intermediate="sent"),
        "broken": pki.leaf("broken", intermediate="kept"),
        "expired": pki.leaf("expired", days=(-30, -1)),
        "tomorrow": pki.leaf("tomorrow", days=(1, 30)),
        "own": pki.leaf("own", own=True),
        "other": pki.leaf("other", names=("other.test",)),
    }


@contextmanager
def nginx(
    folder: Path, pki: Pki, bare: int, decorated: int, rows: tuple[Row, ...] = ROWS
) -> Iterator[tuple[Deployment, ...]]:
    """Every row, served by one nginx in front of two APIs."""
    ports = free_ports(2 * len(rows))
    certificates = _certificates(pki)
    blocks, found = [], []
    for row, port, clear in zip(rows, ports[::2], ports[1::2], strict=True):
        pair = certificates[row.certificate]
        names = {
            "OTHER": f"ssl_certificate {certificates['other'].chain}; ssl_certificate_key {certificates['other'].key};",
            "CERT": f"ssl_certificate {pair.chain}; ssl_certificate_key {pair.key};",
            "PORT": str(port), "BARE": str(bare), "DECORATED": str(decorated),
        }  # fmt: skip
        tls = _TLS.replace("ssl;", "ssl http2;") if "http2" in row.name else _TLS
        text = f"server {{ {tls} {row.secure} }} {row.more}"
        text += f" server {{ listen 127.0.0.1:{clear}; {row.clear} }}" if row.clear else ""
        for name, value in names.items():
            text = text.replace(name, value)
        blocks.append(text)
        found.append(
            Deployment(name=row.name, port=port, clear=(clear,), truth=row.truth, customer=row.customer)
        )
    with serving(
        [_PROGRAM, "-p", str(folder), "-c", str(_written(folder, blocks))], folder / "nginx.out", ports[::2]
    ):
        yield tuple(found)


def _written(folder: Path, blocks: list[str]) -> Path:
    path = folder / "nginx.conf"
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; server_tokens off; ssl_prefer_server_ciphers on; {temporary}\n"
        + "\n".join(blocks)
        + "\n}\n"
    )
    return path
