"""What counts as refused, as a table over attempts."""

import pytest

from conformance.checks.transport.refusal import Standing, standing
from conformance.model.transport import Attempt, Kind, Outcome, Place, PlaceTrial, Version

GOOD = Attempt(offered=Version.TLS13, outcome=Outcome.SERVER_HELLO, version=Version.TLS13, complete=True)
BAD = Attempt(offered=Version.TLS13, outcome=Outcome.SILENCE)
AWAY = Attempt(offered=Version.TLS13, outcome=Outcome.ALERT, alert=112)


def old(outcome: Outcome, *, alert: int | None = None, acknowledged: bool | None = True) -> Attempt:
    return Attempt(offered=Version.TLS12, outcome=outcome, alert=alert, acknowledged=acknowledged)


ALERT = old(Outcome.ALERT, alert=70)
CLOSED = old(Outcome.CLOSED)
RESET = old(Outcome.RESET)
UNHEARD = old(Outcome.CLOSED, acknowledged=False)
UNTOLD = old(Outcome.CLOSED, acknowledged=None)
SILENCE = old(Outcome.SILENCE)
BEGUN = Attempt(
    offered=Version.TLS12, outcome=Outcome.SERVER_HELLO, version=Version.TLS12, suite=0xC02F, alert=40
)
BROKEN_OFF = Attempt(offered=Version.TLS12, outcome=Outcome.SERVER_HELLO, version=Version.TLS12)
REFUSED, UNCLEAR, NO_SERVICE = Standing.REFUSED, Standing.UNCLEAR, Standing.NO_SERVICE

TABLE: tuple[tuple[str, tuple[Attempt, ...], Kind, Standing], ...] = (
    ("one alert", (GOOD, ALERT, GOOD), "right", REFUSED),
    ("an alert, but the control failed after it", (GOOD, ALERT, BAD), "right", UNCLEAR),
    ("three closes", (GOOD, CLOSED, GOOD, CLOSED, GOOD, CLOSED, GOOD), "right", REFUSED),
    ("two closes", (GOOD, CLOSED, GOOD, CLOSED, GOOD), "right", UNCLEAR),
    ("close and reset are one answer", (GOOD, CLOSED, GOOD, RESET, GOOD, CLOSED, GOOD), "right", REFUSED),
    ("one close beside a failed control", (GOOD, CLOSED, GOOD, CLOSED, BAD, CLOSED, GOOD), "right", UNCLEAR),
    (
        "closes before the hello was heard",
        (GOOD, UNHEARD, GOOD, UNHEARD, GOOD, UNHEARD, GOOD),
        "right",
        UNCLEAR,
    ),
    ("closes of which TCP does not tell", (GOOD, UNTOLD, GOOD, UNTOLD, GOOD, UNTOLD, GOOD), "right", UNCLEAR),
    ("silence", (GOOD, SILENCE, GOOD, SILENCE, GOOD), "right", UNCLEAR),
    ("an alert and a silence", (GOOD, ALERT, GOOD, SILENCE, GOOD), "right", UNCLEAR),
    ("an alert and a close", (GOOD, ALERT, GOOD, CLOSED, GOOD), "right", UNCLEAR),
    ("never asked", (GOOD, GOOD), "right", UNCLEAR),
    ("ServerHello, then an alert", (GOOD, BEGUN, GOOD), "right", REFUSED),
    ("ServerHello, then nothing", (GOOD, BROKEN_OFF, GOOD), "right", UNCLEAR),
    ("nothing speaks 1.3 here", (BAD, ALERT, BAD), "right", UNCLEAR),
    ("an unknown name is turned away", (AWAY, ALERT, AWAY), "unknown", NO_SERVICE),
    ("an unknown name meets silence", (AWAY, SILENCE, AWAY), "unknown", UNCLEAR),
    ("a name is turned away with 1.3, silence before", (BAD, ALERT, AWAY), "unknown", UNCLEAR),
)


@pytest.mark.parametrize(
    ("attempts", "kind", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_only_a_proven_refusal_counts(attempts: tuple[Attempt, ...], kind: Kind, expected: Standing) -> None:
    place = Place(host="api.test", address="192.0.2.1", port=443, sni="api.test", kind=kind)

    assert standing(PlaceTrial(place=place, attempts=attempts, hellos={}), Version.TLS12).standing is expected


def test_a_server_hello_before_the_alert_is_noted() -> None:
    place = Place(host="api.test", address="192.0.2.1", port=443, sni="api.test", kind="right")

    word = standing(PlaceTrial(place=place, attempts=(GOOD, BEGUN, GOOD), hellos={}), Version.TLS12)

    assert "ServerHello came before the alert" in word.note


LOST = Attempt(offered=Version.TLS13, outcome=Outcome.RESET)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ((GOOD, ALERT, LOST, ALERT, GOOD, RESET, GOOD, ALERT, GOOD), REFUSED),
        ((GOOD, ALERT, GOOD, ALERT, GOOD, RESET, GOOD, ALERT, GOOD), UNCLEAR),
        ((GOOD, ALERT, LOST, ALERT, GOOD, RESET, GOOD), UNCLEAR),
        ((GOOD, ALERT, AWAY, ALERT, GOOD, SILENCE, GOOD, ALERT, GOOD), UNCLEAR),
    ],
)
def test_alerts_outweigh_lost_answers_only_where_controls_are_lost_too(
    attempts: tuple[Attempt, ...], expected: Standing
) -> None:
    place = Place(host="api.test", address="192.0.2.1", port=443, sni="api.test", kind="right")

    assert standing(PlaceTrial(place=place, attempts=attempts, hellos={}), Version.TLS12).standing is expected
