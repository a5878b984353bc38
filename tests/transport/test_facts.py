"""Facts of TLS 1.3 on nginx and on fakes, and what standards say of them."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from conformance.checks.transport.norms import certificate_norms, handshake_norms, old_handshake_norms
from conformance.model.tls_facts import StandFacts, TlsFacts
from conformance.model.transport import Attempt, Outcome, Version
from conformance.probes.meter import Meter
from conformance.probes.tls.census import Stand
from conformance.probes.tls.certificates import described
from conformance.probes.tls.facts import Facts
from tests.transport import deployments as d
from tests.transport.corpus.nginx import Row, nginx
from tests.transport.corpus.pki import Pair, Pki
from tests.transport.sessions import LIMITS, NO_FACTS

NOW = "2026-11-26T12:00:00+00:00"
X25519MLKEM768, X25519, SECP521R1 = 0x11EC, 0x001D, 0x0019
MODERN = "ssl_protocols TLSv1.3; return 404;"
ROWS = (
    Row("modern", MODERN),
    Row("early data", f"ssl_early_data on; {MODERN}"),
    Row("no tickets", f"ssl_session_tickets off; {MODERN}"),
    Row("tickets for long", f"ssl_session_timeout 8d; {MODERN}"),
    Row("one group", f"ssl_ecdh_curve secp521r1; {MODERN}"),
    Row("one suite", f"ssl_conf_command Ciphersuites TLS_AES_128_CCM_8_SHA256; {MODERN}"),
    Row(
        "another default host",
        f"server_name localhost; {MODERN}",
        more="server { listen 127.0.0.1:PORT ssl default_server; OTHER ssl_protocols TLSv1.3; return 404; }",
    ),
    Row("TLS 1.2 only", "ssl_protocols TLSv1.2; return 404;"),
)


class Truth(NamedTuple):
    """Norms that a row does not meet, by source, and notes that must stand somewhere."""

    unmet: frozenset[str]
    notes: tuple[str, ...] = ()


FINITE = "BSI TR-02102-2, 3.4.4"  # OpenSSL offers its 2048 bits unless told otherwise
TRUTH = {
    "modern": Truth(frozenset({FINITE}), ("no early data", "longest here: 300 s", "x25519, secp256r1")),
    "early data": Truth(frozenset({FINITE, "RFC 8470, 3"}), ("up to 16384 bytes",)),
    "no tickets": Truth(frozenset({FINITE})),
    "tickets for long": Truth(frozenset({FINITE}), ("longest here: 604800 s",)),  # OpenSSL allows no more
    "one group": Truth(frozenset(), ("groups: secp521r1",)),
    "one suite": Truth(frozenset({FINITE, "RFC 9325, 4.2", "RFC 8446, 9.1"})),
    "another default host": Truth(frozenset({FINITE}), ("without SNI the certificate is for other.test",)),
}


def _facts(port: int) -> StandFacts | None:
    return asyncio.run(Facts(Stand("localhost", "127.0.0.1", port), Meter(LIMITS), 7).run())


def _whole(*stands: StandFacts | None) -> TlsFacts:
    return TlsFacts(stands=tuple(stand for stand in stands if stand), seed=7, now=NOW)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StandFacts | None]:
    """The facts about every row."""
    folder = tmp_path_factory.mktemp("facts")
    with nginx(folder, Pki(folder), 1, 1, ROWS) as deployments:
        return {one.name: _facts(one.port) for one in deployments}


@pytest.mark.parametrize("name", TRUTH)
def test_norms_are_met_where_they_are(name: str, seen: Mapping[str, StandFacts | None]) -> None:
    norms = handshake_norms(_whole(seen[name]))

    assert {norm.source for norm in norms if norm.verdict == "not met"} == TRUTH[name].unmet
    assert all(any(note in norm.note for norm in norms) for note in TRUTH[name].notes)


def test_tickets_that_live_too_long_do_not_meet_the_norm(seen: Mapping[str, StandFacts | None]) -> None:
    modern = seen["modern"]
    assert modern is not None
    assert modern.handshake is not None
    long = msgspec.structs.replace(modern.handshake, ticket_lifetimes=(300, 604_801))

    norms = handshake_norms(_whole(msgspec.structs.replace(modern, handshake=long)))

    assert "RFC 8446, 4.6.1" in {norm.source for norm in norms if norm.verdict == "not met"}


def test_where_tls13_is_not_spoken_there_are_no_facts(seen: Mapping[str, StandFacts | None]) -> None:
    assert seen["TLS 1.2 only"] is None
    assert handshake_norms(_whole(seen["TLS 1.2 only"])) == ()
    assert handshake_norms(NO_FACTS) == ()
    assert certificate_norms(NO_FACTS) == ()


def test_one_address_takes_few_connections(seen: Mapping[str, StandFacts | None]) -> None:
    modern = seen["modern"]

    assert modern is not None
    assert len(modern.suites) + len(modern.groups) <= 11


def test_facts_survive_writing_and_are_judged_the_same(seen: Mapping[str, StandFacts | None]) -> None:
    facts = _whole(*seen.values())

    again = msgspec.json.decode(msgspec.json.encode(facts), type=TlsFacts)

    assert again == facts
    assert handshake_norms(again) == handshake_norms(facts)


def _asks_for_a_hybrid(record: bytes) -> bytes:
    """A HelloRetryRequest for X25519MLKEM768, to whoever offers it without a share."""
    body = b"\x03\x03" + bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    body += b"\x00\x13\x01\x00" + b"\x00\x0c\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x02\x11\xec"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def test_a_hybrid_group_is_seen_by_the_request_for_it(certificates: d.Certificates) -> None:
    modern = d.tls(certificates.context(0x0304, 0x0304))
    hybrid = d.answering(_asks_for_a_hybrid)
    handler = d.by_record(lambda record: hybrid if b"\x11\xec\x11\xeb\x11\xed" in record else modern)
    with d.listening(handler) as port:
        norms = handshake_norms(_whole(_facts(port)))

    assert any(norm.note == "agreed to: X25519MLKEM768" for norm in norms)


def test_what_a_certificate_lacks_is_told(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    pairs = (
        pki.leaf("good", days=(-1, 60)),
        pki.leaf("modern", key=ed25519.Ed25519PrivateKey.generate(), days=(-1, 60)),
        pki.leaf("weak", key=short, days=(-1, 60)),
        pki.leaf("nameless", names=(), days=(-1, 60)),
        pki.leaf("ending", days=(-80, 2)),
    )
    with ExitStack() as stack:
        norms = [
            {
                norm.source
                for norm in certificate_norms(_whole(_served(stack, pair)))
                if norm.verdict == "not met"
            }
            for pair in pairs
        ]

    assert norms == [set(), set(), {"RFC 9325, 4.5"}, {"RFC 9525, 2"}, {"expiry"}]


def _served(stack: ExitStack, pair: Pair) -> StandFacts | None:
    context = d.server_context(pair.chain, pair.key, 0x0304, 0x0304)
    return _facts(stack.enter_context(d.listening(d.tls(context))))


def test_what_is_no_certificate_is_left_out() -> None:
    assert described(b"\x30\x03\x02\x01\x01") is None


def _agreed(**more: object) -> Attempt:
    fields = {"offered": Version.TLS12, "outcome": Outcome.SERVER_HELLO, "version": Version.TLS12} | more
    return msgspec.convert(msgspec.to_builtins(fields), Attempt)


def test_what_an_old_handshake_lacks_is_told() -> None:
    bare, whole = _agreed(compression=1), _agreed(renegotiation_info=True, sentinel=True)

    unmet = [
        norm.source for norm in old_handshake_norms([bare], beside_modern=True) if norm.verdict == "not met"
    ]

    assert unmet == ["RFC 9325, 3.3", "RFC 5746, 3.6", "RFC 8446, 4.1.3"]
    assert all(norm.verdict == "met" for norm in old_handshake_norms([whole], beside_modern=True))
    assert old_handshake_norms([], beside_modern=True) == ()
