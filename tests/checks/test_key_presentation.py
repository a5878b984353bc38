"""K5: a key opens only what it should, and refusals tell nothing."""

from typing import Any

import pytest

from conformance.checks.key_life import revocation_reaches_every_endpoint
from conformance.checks.key_presentation import (
    no_other_carrier_opens,
    only_the_whole_key_opens,
    refusals_give_nothing_back,
    refusals_look_alike,
)
from conformance.model.presented import (
    NO_KEY,
    EndpointControl,
    KeyPresentation,
    Presented,
    Refusal,
    Refusals,
)
from tests.checks.made import word


def tried(how: Any = "altered", what: str = "its first half", **more: Any) -> Presented:
    """An attempt that was refused."""
    fields: dict[str, Any] = {"endpoint": "/chat", "told": "401", "served": False}
    return Presented(how=how, what=what, **(fields | more))


CARRIER = tried("carrier", "in a cookie")
NONE = tried("placeholder", NO_KEY)
OPENED: dict[str, Any] = {"told": "200", "served": True}


def seen(*attempts: Presented, **more: Any) -> KeyPresentation:
    """Attempts at one endpoint, between calls that were served."""
    fields: dict[str, Any] = {
        "controls": (EndpointControl(endpoint="/chat", before=True, after=True),),
        "attempts": attempts or (tried(), CARRIER, NONE), "secret_bits": 200.0, "mixed_case": True, "unanswered": 0,
    }  # fmt: skip
    return KeyPresentation(**(fields | more))


def control(**more: Any) -> tuple[EndpointControl, ...]:
    """Whether one endpoint served the key as it should be presented."""
    fields: dict[str, Any] = {"endpoint": "/chat", "before": True, "after": True}
    return (EndpointControl(**(fields | more)),)


CASE = tried(what="in the other letter case", **OPENED)


@pytest.mark.parametrize(
    ("presentation", "verdict"),
    [
        (seen(), "pass"),
        (seen(tried(**OPENED)), "fail"),
        (seen(tried(told="404", reached=1)), "fail"),
        (seen(tried("placeholder", "undefined", **OPENED)), "fail"),
        (seen(tried("placeholder", NO_KEY, **OPENED)), "fail"),
        (seen(tried(**OPENED), controls=control(before=False)), "fail"),
        # Odd, and nobody who has not the whole key comes in.
        (seen(tried(), tried("scheme", "as Token", **OPENED)), "pass"),
        (seen(tried(), tried("doubled", "before an invented one", **OPENED)), "pass"),
        (seen(CASE, mixed_case=False), "pass"),
        (seen(CASE), "fail"),
        # No control, no pass.
        (seen(controls=control(before=False)), "inconclusive"),
        (seen(controls=control(after=False)), "inconclusive"),
        (seen(controls=control(before=False, public=True)), "pass"),
        (seen(unanswered=1), "inconclusive"),
        (seen(CARRIER), "inconclusive"),
    ],
)
def test_only_the_whole_key_opens(presentation: KeyPresentation, verdict: str) -> None:
    assert word(only_the_whole_key_opens(presentation)) == verdict


@pytest.mark.parametrize(
    ("presentation", "verdict"),
    [
        (seen(), "pass"),
        (seen(tried("carrier", "in the query as key", **OPENED)), "fail"),
        (seen(tried("carrier", "in the body", told="500", reached=1)), "fail"),
        (seen(tried(**OPENED), CARRIER), "pass"),
        # Where nobody needs a key, none is taken from a cookie.
        (
            seen(tried("carrier", "in a cookie", **OPENED), tried("placeholder", NO_KEY, **OPENED)),
            "inconclusive",
        ),
        (seen(controls=control(after=False)), "inconclusive"),
        (seen(unanswered=2), "inconclusive"),
        (seen(tried()), "inconclusive"),
    ],
)
def test_no_other_carrier_opens(presentation: KeyPresentation, verdict: str) -> None:
    assert word(no_other_carrier_opens(presentation)) == verdict


