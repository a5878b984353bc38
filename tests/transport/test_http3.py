"""HTTP/3 where it is announced: with the field, without it, and not there at all."""

import asyncio
import socket
from pathlib import Path

import pytest

from conformance.checks.transport.hsts import hsts_on_every_answer
from conformance.model.http3 import Http3
from conformance.model.transport import HstsAnswers
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.hsts import hsts_answers
from conformance.probes.http3 import http3
from conformance.probes.links import links
from conformance.target import Target
from tests.transport import deployments as d
from tests.transport.corpus.api import GOOD, KEY, Api, everywhere
from tests.transport.http3_server import http3_listening
from tests.transport.sessions import session, target

HSTS = ((b"strict-transport-security", b"max-age=31536000"),)


def _udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _seen(the_target: Target, certificates: d.Certificates, folder: Path) -> tuple[HstsAnswers, Http3]:
    one = session(the_target, certificates, folder, own_key=KEY)

    async def observe() -> tuple[HstsAnswers, Http3]:
        try:
            found = await links(one)
            one.gathered[type(found)] = found
            return await hsts_answers(one), await http3(one)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


def _observed(certificates: d.Certificates, folder: Path, announced: str) -> tuple[HstsAnswers, Http3]:
    api = Api(everywhere(GOOD, *([f"Alt-Svc: {announced}"] if announced else [])))
    secure = d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(api.respond))
    with d.listening(secure) as port:
        the_target = target(f"https://localhost:{port}", ca_file=str(certificates.authority.root))
        return _seen(the_target, certificates, folder)


@pytest.mark.parametrize(("fields", "verdict"), [(HSTS, Pass), ((), Fail), ((*HSTS, *HSTS), Fail)])
def test_the_field_is_looked_for_over_http3_too(
    fields: tuple[tuple[bytes, bytes], ...], verdict: type, certificates: d.Certificates, tmp_path: Path
) -> None:
    port = _udp_port()
    made = certificates.authority
    with http3_listening(made.certificate, made.private_key, fields, port):
        hsts, quic = _observed(certificates, tmp_path, f'h3=":{port}"; ma=3600, h2=":443"')

    assert len(quic.answers) == 3
    assert type(hsts_on_every_answer(hsts, quic)) is verdict


def test_a_strangers_certificate_over_http3_is_not_listened_to(
    certificates: d.Certificates, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = _udp_port()
    stranger = d.Certificates(tmp_path_factory.mktemp("stranger")).authority
    with http3_listening(stranger.certificate, stranger.private_key, HSTS, port):
        hsts, quic = _observed(certificates, tmp_path, f'h3=":{port}"')

    assert not quic.answers
    assert isinstance(hsts_on_every_answer(hsts, quic), Inconclusive)


def test_where_nobody_hears_the_verdict_is_open(certificates: d.Certificates, tmp_path: Path) -> None:
    hsts, quic = _observed(certificates, tmp_path, f'h3=":{_udp_port()}"')

    verdict = hsts_on_every_answer(hsts, quic)

    assert isinstance(verdict, Inconclusive)
    assert "HTTP/3 is announced" in verdict.because


def test_where_nothing_is_announced_nothing_is_asked(certificates: d.Certificates, tmp_path: Path) -> None:
    hsts, quic = _observed(certificates, tmp_path, "")

    assert quic == Http3()
    assert isinstance(hsts_on_every_answer(hsts, quic), Pass)
