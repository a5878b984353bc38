"""The truth table of TLS versions: what each deployment really accepts, and the verdicts that follow."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from conformance.checks.transport.certificate import certificate_is_trusted
from conformance.checks.transport.versions import (
    ssl3_is_refused,
    tls10_is_refused,
    tls11_is_refused,
    tls12_is_refused,
    tls13_is_negotiated,
)
from conformance.model.evidence import CannotObserve
from conformance.model.transport import TlsVersions
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass
from conformance.probes.tls.census import UNKNOWN_NAME
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.versions import observe_versions
from conformance.target import Target
from tests.transport import deployments as d
from tests.transport.hellos import Seen
from tests.transport.sessions import NO_FACTS, declared, session, target

HASTE = Patience(least=0.6, most=1.0, pause=0.01)


class Row(NamedTuple):
    """A deployment, and its verdicts: P pass, F fail, I inconclusive; SSLv3, 1.0, 1.1, 1.2, then 1.3."""

    name: str
    build: Callable[[d.Certificates], d.Handler]
    verdicts: str
    sni_names: tuple[str, ...] = ()


def _only(oldest: int, newest: int) -> Callable[[d.Certificates], d.Handler]:
    return lambda c: d.tls(c.context(oldest, newest))


def _old(answer: d.Handler) -> Callable[[d.Certificates], d.Handler]:
    return lambda c: d.old_hellos(answer, d.tls(c.context(0x0304, 0x0304)))


def _when(old: Callable[[Seen, int], bool]) -> Callable[[d.Certificates], d.Handler]:
    """TLS 1.2 and 1.3 for some hellos, 1.3 only for the others."""

    def build(certificates: d.Certificates) -> d.Handler:
        modern = d.tls(certificates.context(0x0304, 0x0304))
        both = d.tls(certificates.context(0x0303, 0x0304))
        return d.choosing(lambda seen, number: both if old(seen, number) else modern)

    return build


def _one_in_four_old(certificates: d.Certificates) -> d.Handler:
    modern, both = (d.tls(certificates.context(oldest, 0x0304)) for oldest in (0x0304, 0x0303))
    return d.pool(4, 0x0303, both, modern)


def _first_close_then_alert(certificates: d.Certificates) -> d.Handler:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    turn = iter(range(10**9))
    old = d.choosing(lambda seen, number: d.close if next(turn) % 2 else d.silence)
    return d.old_hellos(old, modern)


def _unknown_names_refused(certificates: d.Certificates) -> d.Handler:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    return d.choosing(lambda seen, number: modern if seen.sni == "localhost" else d.alert(112))


def _hole(certificates: d.Certificates) -> d.Handler:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    middle = d.tls(certificates.context(0x0302, 0x0302))
    return d.choosing(lambda seen, number: middle if seen.version == 0x0302 else modern)


def _ssl3(certificates: d.Certificates) -> d.Handler:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    return d.choosing(lambda seen, number: d.ssl3_flight if seen.version == 0x0300 else modern)


def _warns_first(certificates: d.Certificates) -> d.Handler:
    return d.old_hellos(d.alert(70, warning=112), d.tls(certificates.context(0x0304, 0x0304)))


TABLE = (
    Row("TLS 1.3 only", _only(0x0304, 0x0304), "PPPPP"),
    Row("TLS 1.2 and 1.3", _only(0x0303, 0x0304), "PPPFP"),
    Row("TLS 1.2 only", _only(0x0303, 0x0303), "IIIFF"),
    Row("TLS 1.0 to 1.3", _only(0x0301, 0x0304), "PFFFP"),
    Row("TLS 1.1 and 1.3 with a hole at 1.2", _hole, "PPFPP"),
    Row("alert 40 for old hellos", _old(d.alert(40)), "PPPPP"),
    Row("alert 80 for old hellos", _old(d.alert(80)), "PPPPP"),
    Row("close_notify for old hellos", _old(d.alert(0, level=1)), "PPPPP"),
    Row("a warning, then an alert", _warns_first, "PPPPP"),
    Row("closes on old hellos", _old(d.close), "PPPPP"),
    Row("resets on old hellos", _old(d.reset), "PPPPP"),
    Row("drops old hellos", _old(d.silence), "IIIIP"),
    Row("dribbles", _old(d.dribble), "IIIIP"),
    Row("answers old hellos with HTTP", _old(d.garbage), "IIIIP"),
    Row("now closes, now is silent", _first_close_then_alert, "IIIIP"),
    Row("ServerHello 1.2, then an alert", _old(d.server_hello_then_alert), "PPPPP"),
    Row("SSLv3 beside 1.3", _ssl3, "FPPPP"),
    Row("TLS 1.2 without SNI only", _when(lambda s, n: not s.sni), "PPPFP"),
    Row(
        "TLS 1.2 under another name only", _when(lambda s, n: s.sni == "other.test"), "PPPFP", ("other.test",)
    ),
    Row("TLS 1.2 under unknown names only", _when(lambda s, n: s.sni.endswith(".invalid")), "PPPFP"),
    Row("TLS 1.2 with ALPN only", _when(lambda s, n: s.alpn), "PPPFP"),
    Row("a pool with one in four old", _one_in_four_old, "PPPFP"),
    Row("unknown names refused", _unknown_names_refused, "PPPPP"),
    Row("never answers", lambda c: d.silence, "IIIII"),
    Row("speaks HTTP only", lambda c: d.garbage, "IIIII"),
)


def _observe(
    certificates: d.Certificates, folder: Path, *handlers: tuple[str, d.Handler], **gateway: Any
) -> TlsVersions:
    """Serve one handler per address, all on one port, and observe them as the addresses of localhost."""
    with ExitStack() as stack:
        port = 0
        for address, handler in handlers:
            port = stack.enter_context(d.listening(handler, address, port))
        resolve = {"localhost": tuple(address for address, _ in handlers)}
        return _seen(target(f"https://localhost:{port}", resolve=resolve, **gateway), certificates, folder)


def _seen(the_target: Target, certificates: d.Certificates, folder: Path) -> TlsVersions:
    one = session(the_target, certificates, folder)

    async def observe() -> TlsVersions:
        try:
            return await observe_versions(one, HASTE)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(observe())


def _verdicts(versions: TlsVersions) -> str:
    judged = (
        ssl3_is_refused(versions),
        tls10_is_refused(versions),
        tls11_is_refused(versions),
        tls12_is_refused(versions, declared()),
        tls13_is_negotiated(versions, NO_FACTS),
    )
    return "".join(type(verdict).__name__[0] for verdict in judged)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_deployment_gets_the_verdicts_it_deserves(
    row: Row, certificates: d.Certificates, tmp_path: Path
) -> None:
    handler = row.build(certificates)

    versions = _observe(certificates, tmp_path, ("127.0.0.1", handler), sni_names=row.sni_names)

    assert _verdicts(versions) == row.verdicts


def test_a_second_address_with_tls_1_2_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    modern, both = (d.tls(certificates.context(oldest, 0x0304)) for oldest in (0x0304, 0x0303))

    versions = _observe(certificates, tmp_path, ("127.0.0.1", modern), ("127.0.0.2", both))

    verdict = tls12_is_refused(versions, declared())
    assert isinstance(verdict, Fail)
    assert "127.0.0.2" in verdict.because
    assert "-connect 127.0.0.2:" in verdict.reproduction


def test_an_address_where_nobody_listens_is_inconclusive(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    with d.listening(modern) as port:
        two = target(f"https://localhost:{port}", resolve={"localhost": ("127.0.0.1", "127.0.0.2")})
        versions = _seen(two, certificates, tmp_path)

    assert _verdicts(versions) == "IIIII"
    assert isinstance(certificate_is_trusted(versions, NO_FACTS, NO_FACTS, NO_FACTS), Inconclusive)


def test_a_second_port_is_asked_too(certificates: d.Certificates, tmp_path: Path) -> None:
    modern, both = (d.tls(certificates.context(oldest, 0x0304)) for oldest in (0x0304, 0x0303))
    with d.listening(both) as other:
        versions = _observe(certificates, tmp_path, ("127.0.0.1", modern), tls_ports=(other,))

    assert _verdicts(versions) == "PPPFP"


def test_where_tls_1_2_is_promised_nothing_is_said_about_refusing_it(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    versions = _observe(certificates, tmp_path, ("127.0.0.1", d.tls(certificates.context(0x0303, 0x0304))))

    assert isinstance(tls12_is_refused(versions, declared(tls_floor="1.2")), NotApplicable)


def test_an_api_declared_without_tls_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    with d.listening(d.garbage) as port:
        versions = _seen(target(f"http://localhost:{port}"), certificates, tmp_path)

    assert isinstance(tls13_is_negotiated(versions, NO_FACTS), Fail)


def test_a_trusted_certificate_passes_and_a_strange_one_fails(
    certificates: d.Certificates, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = d.Certificates(tmp_path_factory.mktemp("stranger"))

    ours = _observe(certificates, tmp_path, ("127.0.0.1", d.tls(certificates.context(0x0304, 0x0304))))
    theirs = _observe(certificates, tmp_path, ("127.0.0.1", d.tls(stranger.context(0x0304, 0x0304))))

    assert isinstance(certificate_is_trusted(ours, NO_FACTS, NO_FACTS, NO_FACTS), Pass)
    assert isinstance(certificate_is_trusted(theirs, NO_FACTS, NO_FACTS, NO_FACTS), Fail)
    assert _verdicts(theirs) == "PPPPP"


def test_a_server_that_speaks_on_after_the_goodbye_is_read_all_the_same(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    def speaks_on(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass
        connection.sendall(b"one more thing")

    handler = d.tls(certificates.context(0x0304, 0x0304), speaks_on)

    versions = _observe(certificates, tmp_path, ("127.0.0.1", handler))

    assert isinstance(certificate_is_trusted(versions, NO_FACTS, NO_FACTS, NO_FACTS), Pass)


def test_a_certificate_for_another_name_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    with d.listening(d.tls(certificates.context(0x0304, 0x0304))) as port:
        other = target(f"https://other.test:{port}", resolve={"other.test": ("127.0.0.1",)})
        versions = _seen(other, certificates, tmp_path)

    assert isinstance(certificate_is_trusted(versions, NO_FACTS, NO_FACTS, NO_FACTS), Fail)


def test_a_host_that_is_an_address_is_asked_without_a_name(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    with d.listening(d.tls(certificates.context(0x0304, 0x0304))) as port:
        versions = _seen(target(f"https://127.0.0.1:{port}"), certificates, tmp_path)

    assert _verdicts(versions) == "PPPPP"
    assert isinstance(certificate_is_trusted(versions, NO_FACTS, NO_FACTS, NO_FACTS), Pass)
    assert {trial.place.sni for trial in versions.trials} == {"", UNKNOWN_NAME}


def test_a_host_without_an_address_cannot_be_observed(certificates: d.Certificates, tmp_path: Path) -> None:
    with pytest.raises(CannotObserve, match=r"no\.\.such-host"):
        _seen(target("https://no..such-host", resolve={}), certificates, tmp_path)


def test_evidence_survives_writing_and_is_judged_the_same(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    both = d.tls(certificates.context(0x0302, 0x0304))
    versions = _observe(certificates, tmp_path, ("127.0.0.1", both))

    again = msgspec.json.decode(msgspec.json.encode(versions), type=TlsVersions)

    assert again == versions
    assert tls11_is_refused(again) == tls11_is_refused(versions)


def test_one_place_takes_few_connections(certificates: d.Certificates, tmp_path: Path) -> None:
    versions = _observe(certificates, tmp_path, ("127.0.0.1", d.tls(certificates.context(0x0304, 0x0304))))

    assert sum(len(trial.attempts) for trial in versions.trials) <= 60