def refusal(state: Any = "unknown", **more: Any) -> Refusal:
    """A refusal like all others."""
    fields: dict[str, Any] = {"endpoint": "/chat", "told": "401", "headers": "h", "body": "b", "steady": True}
    return Refusal(state=state, **(fields | more))


def refused(**changed: dict[str, Any]) -> Refusals:
    """The four states, each changed by its name."""
    answers = tuple(
        refusal(state, **changed.get(state.replace(" ", "_"), {}))
        for state in ("unknown", "wrong secret", "revoked", "disabled")
    )
    return Refusals(answers=answers, secret_bits=200.0, alive=(), absent=())


@pytest.mark.parametrize(
    ("refusals", "verdict"),
    [
        (refused(), "pass"),
        (refused(revoked={"told": "403"}), "fail"),
        (refused(disabled={"body": "c"}), "fail"),
        (refused(revoked={"headers": "i"}), "fail"),
        (refused(revoked={"told": "403"}, disabled={"told": "403"}), "fail"),
        # An unknown key may be none at a glance; then the one with a wrong secret counts.
        (refused(unknown={"body": "malformed"}), "pass"),
        (refused(wrong_secret={"told": "400"}), "pass"),
        (refused(unknown={"told": "400"}, wrong_secret={"told": "400"}), "fail"),
        (refused(revoked={"steady": False}), "inconclusive"),
        (refused(unknown={"steady": False}, disabled={"told": "403"}), "fail"),
        (Refusals(answers=(), secret_bits=200.0, alive=(), absent=()), "inconclusive"),
        (
            Refusals(answers=refused().answers, secret_bits=200.0, alive=("revoked",), absent=()),
            "inconclusive",
        ),
        (Refusals(answers=refused().answers[:3], secret_bits=200.0, alive=(), absent=("disabled",)), "pass"),
    ],
)
def test_refusals_look_alike(refusals: Refusals, verdict: str) -> None:
    assert word(refusals_look_alike(refusals)) == verdict


@pytest.mark.parametrize(
    ("presentation", "refusals", "verdict"),
    [
        (seen(), refused(), "pass"),
        (seen(tried(shows=88.0)), refused(), "pass"),
        (seen(tried(shows=89.0)), refused(), "fail"),
        (seen(tried(whole=True)), refused(), "fail"),
        (seen(), refused(revoked={"whole": True}), "fail"),
        (seen(), refused(disabled={"shows": 150.0}), "fail"),
        # What is served is another check's.
        (seen(tried(whole=True, **OPENED)), refused(), "pass"),
        (seen(tried(), secret_bits=100.0), refused(), "pass"),
        (seen(), Refusals(answers=(), secret_bits=200.0, alive=(), absent=()), "inconclusive"),
    ],
)
def test_refusals_give_nothing_back(presentation: KeyPresentation, refusals: Refusals, verdict: str) -> None:
    assert word(refusals_give_nothing_back(presentation, refusals)) == verdict


@pytest.mark.parametrize(
    ("refusals", "presentation", "verdict"),
    [
        (refused(), seen(), "pass"),
        (refused(revoked={"told": "200"}), seen(), "fail"),
        (refused(disabled={"told": "200"}), seen(controls=control(before=False)), "fail"),
        (refused(revoked={"told": "200"}), seen(controls=control(public=True)), "inconclusive"),
        (refused(), seen(controls=control(after=False)), "inconclusive"),
        (refused(revoked={"told": "timeout", "steady": False}), seen(), "inconclusive"),
        (
            Refusals(answers=refused().answers, secret_bits=9.0, alive=("revoked",), absent=()),
            seen(),
            "inconclusive",
        ),
        (Refusals(answers=(), secret_bits=9.0, alive=(), absent=()), seen(), "inconclusive"),
    ],
)
def test_an_ended_key_is_refused_everywhere(
    refusals: Refusals, presentation: KeyPresentation, verdict: str
) -> None:
    assert word(revocation_reaches_every_endpoint(refusals, presentation)) == verdict
