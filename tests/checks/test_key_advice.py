"""K6: existing keys, by limit, age, last use and environment."""

import pytest

from conformance.checks.key_advice import existing_keys_have_limits
from conformance.model.keys import ExistingKeys
from tests.checks.made import word


@pytest.mark.parametrize(
    ("total", "unlimited", "verdict"),
    [
        (3, 0, "pass"),
        (3, 1, "fail"),
        (3, None, "inconclusive"),
        (0, 0, "inconclusive"),
        (0, None, "inconclusive"),
    ],
)
def test_a_key_without_a_limit_is_told(total: int, unlimited: int | None, verdict: str) -> None:
    seen = ExistingKeys(total=total, unlimited=unlimited, oldest_days=None, aged=0)

    assert word(existing_keys_have_limits(seen)) == verdict


@pytest.mark.parametrize(
    ("oldest", "aged", "norms"), [(None, 0, []), (40, 0, ["met"]), (900, 2, ["not met"])]
)
def test_age_is_a_norm(oldest: int | None, aged: int, norms: list[str]) -> None:
    seen = ExistingKeys(total=5, unlimited=0, oldest_days=oldest, aged=aged)

    assert [norm.verdict for norm in existing_keys_have_limits(seen).norm] == norms


@pytest.mark.parametrize(("idle", "norms"), [(None, []), (0, ["met"]), (2, ["not met"])])
def test_keys_that_nobody_uses_are_a_norm(idle: int | None, norms: list[str]) -> None:
    seen = ExistingKeys(total=5, unlimited=0, oldest_days=None, aged=0, idle=idle, never=1)

    assert [norm.verdict for norm in existing_keys_have_limits(seen).norm] == norms


def test_environments_are_told() -> None:
    seen = ExistingKeys(total=5, unlimited=1, oldest_days=None, aged=0, environments={"test": 2, "live": 3})

    (norm,) = existing_keys_have_limits(seen).norm
    assert norm.note == "3 of 'live', 2 of 'test', of 5"
