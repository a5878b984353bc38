"""K4: what is secret of a key holds 128 bits."""

from typing import Any

import msgspec
import pytest

from conformance.checks.key_secrets import environments_are_separate, secrets_are_unguessable
from conformance.model.keys import Crossing, EnvironmentSeparation, Pattern, SecretSample
from tests.checks.made import declared, word

CLOCK = Pattern(
    what="ordered", detail="what stands between positions 1 and 9 rises", characters=9, chance=1e-12
)


def sample(**more: Any) -> SecretSample:
    """Two hundred keys of 160 bits."""
    fields: dict[str, Any] = {
        "created": 200, "in_order": 16, "lengths": (43,), "prefix": "sk-", "varying": 40, "alphabet": "hex",
        "capacity": 160.0, "left": 160.0, "checksum": "", "public": 0, "patterns": (), "tried": 2, "least_space": 12.7,
    }  # fmt: skip
    return SecretSample(**(fields | more))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (sample(), "pass"),
        (sample(capacity=128.0, left=128.0), "pass"),
        (sample(capacity=127.0, left=127.0), "fail"),
        (sample(capacity=122.0, left=122.0), "fail"),
        # What owes to a clock does not count, and need not.
        (sample(capacity=160.0, left=124.0, patterns=(CLOCK,)), "fail"),
        (sample(capacity=200.0, left=160.0, patterns=(CLOCK,)), "pass"),
        # A flaw needs no sample size; its absence does.
        (sample(created=5, left=60.0), "fail"),
        (sample(created=11), "inconclusive"),
        (sample(created=12), "pass"),
    ],
)
def test_secrets_hold_128_bits_beside_every_pattern(seen: SecretSample, verdict: str) -> None:
    assert word(secrets_are_unguessable(seen, declared())) == verdict


@pytest.mark.parametrize(
    ("more", "met"),
    [
        ({}, ("met", "not met", "not met")),
        ({"prefix": "gw_live_", "checksum": "CRC-32 in hex"}, ("met", "met", "met")),
        ({"prefix": ""}, ("not met", "not met", "not met")),
    ],
)
def test_form_is_a_norm_and_decides_nothing(more: dict[str, Any], met: tuple[str, ...]) -> None:
    verdict = secrets_are_unguessable(sample(**more), declared())

    assert word(verdict) == "pass"
    assert tuple(norm.verdict for norm in verdict.norm) == met


def separation(*told: tuple[str, str, str]) -> EnvironmentSeparation:
    """What one deployment answered its own key, an invented one and a foreign one."""
    return EnvironmentSeparation(
        crossings=tuple(
            Crossing(key_of="one", at="the other", own=own, invented=invented, told=foreign)
            for own, invented, foreign in told
        )
    )


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (separation(("200", "401", "401"), ("404", "403", "403")), "pass"),
        (separation(("200", "401", "401"), ("200", "401", "200")), "fail"),
        (separation(("404", "401", "404"), ("timeout", "timeout", "timeout")), "fail"),
        # Open to anybody, not reached, or answered in a third way: nothing is known.
        (separation(("200", "200", "200"), ("200", "401", "401")), "inconclusive"),
        (separation(("timeout", "timeout", "timeout")), "inconclusive"),
        (separation(("200", "401", "429")), "inconclusive"),
        (separation(("200", "503", "503")), "inconclusive"),
        (separation(("200", "reset", "reset")), "inconclusive"),
        (separation(), "inconclusive"),
    ],
)
def test_a_key_of_one_environment_opens_nothing_in_another(seen: EnvironmentSeparation, verdict: str) -> None:
    assert word(environments_are_separate(seen)) == verdict


@pytest.mark.parametrize(("access", "told"), [((), True), (("other-environment",), False)])
def test_it_is_said_where_no_other_environment_was_tried(access: tuple[str, ...], told: bool) -> None:
    verdict = secrets_are_unguessable(sample(), msgspec.structs.replace(declared(), access=access))

    assert ("not tried" in verdict.because) is told
