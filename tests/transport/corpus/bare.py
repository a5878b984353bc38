"""Deployments of Python and of bare sockets: what no ordinary server does, and what nobody would configure."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from tests.transport import deployments as d
from tests.transport.corpus.api import GOOD, Api, but_on, everywhere
from tests.transport.corpus.pki import Pair, Pki
from tests.transport.corpus.processes import free_ports
from tests.transport.corpus.truth import Deployment
from tests.transport.hellos import Seen

_UNSEEN = "ssl2=I ssl3=I 1.0=I 1.1=I 1.2=I"


class Site:
    """What a row is made of: contexts for the usual certificate, and an API of its own."""

    def __init__(self, pair: Pair, api: Api) -> None:
        self.api = api
        self._pair = pair

    def tls(self, oldest: int = 0x0304, newest: int = 0x0304, alpn: tuple[str, ...] = ()) -> d.Handler:
        """The API over these versions."""
        return d.tls(self.context(oldest, newest, alpn), d.speaks_http(self.api.respond))

    def context(self, oldest: int, newest: int, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A server context."""
        return d.server_context(self._pair.chain, self._pair.key, oldest, newest, alpn)


class Row(NamedTuple):
    """How connections are handled, on TLS and in clear text (None: nobody listens), and the truth."""

    name: str
    secure: Callable[[Site], d.Handler]
    truth: str = ""
    clear: Callable[[Site], d.Handler] | None = None
    api: Callable[[], Api] = Api
    second: Callable[[Site], d.Handler] | None = None  # at a second address
    more: tuple[tuple[str, object], ...] = ()


def _modern(site: Site) -> d.Handler:
    return site.tls()


def _old(answer: d.Handler) -> Callable[[Site], d.Handler]:
    return lambda site: d.old_hellos(answer, site.tls())


def _to(version: int, answer: d.Handler) -> Callable[[Site], d.Handler]:
    """An answer of its own for hellos of one version; 1.3 alone for the others."""

    def build(site: Site) -> d.Handler:
        modern = site.tls()
        return d.choosing(lambda seen, number: answer if seen.version == version else modern)

    return build


def _when(old: Callable[[Seen, int], bool], oldest: int = 0x0303) -> Callable[[Site], d.Handler]:
    """Older versions too, for some hellos."""

    def build(site: Site) -> d.Handler:
        modern, both = site.tls(), site.tls(oldest)
        return d.choosing(lambda seen, number: both if old(seen, number) else modern)

    return build


def _hole(version: int) -> Callable[[Site], d.Handler]:
    """1.3, and one old version that newer hellos cannot fall back to."""

    def build(site: Site) -> d.Handler:
        modern, middle = site.tls(), site.tls(version, version)
        return d.choosing(lambda seen, number: middle if seen.version == version else modern)

    return build


def _refuses_names(site: Site) -> d.Handler:
    modern = site.tls()
    return d.choosing(lambda seen, number: modern if seen.sni == "localhost" else d.alert(112))


def _slow(site: Site) -> d.Handler:
    modern = site.tls()

    def handle(connection: socket.socket, number: int) -> None:
        time.sleep(0.3)
        modern(connection, number)

    return handle


def _alternating(*answers: d.Handler) -> d.Handler:
    turn = iter(range(10**9))
    return d.choosing(lambda seen, number: answers[next(turn) % len(answers)])


def _fickle(site: Site) -> d.Handler:
    modern, now_so, refused = site.tls(), _alternating(d.close, d.silence), d.alert(70)
    return d.choosing(
        lambda seen, number: (
            modern if seen.version == 0x0304 else refused if seen.version == 0x0002 else now_so
        )
    )


def _clear(told: bytes) -> Callable[[Site], d.Handler]:
    return lambda site: d.http(lambda head: told)


def _without_hsts(site: Site) -> d.Handler:
    return d.tls(site.context(0x0304, 0x0304), d.speaks_http(Api(everywhere()).respond))


def _says(told: Callable[[bytes], bytes]) -> Callable[[Site], d.Handler]:
    return lambda site: d.http(told)


def _repeats(head: bytes) -> bytes:
    return d.answer("400 Bad Request", head, "Connection: close")


