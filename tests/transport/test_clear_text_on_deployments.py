"""The truth table of clear text: what each deployment serves without TLS, and the verdicts that follow."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from conformance.checks.transport.clear_text import (
    clear_text_key_is_not_accepted,
    clear_text_redirects_stay_home,
    clear_text_serves_nothing,
)
from conformance.dialects.speak import KeyApi
from conformance.model.clear_text import ClearAnswer, ClearPlace, ClearText, Ending
from conformance.model.transport import Outcome
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.clear_text import observe_clear_text
from conformance.probes.throw_away import dummy_key
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.tcp import exchange
from conformance.target import Target
from tests.transport import deployments as d
from tests.transport.sessions import session, target

HASTE = Patience(least=0.4, most=0.8)
UNAUTHORISED = d.answer(
    "401 Unauthorized", b'{"error":{"message":"no key","code":1}}', "Content-Type: application/json"
)
HTTPS_ONLY = d.answer("403 Forbidden", b'{"error":"https only"}', "Content-Type: application/json")
PAGE = d.answer("400 Bad Request", b"<html>The plain HTTP request was sent to HTTPS port</html>")
SERVED = d.answer("200 OK", b'{"data":[]}', "Content-Type: application/json")
SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


def _redirect(to: str, *more: str) -> d.Respond:
    return lambda head: d.answer("308 Permanent Redirect", b"", f"Location: {to}", *more)


def _always(told: bytes) -> d.Respond:
    return lambda head: told


def _echo(head: bytes) -> bytes:
    return d.answer("400 Bad Request", head)


def _only(marker: bytes, told: bytes, otherwise: bytes = b"") -> d.Respond:
    return lambda head: told if marker in head else otherwise


class Row(NamedTuple):
    """What a clear port does, and the verdicts: serves nothing, key not accepted, redirects stay home (N:
    not applicable).
    """

    name: str
    clear: d.Handler | None
    with_dummy: str
    with_key: str


TABLE = (
    Row("nothing listens", None, "PPN", "PPN"),
    Row("closes", d.http(_always(b"")), "PPN", "PPN"),
    Row("redirects home", d.http(_redirect("https://localhost/v1/models")), "PPP", "PPP"),
    Row("redirects elsewhere", d.http(_redirect("https://elsewhere.example/")), "PIF", "PPF"),
    Row("redirects to clear text", d.http(_redirect("http://localhost:8080/")), "PIF", "PPF"),
    Row("redirects by a path", d.http(_redirect("/login")), "PIF", "PPF"),
    Row("redirects with a cookie", d.http(_redirect("https://localhost/", "Set-Cookie: a=b")), "FPP", "FPP"),
    Row("serves the API", d.http(_always(SERVED)), "FIN", "FFN"),
    Row("the API refuses in clear", d.http(_always(UNAUTHORISED)), "FIN", "FPN"),
    Row("something else refuses in JSON", d.http(_always(HTTPS_ONLY)), "PIN", "PPN"),
    Row("an error page", d.http(_always(PAGE)), "PIN", "PPN"),
    Row("an error page that repeats the request", d.http(_echo), "PFN", "PFN"),
    Row("a WebSocket", d.http(_only(b"websocket", d.answer("101 Switching Protocols"))), "FIN", "FPN"),
    Row("h2c", d.http(_only(b"PRI * HTTP/2.0", SETTINGS)), "FPN", "FPN"),
    Row("takes HTTP/2 for a request of HTTP/1", d.http(_only(b"PRI *", d.answer("200 OK"))), "PPN", "PPN"),
    Row("another protocol", d.http(_always(b"SSH-2.0-test\r\n")), "PPN", "PPN"),
    Row("accepts and says nothing", d.silence, "III", "III"),
)


class _Keys:
    """As much of a key API as the probe needs."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.made = 0

    async def create(self, purpose: str, limit: int | None = None) -> Any:
        self.made += 1
        self.alive.add(purpose)
        return type("Key", (), {"secret": "sk-made-for-this-probe-0123456789", "name": purpose})()

    async def revoke(self, key: Any) -> None:
        self.alive.remove(key.name)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _observe(
    certificates: d.Certificates,
    folder: Path,
    clear: d.Handler | None,
    keys: _Keys | None,
    own_key: str | None = None,
) -> ClearText:
    secure = d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(_always(UNAUTHORISED)))
    with d.listening(secure) as tls_port, d.listening(clear or d.close) as open_port:
        port = open_port if clear else _free_port()
        the_target = target(f"https://localhost:{tls_port}", cleartext_ports=(port,))
        return _seen(the_target, certificates, folder, key_api=cast("KeyApi | None", keys), own_key=own_key)


def _seen(the_target: Target, certificates: d.Certificates, folder: Path, **more: Any) -> ClearText:
    one = session(the_target, certificates, folder, **more)

    async def observe() -> ClearText:
        try:
            return await observe_clear_text(one, HASTE, 1.0)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


def _verdicts(clear: ClearText) -> str:
    judges: tuple[Callable[[ClearText], Any], ...] = (
        clear_text_serves_nothing,
        clear_text_key_is_not_accepted,
        clear_text_redirects_stay_home,
    )
    return "".join(type(judge(clear)).__name__[0] for judge in judges)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_deployment_gets_the_verdicts_it_deserves(
    row: Row, certificates: d.Certificates, tmp_path: Path
) -> None:
    assert _verdicts(_observe(certificates, tmp_path, row.clear, None)) == row.with_dummy


