"""The transport table says of a place what the checks say of it."""

import pytest

from conformance.judge import Gathered
from conformance.model.evidence import Unobserved
from conformance.model.exhibit import TransportRow, TransportWord
from conformance.model.scale import Fault
from conformance.model.transport import (
    Attempt,
    Confirmation,
    Handshake,
    HstsAnswer,
    HstsAnswers,
    Kind,
    Outcome,
    Place,
    PlaceTrial,
    TlsVersions,
    Version,
)
from conformance.transport_table import transport_table
from tests.transport.test_refusal import AWAY, BAD, BROKEN_OFF, GOOD, SILENCE, TABLE

_ACCEPTED = Attempt(offered=Version.TLS12, outcome=Outcome.SERVER_HELLO, version=Version.TLS12, complete=True)


def place(kind: Kind = "right", address: str = "192.0.2.1", sni: str = "api.test") -> Place:
    return Place(host="api.test", address=address, port=443, sni=sni, kind=kind)


def seen(*trials: PlaceTrial, **more: object) -> Gathered:
    return {"TlsVersions": TlsVersions(seed=1, vantage="here", trials=trials, **more)}  # type: ignore[arg-type]


def rows(*attempts: Attempt, kind: Kind = "right", **more: object) -> tuple[TransportRow, ...]:
    return transport_table(seen(PlaceTrial(place=place(kind), attempts=attempts, hellos={}), **more))


_WORDS: dict[str, TransportWord] = {
    "REFUSED": "refused",
    "UNCLEAR": "unclear",
    "NO_SERVICE": "no service",
}
_ASKED = [row for row in TABLE if any(attempt.offered is Version.TLS12 for attempt in row[1])]


@pytest.mark.parametrize(
    ("attempts", "kind", "word"),
    [(attempts, kind, _WORDS[standing.name]) for _, attempts, kind, standing in _ASKED],
    ids=[row[0] for row in _ASKED],
)
def test_an_old_version_stands_as_the_rule_for_refusals_has_it(
    attempts: tuple[Attempt, ...], kind: Kind, word: TransportWord
) -> None:
    [row] = rows(*attempts, kind=kind)

    assert row.versions["TLS 1.2"] == word


def test_a_whole_flight_is_agreement() -> None:
    [row] = rows(GOOD, _ACCEPTED, GOOD)

    assert row.versions["TLS 1.2"] == "agreed"
    assert row.versions["TLS 1.3"] == "agreed"
    assert row.versions["TLS 1.0"] == "not tried"


def test_a_broken_flight_is_agreement_where_the_handshake_was_finished_beside_it() -> None:
    finished = Confirmation(place=place(), offered=Version.TLS12, finished=True)

    [row] = rows(GOOD, BROKEN_OFF, GOOD, confirmations=(finished,))

    assert row.versions["TLS 1.2"] == "agreed"


@pytest.mark.parametrize(
    ("attempts", "kind", "word"), [((BAD, SILENCE), "right", "unclear"), ((AWAY,), "unknown", "no service")]
)
def test_a_place_that_never_agrees_to_tls13_has_no_tick(
    attempts: tuple[Attempt, ...], kind: Kind, word: TransportWord
) -> None:
    [row] = rows(*attempts, kind=kind)

    assert row.versions["TLS 1.3"] == word


_ASKED_BY_NAME: tuple[tuple[Kind, str, Attempt], ...] = (
    ("right", "api.test", SILENCE),
    ("none", "", SILENCE),
    ("unknown", "x.test", _ACCEPTED),
)


def test_names_of_an_address_that_are_treated_alike_share_a_row() -> None:
    trials = [
        PlaceTrial(place=place(kind, sni=sni), attempts=(GOOD, last, GOOD), hellos={})
        for kind, sni, last in _ASKED_BY_NAME
    ]

    found = transport_table(seen(*trials))

    assert [row.names for row in found] == [("api.test", "no name"), ("unknown name",)]


def test_what_one_name_was_not_asked_another_of_its_address_may_know() -> None:
    trials = (
        PlaceTrial(place=place(), attempts=(GOOD,), hellos={}),
        PlaceTrial(place=place("none", sni=""), attempts=(GOOD, _ACCEPTED, GOOD), hellos={}),
    )

    [row] = transport_table(seen(*trials))

    assert row.names == ("api.test", "no name")
    assert row.versions["TLS 1.2"] == "agreed"


def test_certificate_and_hsts_stand_beside_their_address() -> None:
    shake = Handshake(place=place(), verified=True, not_after="2027-01-01T00:00:00+00:00")
    hsts = HstsAnswers(
        answers=(
            _hsts("192.0.2.1", ("max-age=63072000",)),
            _hsts("192.0.2.1", ()),
            _hsts("192.0.2.2", ("max-age=1",)),
        )
    )
    gathered = seen(PlaceTrial(place=place(), attempts=(GOOD,), hellos={}), handshakes=(shake,))

    [row] = transport_table(gathered | {"HstsAnswers": hsts})

    assert row.certificate == "trusted, until 2027-01-01"
    assert row.hsts == "max-age=63072000; none"


def test_an_untrusted_certificate_says_why() -> None:
    shake = Handshake(place=place(), verified=False, trouble="self-signed certificate", untrusted=True)

    [row] = rows(GOOD, handshakes=(shake,))

    assert row.certificate == "self-signed certificate"


def test_an_ipv6_address_stands_in_brackets() -> None:
    trial = PlaceTrial(place=place(address="2001:db8::1"), attempts=(GOOD,), hellos={})

    [row] = transport_table(seen(trial))

    assert row.address == "[2001:db8::1]:443"


def test_what_was_not_observed_has_no_rows() -> None:
    unobserved = Unobserved(reason="no route", fault=Fault.NETWORK, decide="repeat")

    assert transport_table({"TlsVersions": unobserved}) == ()
    assert transport_table({}) == ()


def _hsts(address: str, fields: tuple[str, ...]) -> HstsAnswer:
    return HstsAnswer(
        url="https://api.test/",
        address=address,
        wanted="200",
        request="models",
        reached=True,
        status=200,
        fields=fields,
    )
