"""A network that loses connections costs time, never correctness."""

import asyncio
from pathlib import Path

import pytest

from conformance.checks.transport.clear_text import clear_text_serves_nothing
from conformance.checks.transport.versions import (
    ssl3_is_refused,
    tls10_is_refused,
    tls11_is_refused,
    tls12_is_refused,
    tls13_is_negotiated,
)
from conformance.model.clear_text import ClearText
from conformance.model.transport import TlsVersions
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.clear_text import observe_clear_text
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.versions import observe_versions
from tests.transport import deployments as d
from tests.transport.relay import Network, through
from tests.transport.sessions import NO_FACTS, declared, session, target

HASTE = Patience(least=0.4, most=0.8, pause=0.01)
NETWORKS = {
    "resets one in five": lambda: Network(resets=0.2),
    "swallows one in ten": lambda: Network(swallows=0.1),
    "resets, swallows and is slow": lambda: Network(delay=0.01, resets=0.15, swallows=0.05),
}


def _versions(port: int, certificates: d.Certificates, folder: Path) -> TlsVersions:
    one = session(target(f"https://localhost:{port}"), certificates, folder)

    async def observe() -> TlsVersions:
        try:
            return await observe_versions(one, HASTE)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


def _clear(tls_port: int, port: int, certificates: d.Certificates, folder: Path) -> ClearText:
    one = session(target(f"https://localhost:{tls_port}", cleartext_ports=(port,)), certificates, folder)

    async def observe() -> ClearText:
        try:
            return await observe_clear_text(one, HASTE, 0.5)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_good_server_never_fails_behind_it(name: str, certificates: d.Certificates, tmp_path: Path) -> None:
    network = NETWORKS[name]()
    with d.listening(d.tls(certificates.context(0x0304, 0x0304))) as port, through(network, port) as near:
        versions = _versions(near, certificates, tmp_path)

    verdicts = [ssl3_is_refused(versions), tls10_is_refused(versions), tls11_is_refused(versions)]
    verdicts.append(tls12_is_refused(versions, declared()))
    assert network.lost > 0
    assert isinstance(tls13_is_negotiated(versions, NO_FACTS), Pass)
    assert {type(verdict) for verdict in verdicts} <= {Pass, Inconclusive}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_server_of_old_versions_never_passes_behind_it(
    name: str, certificates: d.Certificates, tmp_path: Path
) -> None:
    network = NETWORKS[name]()
    with d.listening(d.tls(certificates.context(0x0302, 0x0304))) as port, through(network, port) as near:
        versions = _versions(near, certificates, tmp_path)

    assert network.lost > 0
    assert isinstance(tls11_is_refused(versions), Fail)
    assert isinstance(tls12_is_refused(versions, declared()), Fail)


def test_an_api_in_clear_text_is_seen_though_two_answers_are_lost(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    served = d.answer("200 OK", b'{"data":[]}', "Content-Type: application/json", "Connection: close")
    posts = iter((b"", b"", served))
    with (
        d.listening(d.tls(certificates.context(0x0304, 0x0304))) as tls_port,
        d.listening(d.http(lambda head: next(posts) if head.startswith(b"POST") else b"")) as port,
    ):
        clear = _clear(tls_port, port, certificates, tmp_path)

    assert isinstance(clear_text_serves_nothing(clear), Fail)
