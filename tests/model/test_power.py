"""The power statement is true: who keeps as much as the bound says is missed at most once in twenty times."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.retention import surfaces_hold_no_content
from conformance.model.campaign import Campaign
from conformance.model.evidence import Unobserved
from conformance.model.power import bound, percent
from conformance.model.storage import ScannedSurface
from conformance.model.verdict import Pass
from conformance.retention_map import drawn
from tests.checks.test_retention import NOT_RUN, campaign, scan, sighting, surface

_SEEDS = 2000
_ALLOWED = 0.05 + 3 * (0.05 * 0.95 / _SEEDS) ** 0.5  # three standard errors of so many runs


@given(st.integers(1, 10_000), st.floats(0.01, 1.0))
def test_whoever_keeps_the_bound_is_missed_at_most_once_in_twenty_times(
    counted: int, sensitivity: float
) -> None:
    share = bound(counted, sensitivity)

    missed = (1 - (share or 1.0) * sensitivity) ** counted
    assert (missed <= 0.05 + 1e-9) if share is not None else (missed >= 0.05 - 1e-3)


@given(st.integers(3, 10_000), st.floats(0.05, 1.0))
def test_the_rule_of_three_is_met_from_below(counted: int, sensitivity: float) -> None:
    share = bound(counted, sensitivity)

    assert share is None or 0.6 * 3 / (counted * sensitivity) < share <= 1.01 * 3 / (counted * sensitivity)


@given(st.integers(1, 5000), st.floats(0.01, 0.99))
def test_who_sees_less_or_was_shown_less_promises_less(counted: int, sensitivity: float) -> None:
    best = bound(counted + 1, 1.0)

    assert best is not None
    assert best <= (bound(counted, 1.0) or 1.0) <= (bound(counted, sensitivity) or 1.0)


@pytest.mark.parametrize(("counted", "sensitivity"), [(0, 1.0), (60, 0.0), (1, 0.5), (-1, 1.0)])
def test_where_nothing_is_bounded_nothing_is_said(counted: int, sensitivity: float) -> None:
    assert bound(counted, sensitivity) is None


@pytest.mark.parametrize(
    ("counted", "said"), [(1, "95 %"), (3, "64 %"), (60, "4.9 %"), (300, "1 %"), (3000, "0.1 %")]
)
def test_a_bound_is_printed_with_two_digits_and_never_too_small(counted: int, said: str) -> None:
    share = bound(counted, 1.0)

    assert share is not None
    assert percent(share) == said
    assert (1 - float(said.removesuffix(" %")) / 100) ** counted <= 0.05 + 1e-9


@pytest.mark.parametrize(("sample", "sensitivity"), [(60, 1.0), (60, 5 / 6), (300, 1.0), (300, 0.5)], ids=str)
def test_samplers_at_the_bound_pass_the_check_at_most_once_in_twenty_times(
    sample: int, sensitivity: float
) -> None:
    sent = campaign(counted=sample, sent=sample)
    clean = surface(sensitivity=sensitivity)
    (stated,) = drawn(scan(clean), sent.paths, ()).bounds

    passed = sum(
        _passes(_sampled(random.Random(seed), stated.at_most or 1.0, sample, clean), sent)
        for seed in range(_SEEDS)
    )

    assert passed / _SEEDS <= _ALLOWED


def _sampled(dice: random.Random, share: float, requests: int, clean: ScannedSurface) -> ScannedSurface:
    """The surface of a gateway that keeps a share of its requests, as a scan shows it that sees what it is said to see."""
    seen = sum(dice.random() < share and dice.random() < clean.sensitivity for _ in range(requests))
    return surface(*[sighting("user")] * min(seen, 1), sensitivity=clean.sensitivity)


def _passes(seen: ScannedSurface, sent: Campaign) -> bool:
    restarts: Unobserved = NOT_RUN
    return isinstance(surfaces_hold_no_content(scan(seen), sent, restarts), Pass)
