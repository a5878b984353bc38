"""H1: an ordinary key administers nothing, another account neither, and the admin secret is no guess."""

from typing import Any

import pytest

from conformance.checks.key_tenancy import (
    accounts_are_separate,
    default_admin_secrets_are_refused,
    nobody_writes_what_the_gateway_keeps,
    ordinary_keys_administer_nothing,
)
from conformance.model.tenancy import (
    AccountSeparation,
    Act,
    Assigned,
    Assignment,
    DefaultSecrets,
    Guess,
    Tenancy,
)
from conformance.model.verdict import Pass
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
        # What the API's own document describes.
        (tenancy(act("GET /keys/{id}", **ALLOWED)), "pass"),
        (tenancy(act("DELETE /keys/{id}", changes=True, **ALLOWED)), "fail"),
        (tenancy(act("DELETE /keys/{id}", changes=True)), "pass"),
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


def test_ids_that_could_be_guessed_are_a_note_and_no_failure() -> None:
    verdict = ordinary_keys_administer_nothing(tenancy(ids=9, guessable="they lie 2^1 apart on average"))

    assert isinstance(verdict, Pass)
    assert [norm.verdict for norm in verdict.norm] == ["met", "not met"]


def accounts(*acts: Act, admitted: bool = True, **more: Any) -> AccountSeparation:
    """Operations with another account's credential, which is admitted to what is its own."""
    fields: dict[str, Any] = {
        "acts": acts or (act(told="404"),), "unanswered": 0, "admin_before": True, "admin_after": True,
        "other_serves": True, "limit_kept": True,
    }  # fmt: skip
    return AccountSeparation(admitted=admitted, **(fields | more))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (accounts(), "pass"),
        (accounts(act("listing", "all", **ALLOWED)), "pass"),
        (accounts(act("listing", "all", names=True, **ALLOWED)), "fail"),
        (accounts(act("rotate", **ALLOWED), admitted=False), "fail"),
        (accounts(other_serves=False), "fail"),
        (accounts(limit_kept=False), "fail"),
        (accounts(moved=True), "fail"),
        (accounts(moved=False), "pass"),
        (accounts(admitted=False), "inconclusive"),
        (accounts(admin_before=False), "inconclusive"),
        (accounts(unanswered=1), "inconclusive"),
    ],
)
def test_accounts_are_separate(seen: AccountSeparation, verdict: str) -> None:
    assert word(accounts_are_separate(seen)) == verdict


def sent(field: str = "usage", how: Any = "change", **more: Any) -> Assigned:
    """A field that was ignored."""
    return Assigned(**({"how": how, "field": field, "told": "200", "took": False} | more))


def assignment(*fields: Assigned, changed: bool = True, administers: bool | None = False) -> Assignment:
    """Fields sent along with changes that took effect."""
    return Assignment(changed=changed, fields=fields or (sent(), sent(how="create")), administers=administers)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (assignment(), "pass"),
        (assignment(administers=None), "pass"),
        (assignment(sent(took=True)), "fail"),
        (assignment(sent(how="create", took=True)), "fail"),
        (assignment(sent("PATCH limit", "own", took=True)), "fail"),
        (assignment(sent(took=True), changed=False), "fail"),
        (assignment(administers=True), "fail"),
        # An API that offers to write it means it.
        (assignment(sent(took=True, described=True)), "pass"),
        (assignment(sent(took=True, described=True), sent("role", took=True)), "fail"),
        (assignment(changed=False), "inconclusive"),
        (assignment(sent(decided=False)), "inconclusive"),
        (Assignment(changed=True, fields=(), administers=False), "inconclusive"),
    ],
)
def test_nobody_writes_what_the_gateway_keeps(seen: Assignment, verdict: str) -> None:
    assert word(nobody_writes_what_the_gateway_keeps(seen)) == verdict


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
