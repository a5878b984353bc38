"""K5: the time of a refusal tells nothing."""

import random
from typing import Any

import pytest

from conformance.checks.key_times import refusals_take_as_long
from conformance.model.refusal_times import RefusalTimes
from conformance.model.verdict import Inconclusive, Pass
from tests.checks.made import word

_DICE = random.Random(1)


def times(late: float = 0, *, noise: float = 50, rounds: int = 100, **more: Any) -> RefusalTimes:
    """Rounds in microseconds, in which a revoked key takes longer by `late`."""
    drawn = tuple(
        (int(500 + _DICE.gauss(0, noise)), int(500 + _DICE.gauss(0, noise) + late)) for _ in range(rounds)
    )
    fields: dict[str, Any] = {
        "endpoint": "/chat", "states": ("unknown", "revoked"), "most": 100, "served_before": True, "served_after": True,
    }  # fmt: skip
    return RefusalTimes(rounds=drawn, **(fields | more))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (times(), "pass"),
        (times(90), "pass"),
        (times(1000), "fail"),
        (times(-1000), "fail"),
        (times(1000, trouble="a connection broke", served_after=False), "fail"),
        (times(served_before=False), "inconclusive"),
        (times(served_after=False), "inconclusive"),
        (times(trouble="a connection broke"), "inconclusive"),
        (times(rounds=20), "inconclusive"),
        (times(rounds=0), "inconclusive"),
        (times(noise=9000), "inconclusive"),
        (RefusalTimes(asked=False), "inconclusive"),
    ],
)
def test_refusals_take_as_long(seen: RefusalTimes, verdict: str) -> None:
    assert word(refusals_take_as_long(seen)) == verdict


def test_a_pass_says_what_would_have_been_seen() -> None:
    said = refusals_take_as_long(times())

    assert isinstance(said, Pass)
    assert said.because.startswith("revoked took as long as unknown in 100 rounds; 0.1")


def test_what_is_too_little_to_matter_is_told_all_the_same() -> None:
    (norm,) = refusals_take_as_long(times(80, noise=10)).norm

    assert norm.verdict == "not met"
    assert norm.note.startswith("below what counts: revoked +")


def test_whoever_did_not_ask_is_told_how() -> None:
    said = refusals_take_as_long(RefusalTimes(asked=False))

    assert isinstance(said, Inconclusive)
    assert "--check keys.refusals-take-as-long" in said.decide
