"""K3: dead keys stay dead, while their siblings live."""

from typing import Any

import pytest

from conformance.checks.key_life import revocation_takes_effect, rotation_replaces_the_secret
from conformance.model.keys import Death, Rotation
from conformance.model.verdict import Fail, Pass
from tests.checks.made import death, declared, revocation, rotation, word

PROMISE = declared(revocation_latency=1.0)

DEATHS: list[tuple[dict[str, Any], str]] = [
    ({}, "pass"),
    ({"last_served_ms": 0}, "pass"),
    ({"last_served_ms": 1000}, "pass"),
    ({"last_served_ms": 1001}, "fail"),
    # A survivor needs no control …
    ({"last_served_ms": 1500, "alive_before": False}, "fail"),
    ({"last_served_ms": 1500, "sibling_served": 0, "polls_after_deadline": 0}, "fail"),
    # … a dead key does.
    ({"alive_before": False}, "inconclusive"),
    ({"sibling_served": 5}, "inconclusive"),
    ({"sibling_served": 0, "sibling_polls": 0}, "inconclusive"),
    ({"polls": 0, "refused": 0, "polls_after_deadline": 0, "refused_after_deadline": 0}, "inconclusive"),
    ({"polls_after_deadline": 2, "refused_after_deadline": 2}, "inconclusive"),
    ({"polls_after_deadline": 3, "refused_after_deadline": 3}, "pass"),
    ({"refused_after_deadline": 9}, "inconclusive"),
    # Refused at first, and silent when it counts.
    ({"refused": 20, "refused_after_deadline": 0}, "inconclusive"),
]


@pytest.mark.parametrize(("seen", "verdict"), DEATHS)
def test_a_revoked_key_is_refused_within_the_declared_time(seen: dict[str, Any], verdict: str) -> None:
    assert word(revocation_takes_effect(revocation(death(**seen)), PROMISE)) == verdict


@pytest.mark.parametrize(("seen", "verdict"), DEATHS)
def test_every_way_to_end_a_key_is_judged(seen: dict[str, Any], verdict: str) -> None:
    both = revocation(death(), death("disable", **seen))
    assert word(revocation_takes_effect(both, PROMISE)) == verdict


def test_a_survivor_outweighs_what_stayed_open() -> None:
    deaths = (death(alive_before=False), death("disable", last_served_ms=1500))
    said = revocation_takes_effect(revocation(*deaths), PROMISE)
    assert isinstance(said, Fail)
    assert "'disable'" in said.because


def test_without_a_death_nothing_is_proven() -> None:
    assert word(revocation_takes_effect(revocation(), PROMISE)) == "inconclusive"


def test_at_once_means_at_once() -> None:
    seen = revocation(death(last_served_ms=1))
    assert word(revocation_takes_effect(seen, declared(revocation_latency=0.0))) == "fail"


def test_a_pass_says_how_long_the_key_lived_on() -> None:
    said = revocation_takes_effect(revocation(death(last_served_ms=40)), PROMISE)
    assert isinstance(said, Pass)
    assert said.because.startswith("revoke: last served after 40 ms (declared: 1 s); 30 polls")


@pytest.mark.parametrize(("seen", "verdict"), DEATHS)
def test_the_secret_before_a_rotation_dies(seen: dict[str, Any], verdict: str) -> None:
    assert word(rotation_replaces_the_secret(rotation(old=death("rotate", **seen)), PROMISE)) == verdict


def _old(last_served_ms: int) -> Death:
    return death("rotate", last_served_ms=last_served_ms)


@pytest.mark.parametrize(
    ("seen", "overlap", "verdict"),
    [
        (rotation(differs=False), 0.0, "fail"),
        (rotation(differs=False, new_serves=False), 0.0, "fail"),
        (rotation(new_serves=False), 0.0, "inconclusive"),
        (rotation(new_serves=False, old=_old(1500)), 0.0, "fail"),
        (rotation(old=_old(1500)), 0.0, "fail"),
        (rotation(old=_old(1500)), 0.5, "pass"),
        (rotation(old=_old(1501)), 0.5, "fail"),
        (Rotation(absent="a new key takes its place"), 0.0, "not-applicable"),
        (Rotation(), 0.0, "inconclusive"),
    ],
)
def test_a_rotation_replaces_the_secret(seen: Rotation, overlap: float, verdict: str) -> None:
    promise = declared(revocation_latency=1.0, rotation_overlap=overlap)
    assert word(rotation_replaces_the_secret(seen, promise)) == verdict