def _mux(site: Site) -> d.Handler:
    """One port that tells protocols apart by the first byte, and takes SSLv2 for HTTP."""
    return d.either(site.tls(), d.http(lambda head: d.answer("400 Bad Request", b"no", "Connection: close")))


def _page(status: str, *headers: str) -> bytes:
    return d.answer(status, b"<html></html>", "Content-Type: text/html", "Connection: close", *headers)


def _moved(to: str) -> bytes:
    return _page("301 Moved Permanently", f"Location: {to}")


_UNAUTHORISED = d.answer(
    "401 Unauthorized", b'{"error": {"message": "no valid key", "code": 401}}', "Connection: close"
)
_UPGRADES = d.answer("101 Switching Protocols", b"", "Upgrade: websocket", "Connection: Upgrade")


def _decorated(*lines: str) -> Callable[[], Api]:
    return lambda: Api(everywhere(*lines))


def _lacks(status: str, *lines: str) -> Callable[[], Api]:
    return lambda: Api(but_on(status, *lines))


def _hsts(value: str) -> str:
    return f"Strict-Transport-Security: {value}"


ROWS = (
    Row("TLS 1.3 alone", _modern),
    Row("TLS 1.2 too", lambda s: s.tls(0x0303), "1.2=F"),
    Row("TLS 1.0 to 1.3", lambda s: s.tls(0x0301), "1.0=F 1.1=F 1.2=F"),
    Row("SSLv2 beside TLS 1.3", _to(0x0002, d.ssl2_hello), "ssl2=F"),
    Row("SSLv2's own error", _to(0x0002, d.ssl2_error)),
    Row("SSLv3 beside TLS 1.3", _to(0x0300, d.ssl3_flight), "ssl3=F"),
    Row("TLS 1.0 in a hole", _hole(0x0301), "1.0=F"),
    Row("TLS 1.1 in a hole", _hole(0x0302), "1.1=F"),
    Row("one port for HTTP and TLS", _mux),
    Row("alert 40", _old(d.alert(40))),
    Row("alert 47", _old(d.alert(47))),
    Row("alert 86", _old(d.alert(86))),
    Row("a warning, then alert 70", _old(d.alert(70, warning=112))),
    Row("says goodbye to old hellos", _old(d.alert(0, level=1))),
    Row("closes on old hellos", _old(d.close)),
    Row("resets on old hellos", _old(d.reset)),
    Row("now closes, now resets", _old(_alternating(d.close, d.reset))),
    Row("ServerHello, then an alert", _old(d.server_hello_then_alert)),
    Row("old under another name", _when(lambda s, n: s.sni == "other.test"), "1.2=F", more=(("sni_names", ["other.test"]),)),
    Row("old without a name", _when(lambda s, n: not s.sni and s.version > 2), "1.2=F"),
    Row("old under unknown names", _when(lambda s, n: s.sni.endswith(".invalid")), "1.2=F"),
    Row("old for clients of HTTP/2", _when(lambda s, n: s.alpn), "1.2=F"),
    Row("TLS 1.0 for clients of HTTP/2", _when(lambda s, n: s.alpn, 0x0301), "1.0=F 1.1=F 1.2=F"),
    Row("one in four is old", lambda s: d.pool(4, 0x0303, s.tls(0x0303), s.tls()), "1.2=F"),
    Row("other names turned away", _refuses_names),
    Row("slow", _slow),
    Row("a second address with TLS 1.2", _modern, "1.2=F", second=lambda s: s.tls(0x0303)),
    Row("a second address as good", _modern, second=_modern),
    Row("a second address without HSTS", _modern, "hsts=F", second=_without_hsts),
    Row("HSTS missing on 401", _modern, "hsts=F", api=_lacks("401")),
    Row("HSTS missing on 404", _modern, "hsts=F", api=_lacks("404")),
    Row("HSTS missing on 405", _modern, "hsts=F", api=_lacks("405")),
    Row("HSTS missing on 413", _modern, "hsts=F", api=_lacks("413")),
    Row("HSTS missing on 431", _modern, "hsts=F", api=_lacks("431")),
    Row("HSTS missing on preflight", _modern, "hsts=F", api=_lacks("204")),
    Row("HSTS missing on the server's own 400", _modern, "hsts=F", api=lambda: Api(malformed=d.answer("400 Bad Request"))),
    Row("what is malformed is cut off", _modern, api=lambda: Api(malformed=b"")),
    Row("HSTS twice", _modern, "hsts=F age=I", api=_decorated(GOOD, GOOD)),
    Row("HSTS with max-age twice", _modern, "hsts=F age=I", api=_decorated(_hsts("max-age=31536000; max-age=31536000"))),
    Row("HSTS with a comma", _modern, "hsts=F age=I", api=_decorated(_hsts("max-age=31536000, includeSubDomains"))),
    Row("HSTS without a number", _modern, "hsts=F age=I", api=_decorated(_hsts("max-age=NaN"))),
    Row("HSTS below zero", _modern, "hsts=F age=I", api=_decorated(_hsts("max-age=-1"))),
    Row("HSTS that ends it", _modern, "hsts=F age=F", api=_decorated(_hsts("max-age=0"))),
    Row("HSTS without max-age", _modern, "hsts=F age=I", api=_decorated(_hsts("includeSubDomains"))),
    Row("HSTS quoted, in capitals, with more", _modern, api=_decorated(_hsts('PRELOAD;foo="a;b" ; Max-Age = "63072000";;'))),
    Row("the API in clear text", _modern, "clear=F key=F", clear=lambda s: d.http(s.api.respond)),
    Row("a refusal of every key in clear text", _modern, clear=_clear(_UNAUTHORISED)),
    Row("a page in clear text", _modern, clear=_clear(_page("403 Forbidden"))),
    Row("a cookie in clear text", _modern, "clear=F", clear=_clear(_page("404 Not Found", "Set-Cookie: a=b"))),
    Row("a WebSocket in clear text", _modern, "clear=F", clear=_says(lambda head: _UPGRADES if b"Upgrade" in head else b"")),
    Row("the request comes back in clear text", _modern, "key=F", clear=_says(_repeats)),
    Row("another protocol in clear text", _modern, clear=_clear(b"220 mail.example ESMTP\r\n")),
    Row("a redirect home", _modern, "redirects=P", clear=_clear(_moved("https://localhost/v1"))),
    Row("a redirect to a name that begins alike", _modern, "redirects=F", clear=_clear(_moved("https://localhost.example/"))),
    Row("clear text on the TLS port", lambda s: d.either(s.tls(), d.http(s.api.respond)), "clear=F key=F"),
)  # fmt: skip

