"""H1: an ordinary key administers nothing, and the admin credential is nobody's guess."""

from typing import Any

import pytest

from conformance.checks.key_tenancy import (
    default_admin_secrets_are_refused,
    ordinary_keys_administer_nothing,
)
from conformance.model.tenancy import Act, DefaultSecrets, Guess, Tenancy
from tests.checks.made import word


def act(operation: str = "read", about: Any = "another", **more: Any) -> Act:
    """An operation that was refused."""
    fields: dict[str, Any] = {"told": "403", "allowed": False}
    return Act(operation=operation, about=about, **(fields | more))


ALLOWED: dict[str, Any] = {"told": "200", "allowed": True}


def tenancy(*acts: Act, **more: Any) -> Tenancy:
    """Operations with an ordinary key, while the administrator's worked."""
    fields: dict[str, Any] = {
        "acts": acts or (act(), act("create", "all")), "unanswered": 0, "admin_before": True, "admin_after": True,
        "other_serves": True, "limit_kept": True,
    }  # fmt: skip
    return Tenancy(**(fields | more))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (tenancy(), "pass"),
        (tenancy(act(**ALLOWED)), "fail"),
        (tenancy(act("set_limit", "itself", **ALLOWED)), "fail"),
        (tenancy(act("create", "all", **ALLOWED), admin_before=False), "fail"),
        # A listing may answer with what is the caller's own.
        (tenancy(act("listing", "all", **ALLOWED)), "pass"),
        (tenancy(act("listing", "all", names=True, **ALLOWED)), "fail"),
        (tenancy(act("GET /export", **ALLOWED)), "pass"),
        (tenancy(act("GET /export", names=True, **ALLOWED)), "fail"),
        # Refused, and done all the same.
        (tenancy(limit_kept=False), "fail"),
        (tenancy(other_serves=False), "fail"),
        (tenancy(limit_kept=None, other_serves=None), "pass"),
        (tenancy(admin_before=False), "inconclusive"),
        (tenancy(admin_after=False), "inconclusive"),
        (tenancy(unanswered=1), "inconclusive"),
        (
            Tenancy(
                acts=(), unanswered=0, admin_before=True, admin_after=True, other_serves=None, limit_kept=None
            ),
            "inconclusive",
        ),
    ],
)
def test_an_ordinary_key_administers_nothing(seen: Tenancy, verdict: str) -> None:
    assert word(ordinary_keys_administer_nothing(seen)) == verdict


def guessed(*told: str, **more: Any) -> DefaultSecrets:
    """Guesses by what they were answered."""
    guesses = tuple(
        Guess(number=number, told=status, admitted=status == "200", decided=status in {"200", "401"})
        for number, status in enumerate(told, start=1)
    )
    fields: dict[str, Any] = {
        "guesses": guesses,
        "asked": "/keys",
        "before": True,
        "after": True,
        "open": False,
    }
    return DefaultSecrets(**(fields | more))


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        (guessed("401", "401"), "pass"),
        (guessed("401", "200"), "fail"),
        (guessed("401", "200", before=False), "fail"),
        (guessed("401", open=True), "fail"),
        (guessed("401", "429", after=False), "inconclusive"),
        (guessed("401", before=False), "inconclusive"),
        (guessed("401", "timeout"), "inconclusive"),
    ],
)
def test_a_well_known_secret_administers_nothing(tried: DefaultSecrets, verdict: str) -> None:
    assert word(default_admin_secrets_are_refused(tried)) == verdict
