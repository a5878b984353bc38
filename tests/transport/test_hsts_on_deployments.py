"""The truth table of HSTS: which answers carry which field, and the verdicts that follow."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.checks.transport.hsts import hsts_is_long_enough, hsts_on_every_answer
from conformance.model.transport import HstsAnswers
from conformance.model.verdict import Fail
from conformance.probes.hsts import hsts_answers
from conformance.target import Target
from tests.transport import deployments as d
from tests.transport.sessions import NO_FACTS, declared, session, target

GOOD = "Strict-Transport-Security: max-age=31536000; includeSubDomains"
Fields = Callable[[str], tuple[str, ...]]


def _gateway(fields: Fields, *, malformed: bytes | None = None, continues: bool = False) -> d.Respond:
    """An API with an open mind: 200 for models with a key, and errors of its own otherwise, each decorated
    by `fields`.
    """

    def respond(head: bytes) -> bytes:
        status = _status(head)
        if continues and b"100-continue" in head:
            return b"HTTP/1.1 100 Continue\r\n\r\n"
        if status == "400 Bad Request" and malformed is not None and b"HTTX" in head:
            return malformed
        return d.answer(status, b"{}", *fields(status[:3]))

    return respond


def _status(head: bytes) -> str:
    line = head.split(b"\r\n")[0]
    rules = (
        (b"HTTX" in line, "400 Bad Request"),
        (len(head) > 60_000, "431 Request Header Fields Too Large"),
        (b"OPTIONS" in line, "204 No Content"),
        (b"GET / " in line, "404 Not Found"),
        (b"authorization" not in head.lower(), "401 Unauthorized"),
        (b"10737418240" in head, "413 Content Too Large"),
        (b"/v1/models" in line and b"GET" in line, "200 OK"),
        (b"/v1/models" in line, "405 Method Not Allowed"),
        (b"/v1/chat" in line, "400 Bad Request"),
    )
    return next((status for holds, status in rules if holds), "404 Not Found")


def _on(status: str, *instead: str) -> d.Respond:
    return _gateway(lambda code: instead if code == status else (GOOD,))


def _keyless(status: str, fields: tuple[str, ...] = (GOOD,)) -> d.Respond:
    """A gateway that answers with this status where others say 401."""
    usual = _gateway(lambda code: (GOOD,))

    def respond(head: bytes) -> bytes:
        said = usual(head)
        return d.answer(status, b"{}", *fields) if said.startswith(b"HTTP/1.1 401") else said

    return respond


class Row(NamedTuple):
    """An API's answers, and the verdicts: on every answer, long enough."""

    name: str
    respond: d.Respond
    verdicts: str
    key: str | None = "sk-a-key"


def _field(value: str) -> str:
    return f"Strict-Transport-Security: {value}"


TABLE = (
    Row("everywhere", _gateway(lambda code: (GOOD,)), "PP"),
    Row("odd but valid", _gateway(lambda code: (_field('includeSubDomains ; MAX-AGE="31536000";'),)), "PP"),
    Row("closes on what is malformed", _gateway(lambda code: (GOOD,), malformed=b""), "PP"),
    Row("asks for the body that was announced", _gateway(lambda code: (GOOD,), continues=True), "PP"),
    Row("nowhere", _gateway(lambda code: ()), "FI"),
    Row("missing on 401", _on("401"), "FP"),
    Row("missing on 404", _on("404"), "FP"),
    Row("missing on 405", _on("405"), "FP"),
    Row("missing on 413", _on("413"), "FP"),
    Row("missing on 431", _on("431"), "FP"),
    Row("missing on preflight", _on("204"), "FP"),
    Row(
        "missing on the server's own 400",
        _gateway(lambda c: (GOOD,), malformed=d.answer("400 Bad Request")),
        "FP",
    ),
    Row("twice on 401", _on("401", GOOD, GOOD), "FP"),
    Row("max-age=0 on 200", _on("200", _field("max-age=0")), "FF"),
    Row("a comma instead of a semicolon", _on("200", _field("max-age=31536000, includeSubDomains")), "FP"),
    Row("short", _gateway(lambda code: (_field("max-age=86400"),)), "PF"),
    Row("a key is needed and there is none", _gateway(lambda code: (GOOD,)), "IP", None),
    Row("a missing key is an error of its own", _keyless("500 Internal Server Error"), "PP"),
    Row(
        "a missing key is an error of its own, without the field",
        _keyless("500 Internal Server Error", ()),
        "FP",
    ),
    Row("no key is asked for", _keyless("200 OK"), "PP"),
    Row("an error whoever asks", _keyless("503 Service Unavailable"), "IP"),
    Row("the same error for all, and no key", _keyless("500 Internal Server Error"), "IP", None),
)


def _observe(certificates: d.Certificates, folder: Path, the_target: Target, key: str | None) -> HstsAnswers:
    one = session(the_target, certificates, folder, own_key=key)

    async def observe() -> HstsAnswers:
        try:
            return await hsts_answers(one)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


def _verdicts(hsts: HstsAnswers) -> str:
    judged = (
        hsts_on_every_answer(hsts, NO_FACTS),
        hsts_is_long_enough(hsts, declared(hsts_min_age=31536000)),
    )
    return "".join(type(verdict).__name__[0] for verdict in judged)


def _secure(certificates: d.Certificates, respond: d.Respond) -> d.Handler:
    return d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(respond))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_deployment_gets_the_verdicts_it_deserves(
    row: Row, certificates: d.Certificates, tmp_path: Path
) -> None:
    with d.listening(_secure(certificates, row.respond)) as port:
        hsts = _observe(certificates, tmp_path, target(f"https://localhost:{port}"), row.key)

    assert _verdicts(hsts) == row.verdicts


def test_a_second_address_without_the_field_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    good, bare = (_secure(certificates, _gateway(fields)) for fields in (lambda c: (GOOD,), lambda c: ()))
    with d.listening(good) as port, d.listening(bare, "127.0.0.2", port):
        two = target(f"https://localhost:{port}", resolve={"localhost": ("127.0.0.1", "127.0.0.2")})
        verdict = hsts_on_every_answer(_observe(certificates, tmp_path, two, "sk-a-key"), NO_FACTS)

    assert isinstance(verdict, Fail)
    assert "127.0.0.2" in verdict.because


def test_an_api_without_tls_fails_whatever_it_sends(certificates: d.Certificates, tmp_path: Path) -> None:
    heard: list[bytes] = []

    def respond(head: bytes) -> bytes:
        heard.append(head)
        return d.answer("200 OK", b"{}", GOOD)

    with d.listening(d.http(respond)) as port:
        hsts = _observe(certificates, tmp_path, target(f"http://localhost:{port}"), "sk-a-key")

    assert isinstance(hsts_on_every_answer(hsts, NO_FACTS), Fail)
    assert not any(b"sk-a-key" in head for head in heard)


def test_nothing_is_sent_to_a_server_that_cannot_be_verified(
    certificates: d.Certificates, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = d.Certificates(tmp_path_factory.mktemp("stranger"))
    with d.listening(_secure(stranger, _gateway(lambda code: (GOOD,)))) as port:
        hsts = _observe(certificates, tmp_path, target(f"https://localhost:{port}"), "sk-a-key")

    assert hsts.seen() == 0
    assert _verdicts(hsts) == "II"


def test_nothing_observed_passes_nothing() -> None:
    assert _verdicts(HstsAnswers(answers=())) == "II"