# They let every question wait: what decides is patience, which is the same for all of them.
SILENT = (
    Row("old hellos vanish", _old(d.silence), _UNSEEN),
    Row("old hellos get half an answer", _old(d.dribble), _UNSEEN),
    Row("now closes, now is silent", _fickle, "ssl3=I 1.0=I 1.1=I 1.2=I"),
    Row("never answers", lambda s: d.silence, f"{_UNSEEN} 1.3=I cert=I hsts=I age=I clear=I key=I links=I redirects=I"),
    Row("clear text is never answered", _modern, "clear=I key=I redirects=I", clear=lambda s: d.silence),
    Row("speaks HTTP where TLS is declared", lambda s: d.garbage, f"{_UNSEEN} 1.3=I cert=I hsts=I age=I key=I links=I"),
)  # fmt: skip


@contextmanager
def bare(pki: Pki, rows: tuple[Row, ...]) -> Iterator[tuple[Deployment, ...]]:
    """Every row, each with listeners of its own."""
    pair = pki.leaf("bare")
    closed = free_ports(len(rows))
    with ExitStack() as stack:
        found = []
        for row, free in zip(rows, closed, strict=True):
            site = Site(pair, row.api())
            port = stack.enter_context(d.listening(row.secure(site)))
            gateway = dict(row.more)
            if row.second is not None:
                stack.enter_context(d.listening(row.second(site), "127.0.0.2", port))
                gateway["resolve"] = {"localhost": ["127.0.0.1", "127.0.0.2"]}
            clear = free if row.clear is None else stack.enter_context(d.listening(row.clear(site)))
            found.append(
                Deployment(name=row.name, port=port, clear=(clear,), truth=row.truth, gateway=gateway)
            )
        yield tuple(found)