@pytest.mark.parametrize("row", TABLE[:-1], ids=lambda row: row.name)
def test_with_a_key_made_for_it_acceptance_is_decided(
    row: Row, certificates: d.Certificates, tmp_path: Path
) -> None:
    keys = _Keys()

    assert _verdicts(_observe(certificates, tmp_path, row.clear, keys)) == row.with_key
    assert (keys.made, keys.alive) == (1, set())


def test_a_key_of_the_target_file_is_never_sent_in_clear(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    def listen(head: bytes) -> bytes:
        heard.append(head)
        return PAGE

    _observe(certificates, tmp_path, d.http(listen), None, own_key="sk-live-Very0Real1Key2")

    assert len(heard) == 4
    assert not any(b"Very0Real1Key2" in head for head in heard)


def test_no_evidence_holds_the_key(certificates: d.Certificates, tmp_path: Path) -> None:
    clear = _observe(
        certificates,
        tmp_path,
        d.http(_redirect("https://localhost/?k=sk-made-for-this-probe-0123456789")),
        _Keys(),
    )

    assert "sk-made-for-this-probe" not in repr(clear)
    assert any(answer.key_echoed for place in clear.places for answer in place.answers)


def test_an_api_declared_without_tls_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    with d.listening(d.http(_always(UNAUTHORISED))) as port:
        clear = _seen(target(f"http://localhost:{port}"), certificates, tmp_path)
    verdict = clear_text_serves_nothing(clear)

    assert isinstance(verdict, Fail)
    assert "declared there" in verdict.because


def test_a_port_is_compared_with_its_own_answer_over_tls(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    """Two APIs on one host: that another one answers otherwise over https acquits nobody."""
    context = certificates.context(0x0304, 0x0304)
    other = d.tls(context, d.speaks_http(_always(SERVED)))
    flawed = d.either(d.tls(context, d.speaks_http(_always(UNAUTHORISED))), d.http(_always(UNAUTHORISED)))
    verdicts = []
    for first, second in ((other, flawed), (flawed, other)):
        with d.listening(first) as one, d.listening(second) as two:
            both = target(f"https://localhost:{one}", f"https://localhost:{two}")
            verdicts.append(clear_text_serves_nothing(_seen(both, certificates, tmp_path)))

    assert [type(verdict) for verdict in verdicts] == [Fail, Fail]


@pytest.mark.parametrize(
    ("clear", "verdicts"),
    [
        (_always(PAGE), "PPN"),
        (_always(d.answer("400 Bad Request", b"<html>no key</html>")), "PPN"),
        (_only(b"GET ", PAGE, d.answer("400 Bad Request", b"<html>no body</html>")), "PIN"),
        (_always(d.answer("403 Forbidden", b"<html>https only</html>")), "PIN"),
        (_always(d.answer("401 Unauthorized", b"<html>no key</html>")), "PIN"),
        (_echo, "PFN"),
    ],
    ids=["a page", "another page", "one that reads", "forbidden", "unauthorised", "one that repeats"],
)
def test_a_tls_port_that_complains_of_clear_text_unread_accepts_no_key(
    clear: d.Respond, verdicts: str, certificates: d.Certificates, tmp_path: Path
) -> None:
    secure = d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(_always(UNAUTHORISED)))
    with d.listening(d.either(secure, d.http(clear))) as port:
        seen = _seen(target(f"https://localhost:{port}"), certificates, tmp_path)

    assert _verdicts(seen) == verdicts


def test_a_complaint_that_is_the_apis_own_acquits_nobody(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    secure = d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(_always(PAGE)))
    with d.listening(d.either(secure, d.http(_always(PAGE)))) as port:
        seen = _seen(target(f"https://localhost:{port}"), certificates, tmp_path)

    assert isinstance(clear_text_key_is_not_accepted(seen), Inconclusive)


def _filtered(syns: int, waited_ms: int, before: bool, after: bool) -> ClearText:
    answer = ClearAnswer(request="models", target="GET http://localhost:80/", ending=Ending.CONNECT_TIMEOUT)
    place = ClearPlace(
        host="localhost",
        address="192.0.2.1",
        port=80,
        role="clear-port",
        answers=(answer,),
        control_before=before,
        control_after=after,
        syns=syns,
        waited_ms=waited_ms,
    )
    return ClearText(vantage="192.0.2.9", real_key=False, places=(place,))


@pytest.mark.parametrize(
    ("clear", "verdict"),
    [
        (_filtered(3, 6000, True, True), Pass),
        (_filtered(2, 6000, True, True), Inconclusive),
        (_filtered(3, 5999, True, True), Inconclusive),
        (_filtered(3, 6000, False, True), Inconclusive),
        (_filtered(3, 6000, True, False), Inconclusive),
    ],
)
def test_a_filtered_port_holds_only_between_controls(clear: ClearText, verdict: type) -> None:
    assert isinstance(clear_text_serves_nothing(clear), verdict)
    assert isinstance(clear_text_key_is_not_accepted(clear), verdict)


def test_nothing_observed_passes_nothing() -> None:
    assert _verdicts(ClearText(vantage="", real_key=True)) == "III"


def test_an_unanswered_connection_request_is_told_from_a_refused_one() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(address)

        got = asyncio.run(
            exchange(
                address[0], address[1], b"x", patience=1.0, connect_patience=0.3, enough=lambda data: True
            )
        )
        for connection in waiting:
            connection.close()

    assert got.ending is Outcome.CONNECT_TIMEOUT
    assert got.syns >= 1


def test_a_dummy_looks_like_the_key_and_shares_nothing_secret_with_it() -> None:
    key = "sk-Abc123-Def456ghiJKL"

    dummy = dummy_key(key)

    assert dummy.startswith("sk-")
    assert [c.isdigit() for c in dummy] == [c.isdigit() for c in key]
    assert dummy != key
